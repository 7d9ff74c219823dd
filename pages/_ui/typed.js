// Tells what is being typed into fields, also before a form is sent: when the fingers rest, and when a field is left.
const REST = 700;

export default function ({ data, parentElement, setTriggerValue }) {
  const ear = parentElement.querySelector("span");
  ear.tell = setTriggerValue;
  ear.listening?.abort();
  const listening = (ear.listening = new AbortController());
  const box = (name) =>
    document.querySelector(`.st-key-${data.fields[name].replace(/[^\w-]/g, "-")} :is(input, textarea)`);
  const names = Object.keys(data.fields);
  const own = (target) => names.some((name) => box(name) === target);

  const send = () => {
    clearTimeout(ear.rest);
    ear.rest = null;
    const said = Object.fromEntries(names.map((name) => [name, box(name)?.value ?? null]));
    const text = JSON.stringify(said);
    if (Object.values(said).includes(null) || text === ear.said) return;
    ear.said = text;
    ear.tell("typed", said);
  };
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal, capture: true });
  on(document, "input", (event) => {
    if (!own(event.target)) return;
    clearTimeout(ear.rest);
    ear.rest = setTimeout(send, REST);
  });
  on(document, "focusout", (event) => ear.rest && own(event.target) && send());
  on(document, "visibilitychange", () => ear.rest && document.hidden && send());
  return () =>
    setTimeout(() => {
      if (ear.isConnected) return;
      clearTimeout(ear.rest);
      listening.abort();
    });
}
