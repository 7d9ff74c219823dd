// A box for files: chosen or dropped, they go to the server one after the other, and the page hears when all are there.
const part = (tag, className, text) => {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
};

const size = (bytes) => {
  const units = ["B", "kB", "MB", "GB"];
  let step = 0;
  while (bytes >= 1000 && step < 3) { bytes /= 1000; step += 1; }
  return `${bytes < 10 && step ? bytes.toFixed(1) : Math.round(bytes)} ${units[step]}`;
};

function send({ url, most, limit }, file, tell) {
  return new Promise((resolve, reject) => {
    if (most && file.size > most) return reject(new Error(`Too large: a file may have ${limit} here.`));
    const request = new XMLHttpRequest();
    request.open("PUT", `${url}?name=${encodeURIComponent(file.name)}`);
    request.upload.onprogress = (event) => tell(event.loaded / Math.max(1, event.total));
    request.onload = () => {
      if (request.status < 300) return resolve();
      let words = "";
      try { words = JSON.parse(request.responseText).detail; } catch { /* an answer of another program */ }
      reject(new Error(words || `The server answered ${request.status}.`));
    };
    request.onerror = () => reject(new Error("The connection was lost. Choose the file again."));
    request.send(file);
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".box");
  const input = parentElement.querySelector("input");
  const list = parentElement.querySelector(".files");
  box.querySelector("b").textContent = data.label;
  box.querySelector("span").textContent = data.hint;
  box.classList.toggle("thin", data.thin);
  // Files may be on their way while the page draws itself anew: the last voice counts.
  box.tell = setTriggerValue;
  box.listening?.abort();
  const listening = (box.listening = new AbortController());
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal });

  // What comes while others are on their way waits for its turn.
  const waiting = (box.waiting ??= []);
  const take = async (files) => {
    if (!files.length) return;
    if (!box.dataset.busy) list.replaceChildren();
    for (const file of files) {
      const row = part("li", "");
      const bar = part("span", "bar");
      bar.append(part("i", ""));
      row.append(part("span", "name", file.name), bar, part("span", "told", size(file.size)));
      list.append(row);
      waiting.push([file, row]);
    }
    if (box.dataset.busy) return;
    box.dataset.busy = "yes";
    const done = [];
    let sent = 0;
    while (waiting.length) {
      const [file, row] = waiting.shift();
      const fill = row.querySelector("i");
      const told = row.querySelector(".told");
      try {
        await send(data, file, (share) => {
          fill.style.width = `${share * 100}%`;
          told.textContent = `${Math.floor(share * 100)} %`;
        });
        fill.style.width = "100%";
        told.textContent = size(file.size);
        sent += 1;
      } catch (error) {
        row.append(part("span", "failed", error.message));
      }
      done.push(row);
    }
    delete box.dataset.busy;
    // Where the page shows what it took, only what failed is still to be told.
    if (data.forgets) for (const row of done) if (!row.querySelector(".failed")) row.remove();
    if (sent) box.tell("sent", sent);
  };

  on(box, "click", () => input.click());
  on(box, "keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    input.click();
  });
  on(input, "change", () => { take(input.files).finally(() => { input.value = ""; }); });
  on(box, "dragover", (event) => { event.preventDefault(); box.classList.add("over"); });
  on(box, "dragleave", () => box.classList.remove("over"));
  on(box, "drop", (event) => {
    event.preventDefault();
    box.classList.remove("over");
    take(event.dataTransfer.files);
  });
}
