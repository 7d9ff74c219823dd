// Texts of a flow: what is typed is committed a moment later, so that its preview follows; a click on a field of the
// list puts it where one was typing; and Ctrl+S takes along what was typed last.
const TEXT = ':is(textarea, input[type="text"]):not([role="combobox"])';
const TEXTS = `.st-key-flow_editor ${TEXT}`;
const IDLE = 450;

const commit = (box) => box.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));

function write(box, text) {
  const kind = box.tagName === "TEXTAREA" ? HTMLTextAreaElement : HTMLInputElement;
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

export default function ({ parentElement }) {
  const ear = parentElement.querySelector("span");
  ear.listening?.abort();
  const listening = (ear.listening = new AbortController());
  const options = { signal: listening.signal, capture: true };
  const text = (event) => {
    const at = event.composedPath()[0];
    return at.matches?.(TEXTS) ? at : null;
  };
  const insert = (path) => {
    const box = ear.last?.isConnected ? ear.last : document.querySelector(`.st-key-flow_form ${TEXT}`);
    if (!box) return;
    const at = box === ear.last ? box.selectionStart : box.value.length;
    const to = box === ear.last ? box.selectionEnd : at;
    const put = `{{ ${path} }}`;
    write(box, box.value.slice(0, at) + put + box.value.slice(to));
    box.setSelectionRange(at + put.length, at + put.length);
    ear.last = box;
    commit(box);
  };
  document.addEventListener("focusin", (event) => {
    ear.last = text(event) ?? ear.last;
  }, options);
  document.addEventListener("input", (event) => {
    const box = text(event);
    if (box?.tagName !== "TEXTAREA" || !event.isTrusted) return;
    clearTimeout(ear.timer);
    ear.timer = setTimeout(() => box.isConnected && commit(box), IDLE);
  }, options);
  document.addEventListener("click", (event) => {
    const field = event.target.closest?.("[data-insert]");
    if (field) insert(field.dataset.insert);
  }, options);
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest?.("[data-insert]");
    if (field && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      insert(field.dataset.insert);
    }
    const box = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s" ? text(event) : null;
    if (box) commit(box);
  }, options);
  return () => setTimeout(() => ear.isConnected || listening.abort());
}
