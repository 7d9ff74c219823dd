// Puts a frame into every element that asks for one (data-frame): what st.html shows has its own frames taken out.
// A mail is in a sandbox in which nothing runs, and as high as what it shows; a PDF has the height of its element.
const KINDS = [
  { path: /^\/api\/files\/[\w-]+$/, sandbox: null },
  { path: /^\/api\/mail\/[\w-]+$/, sandbox: "allow-same-origin allow-popups allow-popups-to-escape-sandbox" },
];

function grow(frame) {
  const inside = frame.contentDocument?.documentElement;
  if (inside) frame.style.height = `${Math.min(4000, Math.max(40, inside.scrollHeight))}px`;
}

let arrived = "";

// What was opened from a row of a long list comes into sight.
function arrive() {
  const opened = document.querySelector("[data-arrive]");
  const at = opened?.dataset.arrive ?? "";
  if (at !== arrived) opened?.scrollIntoView({ block: "nearest" });
  arrived = at;
}

function place() {
  arrive();
  for (const spot of document.querySelectorAll("[data-frame]")) {
    const address = spot.dataset.frame;
    const kind = KINDS.find((one) => one.path.test(address));
    if (!kind || spot.firstElementChild?.dataset.of === address) continue;
    const frame = document.createElement("iframe");
    frame.dataset.of = address;
    frame.title = spot.getAttribute("aria-label") || "Content";
    frame.referrerPolicy = "no-referrer";
    if (kind.sandbox !== null) {
      frame.setAttribute("sandbox", kind.sandbox);
      frame.addEventListener("load", () => {
        grow(frame);
        // Pictures that come in later make it higher.
        frame.contentDocument?.addEventListener("load", () => grow(frame), true);
      });
    }
    frame.src = address;
    spot.replaceChildren(frame);
  }
}

export default function () {
  place();
  const watch = new MutationObserver(place);
  watch.observe(document.body, { childList: true, subtree: true });
  return () => watch.disconnect();
}
