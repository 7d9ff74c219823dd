// A board: a lane for each status, its records as cards. A card is moved by dragging, or from its menu, which needs no
// mouse; the server decides, and its answer is drawn anew. While a card is dragged or its menu is open nothing is redrawn.
const part = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null && text !== "") node.textContent = text;
  return node;
};

function drawCard(card, movable) {
  const item = part("li", "card");
  item.dataset.id = card.id;
  item.draggable = movable;
  const open = part("a", "open", card.title);
  open.href = `?id=${card.id}`;
  open.draggable = false;
  open.tabIndex = -1;
  item.append(open);
  if (card.note) item.append(part("div", "note", card.note));
  const foot = part("div", "foot");
  const face = part("span", card.owner ? "face" : "face none", card.owner ? card.initials : "");
  face.style.setProperty("--hue", card.hue);
  face.title = card.owner || "No owner";
  foot.append(face, part("span", "amount", card.amount));
  item.append(foot);
  if (movable) {
    const move = part("button", "move", "more_horiz");
    move.type = "button";
    move.tabIndex = -1;
    move.ariaHasPopup = "menu";
    move.ariaLabel = `Move ${card.title} to …`;
    item.append(move);
  }
  if (card.why) {
    const why = part("div", "why", card.why);
    why.role = "alert";
    item.append(why);
  }
  return item;
}

function drawLane(lane, movable) {
  const box = part("section", `lane ${lane.color}`);
  box.dataset.lane = lane.slug;
  box.ariaLabel = `${lane.name}: ${lane.count}`;
  const head = part("header");
  const name = part("h3", "", lane.name);
  head.append(part("i", "dot"), name, part("span", "count", lane.count));
  const list = part("ul", "cards");
  list.append(...lane.cards.map((card) => drawCard(card, movable)));
  if (lane.more) {
    const more = part("button", "more", lane.more);
    more.type = "button";
    const last = part("li", "last");
    last.append(more);
    list.append(last);
  }
  box.append(head, part("div", "sums", lane.sums || "\u00a0"), list);
  return box;
}

function draw(root, data) {
  const tops = new Map([...root.querySelectorAll(".lane")].map((lane) => [lane.dataset.lane, lane.querySelector(".cards").scrollTop]));
  const left = root.scrollLeft;
  const here = root.getRootNode().activeElement?.closest?.(".card")?.dataset.id ?? root.returnTo;
  root.replaceChildren(...data.lanes.map((lane) => drawLane(lane, data.movable)));
  for (const lane of root.querySelectorAll(".lane")) lane.querySelector(".cards").scrollTop = tops.get(lane.dataset.lane) ?? 0;
  root.scrollLeft = left;
  const cards = [...root.querySelectorAll(".card")];
  const found = cards.find((card) => card.dataset.id === here);
  reach(root, found ?? cards[0]);
  if (found) found.querySelector(".open").focus({ preventScroll: true });
  root.returnTo = undefined;
}

// One card is reached by Tab, with its menu; the arrow keys go to the others.
function reach(root, card) {
  for (const one of root.querySelectorAll(".open, .move")) one.tabIndex = one.closest(".card") === card ? 0 : -1;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  const menu = parentElement.querySelector(".menu");
  root.ariaLabel = data.label;
  parentElement.querySelector(".said").textContent = data.said;
  const show = () => {
    if (root.busy || root.version === data.version) return;
    root.version = data.version;
    draw(root, data);
  };
  show();
  root.listening?.abort();
  const listening = (root.listening = new AbortController());
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal });
  const done = () => { root.busy = false; root.dispatchEvent(new Event("free")); };
  on(root, "free", show);

  const move = (id, to) => {
    const card = [...root.querySelectorAll(".card")].find((one) => one.dataset.id === id);
    const lane = root.querySelector(`.lane[data-lane="${CSS.escape(to)}"]`);
    if (!card || !lane || card.closest(".lane") === lane) return;
    card.querySelector(".why")?.remove();
    card.classList.add("moving");
    lane.querySelector(".cards").prepend(card);
    root.returnTo = id;
    root.version = undefined; // the answer is drawn whatever it is: a refused card goes back
    setTriggerValue("moved", { id, to, at: Date.now() });
  };
  const openMenu = (button) => {
    const card = button.closest(".card"), from = card.closest(".lane").dataset.lane;
    const choices = data.lanes.filter((lane) => lane.target && lane.slug !== from).map((lane) => {
      const choice = part("button", "", lane.name);
      choice.type = "button";
      choice.role = "menuitem";
      choice.onclick = () => { menu.hidePopover(); move(card.dataset.id, lane.slug); };
      return choice;
    });
    menu.replaceChildren(part("div", "head", "Move to"), ...choices);
    const { left, bottom } = button.getBoundingClientRect();
    menu.showPopover();
    menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(8, Math.min(bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
    root.busy = true;
    root.from = button;
    choices[0]?.focus();
  };
  on(menu, "toggle", (event) => {
    if (event.newState !== "closed") return;
    root.from?.focus();
    done();
  });
  on(menu, "keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const choices = [...menu.querySelectorAll("button")], at = choices.indexOf(menu.getRootNode().activeElement);
    choices[(at + step + choices.length) % choices.length].focus();
  });
  on(root, "click", (event) => {
    const card = event.target.closest(".card"), more = event.target.closest(".more");
    if (more) return setTriggerValue("more", more.closest(".lane").dataset.lane);
    if (!card) return;
    const button = event.target.closest(".move");
    if (button) return openMenu(button);
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    setTriggerValue("opened", card.dataset.id);
  });
  on(root, "keydown", (event) => {
    const card = event.target.closest?.(".card");
    if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key.toLowerCase() === "m" && data.movable) {
      event.preventDefault();
      event.stopPropagation();
      return openMenu(card.querySelector(".move"));
    }
    const lanes = [...root.querySelectorAll(".lane")].filter((lane) => lane.querySelector(".card"));
    const lane = card.closest(".lane"), own = [...lane.querySelectorAll(".card")], at = own.indexOf(card);
    const beside = (step) => {
      const next = lanes[lanes.indexOf(lane) + step]?.querySelectorAll(".card");
      return next && next[Math.min(at, next.length - 1)];
    };
    const ways = { ArrowDown: () => own[at + 1], ArrowUp: () => own[at - 1], ArrowRight: () => beside(1), ArrowLeft: () => beside(-1) };
    const next = ways[event.key]?.();
    if (!ways[event.key]) return;
    event.preventDefault();
    if (!next) return;
    reach(root, next);
    next.querySelector(".open").focus();
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  on(root, "dragstart", (event) => {
    const card = event.target.closest?.(".card");
    if (!card) return;
    root.busy = true;
    root.dragged = card.dataset.id;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", card.querySelector(".open").textContent);
    card.classList.add("dragged");
  });
  const over = (lane) => { for (const one of root.querySelectorAll(".lane")) one.classList.toggle("over", one === lane); };
  const target = (event) => {
    const lane = event.target.closest?.(".lane");
    return lane && root.dragged && data.lanes.find((one) => one.slug === lane.dataset.lane)?.target ? lane : null;
  };
  on(root, "dragover", (event) => {
    const lane = target(event);
    over(lane);
    if (lane) event.preventDefault();
  });
  on(root, "drop", (event) => {
    const lane = target(event);
    if (!lane) return;
    event.preventDefault();
    move(root.dragged, lane.dataset.lane);
  });
  on(root, "dragend", () => {
    over(null);
    root.querySelector(".dragged")?.classList.remove("dragged");
    root.dragged = undefined;
    done();
  });
  return () => setTimeout(() => root.isConnected || listening.abort());
}
