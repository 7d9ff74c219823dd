// A list of records: one is selected, by mouse or by the keyboard (up, down, j, k, Home, End; "/" goes to the
// search), or by the arrows beside the record that is shown. The server is told a moment after the last key, so that a held key walks and does not load.
const KEY_PAUSE = 70;

const part = (tag, className, text) => {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined && text !== null) node.textContent = text;
  return node;
};

function drawRow(row) {
  const option = part("div", row.unread ? "row unread" : "row");
  option.role = "option";
  option.id = `row-${row.id}`;
  option.dataset.id = row.id;
  if (!row.text && !row.when) option.classList.add("single");
  const avatar = part("span", row.icon ? "avatar icon" : "avatar", row.icon || row.initials);
  avatar.style.setProperty("--hue", row.hue);
  avatar.ariaHidden = "true";
  if (row.picture) {
    // It covers the initials, which stay where it cannot be loaded.
    const picture = part("i", "");
    picture.style.backgroundImage = `url("${row.picture}")`;
    avatar.append(picture);
  }
  const words = part("div", "words");
  const first = part("div", "line");
  first.append(part("span", "title", row.title));
  if (row.note) first.append(part("span", "note", row.note));
  words.append(first);
  if (row.text || row.when) words.append(part("div", "line text", row.text || "\u00a0"));
  const end = part("div", "end");
  if (row.text || row.when) end.append(part("span", "when", row.when || "\u00a0"));
  if (row.unread) {
    const count = part("span", "count", row.unread > 99 ? "99+" : row.unread);
    count.title = `${row.unread} unread`;
    end.append(count);
  } else if (row.status) {
    const badge = part("span", `badge ${row.color}`);
    badge.title = row.status;
    end.append(badge);
  }
  option.append(avatar, words, end);
  return option;
}

function draw(box, data) {
  const before = [...box.querySelectorAll(".row")].map((row) => row.dataset.id);
  const longer = before.length > 0 && before.every((id, i) => data.rows[i]?.id === id);
  const top = box.scrollTop;
  box.replaceChildren(...data.rows.map(drawRow));
  if (!data.rows.length) box.append(part("div", "none", data.none));
  if (data.more) box.append(part("div", "none", "Loading more …"));
  box.scrollTop = longer ? top : 0;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const box = parentElement.querySelector(".list");
  box.style.height = data.height;
  box.ariaLabel = data.label;
  const redrawn = box.dataset.version !== data.version;
  if (redrawn) {
    box.dataset.version = data.version;
    delete box.dataset.asked;
    draw(box, data);
  }
  const rows = [...box.querySelectorAll(".row")];
  const selected = () => rows.findIndex((row) => row.ariaSelected === "true");
  const mark = (chosen, reveal) => {
    for (const row of rows) row.ariaSelected = row === chosen ? "true" : "false";
    if (!chosen) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", chosen.id);
    if (reveal) chosen.scrollIntoView({ block: "nearest" });
  };
  // What the server says counts when it is new; between its words the person's own choice stays.
  if (redrawn || box.dataset.told !== String(data.selected)) {
    if (box.dataset.told !== String(data.selected)) delete box.dataset.mine;
    box.dataset.told = String(data.selected);
    const id = box.dataset.mine ?? data.selected;
    mark(rows.find((row) => row.dataset.id === id), !redrawn);
  }
  let timer;
  const pick = (row, pause) => {
    mark(row, true);
    box.dataset.mine = row.dataset.id;
    clearTimeout(timer);
    timer = setTimeout(() => setStateValue("selected", row.dataset.id), pause);
  };
  // Streamlit writes a key into its class with a dash for whatever a class may not have.
  const field = data.search.trim().replace(/[^\w-]/g, "-");
  const search = () => (field ? document.querySelector(`.st-key-${field} input`) : null);
  // The listeners of an earlier call are kept until these take their place: no key is lost between the two.
  box.listening?.abort();
  const listening = (box.listening = new AbortController());
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal });

  on(box, "click", (event) => {
    const row = event.target.closest(".row");
    if (row) pick(row, 0);
  });
  on(box, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !rows.length) return;
    const here = selected();
    const steps = { ArrowDown: here + 1, j: here + 1, ArrowUp: here - 1, k: here - 1, Home: 0, End: rows.length - 1 };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    pick(rows[Math.max(0, Math.min(rows.length - 1, next))], KEY_PAUSE);
  });
  on(box, "scroll", () => {
    const near = box.scrollTop + box.clientHeight > box.scrollHeight - 240;
    if (!data.more || !near || box.dataset.asked) return;
    box.dataset.asked = "yes";
    setTriggerValue("more", rows.length);
  });
  // The arrows beside a record go through the list as j and k do.
  const arrow = (event) => (rows.length ? event.composedPath()[0].closest?.("[data-step]") : null);
  const follow = (event) => {
    event.preventDefault();
    const next = selected() + Number(arrow(event).dataset.step);
    pick(rows[Math.max(0, Math.min(rows.length - 1, next))], 0);
  };
  on(document, "click", (event) => arrow(event) && follow(event));
  on(document, "keydown", (event) => {
    const input = search();
    const at = event.composedPath()[0];
    if ((event.key === "Enter" || event.key === " ") && arrow(event)) return follow(event);
    if (event.key === "ArrowDown" && input && at === input) {
      event.preventDefault();
      box.focus();
      if (rows.length) pick(rows[Math.max(0, selected())], KEY_PAUSE);
    }
    const typing = at.matches?.("input, textarea, select, [contenteditable=true]");
    const way = { j: 1, k: -1 }[event.key];
    if (way && !typing && rows.length && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      pick(rows[Math.max(0, Math.min(rows.length - 1, selected() + way))], KEY_PAUSE);
      return;
    }
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || !input) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  return () => setTimeout(() => box.isConnected || listening.abort());
}
