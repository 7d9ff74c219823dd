// Tells the server of clicks on elements that are marked with data-click, wherever they are in the page.
// A click that asks for a new tab, or falls on a plain link inside a marked row, is left to the browser.
export default function ({ parentElement, setTriggerValue }) {
  // The listeners of an earlier call are kept until these take their place: no click is lost between the two.
  const ear = parentElement.querySelector("span");
  ear.listening?.abort();
  const listening = (ear.listening = new AbortController());
  const marked = (event) => {
    const at = event.composedPath()[0];
    const found = at.closest?.("a[href], button, [data-click]");
    return found?.dataset?.click ? found : null;
  };
  const tell = (event, element) => {
    event.preventDefault();
    event.stopPropagation();
    setTriggerValue("click", element.dataset.click);
  };
  const options = { signal: listening.signal, capture: true };
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const element = marked(event);
    if (element) tell(event, element);
  }, options);
  document.addEventListener("keydown", (event) => {
    const element = event.key === "Enter" ? marked(event) : null;
    if (element) tell(event, element);
  }, options);
  return () => setTimeout(() => ear.isConnected || listening.abort());
}
