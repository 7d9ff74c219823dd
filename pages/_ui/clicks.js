// Tells the server of clicks on elements that are marked with data-click, wherever they are in the page.
// A click that asks for a new tab, or falls on a plain link inside a marked row, is left to the browser.
// What a click opens or closes is drawn a moment later: whoever works with the keyboard goes on from there.
const NAME = ".st-key-edit_-title";

function follow(selector, tries = 40) {
  const found = document.querySelector(selector);
  if (found) {
    found.focus();
    if (found.closest(NAME)) found.select();
    found.dataset.was = found.value ?? "";
    return;
  }
  const lost = document.activeElement === document.body || !document.activeElement?.isConnected;
  if (tries) setTimeout(() => follow(selector, tries - 1), 100);
  else if (lost) document.querySelector('[data-testid="stMain"]')?.focus();
}

const safe = (part) => decodeURIComponent(part).replace(/[^\w-]/g, "-");

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
    // A number to call goes to the program that calls as well.
    if (element.protocol !== "tel:") event.preventDefault();
    event.stopPropagation();
    element.closest(".m-more")?.removeAttribute("open");
    const [verb, section] = element.dataset.click.split(":");
    // Another report takes the place of this one, and is read from its top.
    if (verb === "go") document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0);
    if (verb === "edit") follow(`.st-key-edit_${safe(section)} :is(input, textarea, [role="combobox"])`);
    setTriggerValue("click", element.dataset.click);
  };
  const options = { signal: listening.signal, capture: true };
  // A menu that is open closes when one goes on elsewhere.
  const close = (event) => {
    const inside = event.type === "click" && event.target.closest?.(".m-more");
    for (const menu of document.querySelectorAll(".m-more[open]")) if (menu !== inside) menu.open = false;
  };
  document.addEventListener("click", close, options);
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const element = marked(event);
    if (element) return tell(event, element);
    const done = event.target.closest?.('[class*="st-key-done_"]');
    const section = done && [...done.classList].find((name) => name.startsWith("st-key-done_")).slice(12);
    if (section) follow(`[data-click="edit:${section}"]`);
  }, options);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(event);
    const name = event.composedPath()[0].closest?.(NAME) ? event.composedPath()[0] : null;
    // A name that is left, or was not changed, stands as it did.
    if (name && (event.key === "Escape" || (event.key === "Enter" && name.value === name.dataset.was))) {
      event.preventDefault();
      event.stopPropagation();
      setTriggerValue("click", "leave:%3Atitle");
      return follow('[data-click="edit:%3Atitle"]');
    }
    const element = event.key === "Enter" || event.key === " " ? marked(event) : null;
    if (element && (event.key === "Enter" || element.getAttribute("role") === "button")) tell(event, element);
  }, options);
  return () => setTimeout(() => ear.isConnected || listening.abort());
}
