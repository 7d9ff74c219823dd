// A list of records: one is selected, by mouse or by the keyboard (up, down, j, k, PageUp, PageDown, Home, End; "/" goes
// to the search), or by the arrows beside the record that is shown. The server is told a moment after the last key, so
// that a held key walks and does not load.
//
// However long the list is, only the rows in sight are drawn. They come in windows: those that are missing where somebody
// scrolls to are asked for, and those that came are remembered until the list is another one.
const KEY_PAUSE = 70;
const ASK_PAUSE = 50;
const ROW = 52;
const BEYOND = 8;
// No browser scrolls through much more: what is longer is scrolled through faster.
const TALLEST = 16000000;
const REMEMBERED = 3000;

const plain = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

// The text with what was looked for marked in it, whatever its accents.
function marked(node, text, marks) {
  const letters = [...(text ?? "")];
  const hit = new Array(letters.length).fill(false);
  const plains = letters.map(plain);
  const whole = plains.join("");
  const owner = plains.flatMap((one, i) => new Array(one.length).fill(i));
  for (const mark of marks) {
    for (let at = whole.indexOf(mark); mark && at >= 0; at = whole.indexOf(mark, at + mark.length))
      for (let i = at; i < at + mark.length; i++) hit[owner[i]] = true;
  }
  for (let i = 0, j; i < letters.length; i = j) {
    for (j = i + 1; j < letters.length && hit[j] === hit[i]; j++);
    const words = letters.slice(i, j).join("");
    node.append(hit[i] ? part("mark", "", words) : words);
  }
  return node;
}

function drawRow(row, marks) {
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
  first.append(marked(part("span", "title"), row.title, marks));
  if (row.note) first.append(marked(part("span", "note"), row.note, marks));
  words.append(first);
  if (row.text || row.when) words.append(marked(part("div", "line text"), row.text || "\u00a0", marks));
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

// What a list remembers between two words of the server.
function memory(box) {
  box.memory ??= { rows: new Map(), stale: new Set(), count: 0, at: -1, wanted: null, selected: "", asking: null };
  return box.memory;
}

// Take in what the server said; true when it is another list than before.
function take(known, data) {
  const other = known.question !== data.question;
  if (other || known.rows.size > REMEMBERED) known.rows.clear();
  known.stale = other || known.moment === data.moment ? (other ? new Set() : known.stale) : new Set(known.rows.keys());
  known.question = data.question;
  known.moment = data.moment;
  known.asking = null;
  known.total = data.total;
  const similar = data.similar ?? [];
  known.count = data.total + similar.length;
  const put = (row, place) => {
    known.rows.set(place, row);
    known.stale.delete(place);
  };
  data.rows.forEach((row, i) => put(row, data.start + i));
  similar.forEach((row, i) => put(row, data.total + i));
  for (const place of known.rows.keys()) if (place >= known.count) known.rows.delete(place);
  return other;
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const box = parentElement.querySelector(".list");
  // A list that fills what is left below what stands above it.
  const fit = () => {
    const top = Math.round(box.getBoundingClientRect().top);
    if (data.height !== "fill") box.style.height = data.height;
    else if (top > 0) box.style.height = `calc(100dvh - ${top}px - var(--phone-bar, 0px))`;
  };
  fit();
  box.ariaLabel = data.label;
  const known = memory(box);
  const fresh = box.dataset.version !== data.version;
  const marks = data.marks ?? [];
  if (fresh && take(known, data)) {
    box.scrollTop = 0;
    known.wanted = null;
    known.before = known.after = -1;
  }
  if (fresh) box.dataset.version = data.version;

  // Where rows stand: at their place, or in a list beyond what a browser scrolls through, as far along as one has scrolled.
  const tall = () => Math.min(known.count * ROW, TALLEST);
  const room = () => Math.max(1, tall() - box.clientHeight);
  const squeezed = () => known.count * ROW > TALLEST;
  const topAt = () =>
    squeezed() ? (box.scrollTop / room()) * (known.count - box.clientHeight / ROW) : box.scrollTop / ROW;
  const scrollTo = (place) => {
    box.scrollTop = squeezed() ? (place / (known.count - box.clientHeight / ROW)) * room() : place * ROW;
  };
  const reveal = (place) => {
    const seen = Math.floor(box.clientHeight / ROW);
    const top = topAt();
    if (place < top) scrollTo(place);
    else if (place > top + seen - 1) scrollTo(place - seen + 1 + (seen > 2 ? 0.3 : 0));
  };

  let asking;
  const lacking = (from, to) => {
    for (let i = from; i < to; i++) if (!known.rows.has(i) || known.stale.has(i)) return i;
    return -1;
  };
  // What is in sight first, then what is drawn beyond it.
  const ask = (top, seen, from, to) => {
    if (!data.windowed) return;
    const inSight = lacking(top, Math.min(known.count, top + seen + 1));
    const missing = inSight < 0 ? lacking(from, to) : inSight;
    clearTimeout(asking);
    if (missing < 0 || known.asking !== null) return;
    asking = setTimeout(() => {
      if (known.asking !== null) return;
      known.asking = missing;
      setTriggerValue("window", missing);
    }, ASK_PAUSE);
  };

  const paint = (anew) => {
    const seen = Math.ceil(box.clientHeight / ROW) || 20;
    const top = Math.min(topAt(), Math.max(0, known.count - 1));
    const from = Math.max(0, Math.floor(top) - BEYOND);
    const to = Math.min(known.count, Math.floor(top) + seen + BEYOND);
    ask(Math.floor(top), seen, from, to);
    if (!anew && from === known.before && to === known.after && !squeezed()) return;
    known.before = from;
    known.after = to;
    const above = squeezed() ? Math.max(0, box.scrollTop - (top - from) * ROW) : from * ROW;
    const drawn = [];
    for (let i = from; i < to; i++) {
      const row = known.rows.get(i);
      const option = row ? drawRow(row, marks) : part("div", "row waiting");
      if (!row) option.append(part("span", "avatar"), part("div", "words"));
      option.ariaSetSize = known.count;
      option.ariaPosInSet = i + 1;
      option.ariaSelected = row && row.id === known.selected ? "true" : "false";
      if (i === known.total && data.notice) drawn.push(part("div", "notice", data.notice));
      drawn.push(option);
    }
    const space = part("div", "space");
    space.role = "presentation";
    space.style.height = `${tall() + (known.count > known.total ? 30 : 0)}px`;
    const inner = part("div", "drawn");
    inner.role = "presentation";
    inner.style.transform = `translateY(${above}px)`;
    inner.append(...drawn);
    space.append(inner);
    const end = known.count ? [] : [part("div", "none", data.none)];
    const kept = box.scrollTop;
    box.replaceChildren(space, ...end);
    if (box.scrollTop !== kept) box.scrollTop = kept;
    known.at = place(known.selected);
    const chosen = box.querySelector('[aria-selected="true"]');
    if (chosen) box.setAttribute("aria-activedescendant", chosen.id);
    else box.removeAttribute("aria-activedescendant");
  };
  // A record keeps its place while others come and go around it, if it is among those that are remembered.
  const place = (id) => {
    if (known.rows.get(known.at)?.id === id) return known.at;
    for (const [at, row] of known.rows) if (row.id === id) return at;
    return known.selected === id ? known.at : -1;
  };

  // What the server says counts when it is new; between its words the person's own choice stays.
  if (fresh || box.dataset.told !== String(data.selected)) {
    const moved = box.dataset.told !== String(data.selected);
    if (moved) delete box.dataset.mine;
    box.dataset.told = String(data.selected);
    const id = box.dataset.mine ?? data.selected;
    if (id !== known.selected) known.at = -1;
    known.selected = id;
    known.at = place(id);
    if (moved && !fresh && known.at >= 0) reveal(known.at);
    paint(true);
  }
  const choose = (row, at, pause) => {
    known.selected = row.id;
    known.at = at;
    known.wanted = null;
    box.dataset.mine = row.id;
    reveal(at);
    paint(true);
    clearTimeout(box.telling);
    box.telling = setTimeout(() => setStateValue("selected", row.id), pause);
  };
  // To a place whose row is not there yet one goes as soon as it comes.
  const go = (to, pause) => {
    const at = Math.max(0, Math.min(known.count - 1, to));
    const row = known.rows.get(at);
    if (row) return choose(row, at, pause);
    known.wanted = at;
    known.at = at;
    reveal(at);
    paint(true);
  };
  if (known.wanted !== null && known.rows.has(known.wanted)) go(known.wanted, 0);

  // Streamlit writes a key into its class with a dash for whatever a class may not have.
  const field = data.search.trim().replace(/[^\w-]/g, "-");
  const search = () => (field ? document.querySelector(`.st-key-${field} input`) : null);
  // The listeners of an earlier call are kept until these take their place: no key is lost between the two.
  box.listening?.abort();
  const listening = (box.listening = new AbortController());
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal });

  on(box, "click", (event) => {
    const row = event.target.closest(".row[data-id]");
    if (!row) return;
    const at = row.ariaPosInSet - 1;
    if (known.rows.has(at)) choose(known.rows.get(at), at, 0);
  });
  on(box, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !known.count) return;
    const here = known.at;
    const page = Math.max(1, Math.floor(box.clientHeight / ROW) - 1);
    const steps = {
      ArrowDown: here + 1, j: here + 1, ArrowUp: here - 1, k: here - 1,
      Home: 0, End: known.count - 1, PageDown: Math.max(0, here) + page, PageUp: here - page,
    };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    go(next, KEY_PAUSE);
  });
  on(box, "scroll", () => {
    cancelAnimationFrame(box.painting);
    box.painting = requestAnimationFrame(() => paint(false));
  });
  // The arrows beside a record go through the list as j and k do.
  const arrow = (event) => (known.count ? event.composedPath()[0].closest?.("[data-step]") : null);
  const follow = (event) => {
    event.preventDefault();
    go(known.at + Number(arrow(event).dataset.step), 0);
  };
  on(document, "click", (event) => arrow(event) && follow(event));
  on(document, "keydown", (event) => {
    const input = search();
    const at = event.composedPath()[0];
    if ((event.key === "Enter" || event.key === " ") && arrow(event)) return follow(event);
    if (event.key === "ArrowDown" && input && at === input) {
      event.preventDefault();
      box.focus();
      if (known.count) go(Math.max(0, known.at), KEY_PAUSE);
    }
    const typing = at.matches?.("input, textarea, select, [contenteditable=true]");
    const way = { j: 1, k: -1 }[event.key];
    if (way && !typing && known.count && !event.defaultPrevented && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      go(known.at + way, KEY_PAUSE);
      return;
    }
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || !input) return;
    event.preventDefault();
    input.focus();
    input.select();
  });
  box.repaint = () => {
    fit();
    paint(true);
  };
  if (!box.sized) {
    box.sized = new ResizeObserver(() => box.repaint());
    const above = document.querySelector(".st-key-left_head");
    for (const one of [box, above]) if (one) box.sized.observe(one);
  }
  // Some time after the last word the counts beside it are asked for.
  clearTimeout(box.resting);
  if (data.rests) box.resting = setTimeout(() => setTriggerValue("rest", data.question), data.rests);
  return () => setTimeout(() => box.isConnected || (listening.abort(), box.sized.disconnect()));
}
