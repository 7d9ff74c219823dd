// The command palette. One for the document, however often its element is drawn: only its data are others then.
const RECENT = "merganser:recent";
const WAIT_MS = 70;
const MOST = 12;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const make = (tag, attributes = {}, ...inside) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
};

const typing = (event) => {
  const at = event.composedPath()[0];
  return at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName ?? "") || at.getAttribute?.("role") === "combobox";
};

class Palette {
  constructor() {
    this.input = make("input", {
      role: "combobox", type: "text", autocomplete: "off", spellcheck: "false", "aria-autocomplete": "list",
      "aria-expanded": "true", "aria-controls": "palette_results", "aria-label": "Find a record, page, action or flow",
      placeholder: "Find a record, page, action or flow …",
    });
    this.results = make("div", { id: "palette_results", role: "listbox", "aria-label": "Results" });
    this.told = make("div", { class: "palette_told", role: "status", "aria-live": "polite" });
    this.keys = make("div", { class: "palette_keys" });
    this.dialog = make("dialog", { class: "palette", "aria-label": "Command palette" }, this.input, this.results, this.keys, this.told);
    this.input.addEventListener("input", () => this.ask(WAIT_MS));
    this.dialog.addEventListener("keydown", (event) => this.press(event));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.close());
    this.results.addEventListener("click", (event) => this.choose(event.target.closest("[role=option]")));
    this.results.addEventListener("mousemove", (event) => this.mark(event.target.closest("[role=option]"), false));
    document.addEventListener("keydown", (event) => this.hear(event), true);
    setInterval(() => {
      this.remember();
      mendMenu();
    }, 1000);
    window.addEventListener("pagehide", () => this.remember());
    this.at = 0;
  }

  hear(event) {
    const palette = event.key?.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
    const help = event.key === "?" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event);
    if (!(palette || help) || !this.data) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.dialog.open) return this.close();
    // Another dialog has the keyboard until it is left.
    if (!document.querySelector('[role="dialog"][aria-modal="true"], dialog[open]')) this.open(help);
  }

  open(help) {
    this.remember();
    // Within the page, whose colours it has.
    (document.querySelector(".stApp") ?? document.body).append(this.dialog);
    this.dialog.classList.toggle("help", help);
    this.dialog.setAttribute("aria-label", help ? "Keys" : "Command palette");
    this.input.value = "";
    this.found = [];
    this.input.hidden = this.results.hidden = help;
    this.keys.hidden = !help;
    this.told.textContent = "";
    this.dialog.showModal();
    if (help) {
      const rows = this.data.keys.flatMap(([key, what]) => [make("dt", {}, make("kbd", {}, key)), make("dd", {}, what)]);
      const shut = make("button", { type: "button" }, "Close");
      shut.addEventListener("click", () => this.close());
      this.keys.replaceChildren(make("h2", {}, "Keys"), make("dl", {}, ...rows), shut);
      return shut.focus();
    }
    this.ask(0);
    this.input.focus();
  }

  close() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.dialog.close();
  }

  press(event) {
    const shown = [...this.results.querySelectorAll("[role=option]")];
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    // What is pressed here is for nobody else.
    event.stopPropagation();
    if (step && shown.length && !this.input.hidden) {
      const wanted = Math.abs(step) === 1 ? (this.at + step + shown.length) % shown.length : Math.min(Math.max(this.at + step, 0), shown.length - 1);
      this.mark(shown[wanted], true);
    } else if (event.key === "Enter" && !this.input.hidden && !event.isComposing) this.choose(shown[this.at]);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
  }

  mark(option, scroll) {
    if (!option) return;
    const shown = [...this.results.querySelectorAll("[role=option]")];
    this.at = shown.indexOf(option);
    for (const one of shown) one.setAttribute("aria-selected", String(one === option));
    this.input.setAttribute("aria-activedescendant", option.id);
    if (scroll) option.scrollIntoView({ block: "nearest" });
  }

  choose(option) {
    if (!option) return;
    this.close();
    this.tell("chosen", option.dataset.do);
  }

  ask(wait) {
    clearTimeout(this.timer);
    this.show();
    this.timer = setTimeout(() => this.fetch(), wait);
  }

  async fetch() {
    this.asking?.abort();
    this.asking = new AbortController();
    const words = this.input.value.trim();
    // Of what is looked at as of a day nothing can be changed.
    const past = new URLSearchParams(location.search).has("as_of");
    const query = new URLSearchParams({ words: words.slice(0, 200), at: (!past && this.record()) || "", recent: this.visited().join(",") });
    try {
      const answer = await fetch(`/api/palette/${this.data.token}?${query}`, { cache: "no-store", signal: this.asking.signal });
      // The link of a page that stood open for long is over: with the next run there is another.
      if (answer.status === 404) this.tell("chosen", "renew");
      this.found = answer.ok ? (await answer.json()).groups : [];
    } catch (error) {
      if (error.name === "AbortError") return;
      this.found = [];
    }
    this.answered = words;
    this.show();
  }

  show() {
    const words = this.input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (one) => words.every((word) => `${one.title} ${one.text ?? ""}`.toLowerCase().includes(word));
    // Until the answer to these words is there, of the one before only what still fits.
    const old = this.answered !== this.input.value.trim();
    const groups = (this.found ?? [])
      .map((group) => ({ name: group.name, items: old ? group.items.filter(fits) : group.items }))
      .filter((group) => group.items.length);
    for (const name of ["Actions", "Pages"]) {
      const items = this.data.entries.filter((one) => one.group === name && fits(one));
      if (items.length) groups.push({ name, items: words.length ? items : items.slice(0, 6) });
    }
    let number = 0;
    const drawn = groups.map((group, place) => {
      const options = group.items.map((item) => {
        const icon = make("span", { class: "m-icon", "aria-hidden": "true" }, /^\w+$/.test(item.icon) ? item.icon : "circle");
        const option = make("div", { role: "option", id: `palette_${number++}`, "aria-selected": "false" }, icon, make("span", { class: "m-clip" }, item.title));
        if (item.text) option.append(make("small", { class: "m-clip" }, item.text));
        option.dataset.do = item.do;
        return option;
      });
      const title = make("div", { class: "palette_group", id: `palette_group_${place}` }, group.name);
      return make("div", { role: "group", "aria-labelledby": title.id }, title, ...options);
    });
    this.results.replaceChildren(...drawn);
    if (!number) this.results.replaceChildren(make("div", { class: "palette_none", role: "presentation" }, "Nothing found. Try fewer letters."));
    this.input.removeAttribute("aria-activedescendant");
    this.mark(this.results.querySelector("[role=option]"), true);
    this.told.textContent = `${number} ${number === 1 ? "result" : "results"}`;
  }

  record() {
    const id = new URLSearchParams(location.search).get("id");
    const module = this.data?.modules[location.pathname.split("/").filter(Boolean).at(-1) ?? ""];
    return module && UUID.test(id ?? "") ? `${module}:${id}` : null;
  }

  visited() {
    try {
      const kept = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
      return Array.isArray(kept) ? kept.filter((one) => typeof one === "string").slice(0, MOST) : [];
    } catch {
      return [];
    }
  }

  remember() {
    if (location.href === this.seen) return;
    this.seen = location.href;
    const open = this.record();
    if (!open) return;
    try {
      localStorage.setItem(RECENT, JSON.stringify([open, ...this.visited().filter((one) => one !== open)].slice(0, MOST)));
    } catch { /* a browser that keeps nothing */ }
  }
}

// The menu of pages is drawn as lists whose lines are no children of theirs: links among links, then.
const mendMenu = () => {
  // What opens over the page stands beside it, and is as light or dark.
  const app = document.querySelector(".stApp");
  const scheme = app ? getComputedStyle(app).colorScheme : "";
  if (scheme && document.documentElement.style.colorScheme !== scheme) document.documentElement.style.colorScheme = scheme;
  for (const one of document.querySelectorAll('[data-testid="stSidebarNavItems"], [data-testid="stSidebarNavItems"] li')) {
    if (one.getAttribute("role") !== "none") one.setAttribute("role", "none");
  }
};

export default function ({ data, setTriggerValue }) {
  const palette = (window.merganserPalette ??= new Palette());
  palette.data = data;
  palette.tell = setTriggerValue;
  mendMenu();
}
