// A board: a lane for each status, its records as cards. A card is moved by dragging it, with the mouse or a finger, or from
// its menu; the server decides, and its answer is drawn anew. While a card is dragged or its menu is open nothing is redrawn.
function drawCard(card, movable) {
  const item = part("li", "card");
  item.dataset.id = card.id;
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
  const box = part("section", `lane ${lane.color}${lane.target ? " target" : ""}`);
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

const free = (root) => {
  root.busy = false;
  root.dispatchEvent(new Event("free"));
};

// Lets the cards be dragged from lane to lane. A finger that rests on one takes it up; one that moves on scrolls.
function carry(root, move) {
  root.sorts?.forEach((one) => one.destroy());
  const over = (lane) => { for (const one of root.querySelectorAll(".lane")) one.classList.toggle("over", one === lane); };
  root.sorts = [...root.querySelectorAll(".lane")].map((lane) => (
    window.Sortable.create(lane.querySelector(".cards"), {
      group: { name: "cards", put: lane.classList.contains("target") }, sort: false, draggable: ".card", filter: ".move, .last",
      preventOnFilter: false, forceFallback: true, emptyInsertThreshold: 24, delay: 180, delayOnTouchOnly: true,
      touchStartThreshold: 6, ghostClass: "ghost", fallbackClass: "carried",
      onStart: () => { root.busy = true; },
      onMove: ({ from, to }) => over(to === from ? null : to.closest(".lane")),
      onEnd: ({ item, from, to }) => {
        over(null);
        if (to !== from) move(item, to);
        free(root);
      },
    })
  ));
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board");
  const menu = parentElement.querySelector(".menu");
  root.ariaLabel = data.label;
  parentElement.querySelector(".said").textContent = data.said;
  const show = () => {
    // What was moved stands where it was put until the server has answered, and then wherever that says.
    if (root.busy || root.waits === data.moves || root.version === data.version) return;
    root.version = data.version;
    draw(root, data);
    if (data.movable) library(data.library).then(() => carry(root, move), () => { /* the menu does the same */ });
  };
  Object.assign(root, { tell: setTriggerValue, moves: data.moves });
  root.listening?.abort();
  const listening = (root.listening = new AbortController());
  const on = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal });
  const move = (card, list) => {
    card.querySelector(".why")?.remove();
    card.classList.add("moving");
    list.prepend(card);
    root.returnTo = card.dataset.id;
    root.version = undefined;
    root.waits = root.moves;
    root.tell("moved", { id: card.dataset.id, to: list.closest(".lane").dataset.lane, at: Date.now() });
  };
  show();
  on(root, "free", show);
  const ask = (button) => {
    const card = button.closest(".card"), from = card.closest(".lane");
    const choices = [...root.querySelectorAll(".lane.target")].filter((lane) => lane !== from).map((lane) => (
      { name: lane.querySelector("h3").textContent, act: () => move(card, lane.querySelector(".cards")) }
    ));
    root.busy = true;
    openMenu(menu, button, "Move to", choices, () => free(root));
  };
  on(root, "click", (event) => {
    const card = event.target.closest(".card"), more = event.target.closest(".more");
    if (more) return setTriggerValue("more", more.closest(".lane").dataset.lane);
    if (!card) return;
    const button = event.target.closest(".move");
    if (button) return ask(button);
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
      return ask(card.querySelector(".move"));
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
  return () => setTimeout(() => root.isConnected || listening.abort());
}
