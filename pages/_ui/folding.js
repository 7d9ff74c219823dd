// Folds the panels beside the middle one: by a button that says data-fold, or by the keys [ and ].
// The page shows it at once; the server is told, so that it is kept for the person.
const ROOT = document.documentElement;
const KEYS = { "[": "left", "]": "right" };

const show = (side, folded) => {
  ROOT.toggleAttribute(`data-fold-${side}`, folded);
  for (const button of document.querySelectorAll(`[data-fold="${side}"]`)) {
    button.setAttribute("aria-expanded", String(!folded));
    button.title = `${folded ? "Show" : "Fold"} this panel (${side === "left" ? "[" : "]"})`;
  }
};

export default function ({ data, parentElement, setTriggerValue }) {
  const ear = parentElement.querySelector("span");
  for (const side of ["left", "right"]) show(side, ear.dataset[side] ? ear.dataset[side] === "yes" : data[side]);
  ear.listening?.abort();
  const listening = (ear.listening = new AbortController());
  const options = { signal: listening.signal };
  const fold = (side) => {
    const folded = !ROOT.hasAttribute(`data-fold-${side}`);
    ear.dataset[side] = folded ? "yes" : "no";
    show(side, folded);
    // Both are told each time: of two presses in one go the server hears the last.
    setTriggerValue("fold", Object.values(KEYS).filter((one) => ROOT.hasAttribute(`data-fold-${one}`)).join(" "));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fold]");
    if (button) fold(button.dataset.fold);
  }, options);
  document.addEventListener("keydown", (event) => {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || at.matches?.("input, textarea, select, [contenteditable=true]")) return;
    const side = KEYS[event.key];
    if (side && document.querySelector(`[data-fold="${side}"]`)) fold(side);
  }, options);
  return () => setTimeout(() => {
    if (ear.isConnected) return;
    listening.abort();
    for (const side of ["left", "right"]) ROOT.removeAttribute(`data-fold-${side}`);
  });
}
