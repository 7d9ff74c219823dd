// Presses buttons by single keys. Some keys are Streamlit's own (R runs the page again): they are taken before it hears them.
export default function ({ data, parentElement }) {
  const ear = parentElement.querySelector("span");
  ear.listening?.abort();
  const listening = (ear.listening = new AbortController());
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || event.defaultPrevented) return;
    const at = event.composedPath()[0];
    if (at.matches?.("input, textarea, select, [contenteditable=true]") || document.querySelector('[role="dialog"]')) return;
    const wanted = data.keys[event.key];
    const button = wanted && document.querySelector(`.st-key-${wanted.replace(/[^\w-]/g, "-")} button:not(:disabled)`);
    if (!button) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    button.click();
  }, { signal: listening.signal, capture: true });
  return () => setTimeout(() => ear.isConnected || listening.abort());
}
