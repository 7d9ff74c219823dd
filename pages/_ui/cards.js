// The cards of a dashboard as they are arranged: dragged, made wider and taller at their corner, or both by the keys of
// their handle and from their menu. Each change is told as the whole arrangement; what the server draws anew replaces it.
const WIDTHS = ["Narrow", "Wide", "Full"], HEIGHTS = ["Low", "Tall"];
const within = (least, value, most) => Math.max(least, Math.min(value, most));

const size = (tile, width, height) => {
  tile.dataset.width = within(1, width, WIDTHS.length);
  tile.dataset.height = within(1, height, HEIGHTS.length);
};
const wide = (tile) => Number(tile.dataset.width);
const high = (tile) => Number(tile.dataset.height);

function drawTile(card) {
  const tile = part("li", "tile");
  tile.dataset.id = card.id;
  size(tile, card.width, card.height);
  const handle = part("button", "handle symbol", "drag_indicator");
  const more = part("button", "more symbol", "more_horiz");
  for (const button of [handle, more]) button.type = "button";
  more.ariaHasPopup = "menu";
  more.ariaLabel = `Change ${card.title}`;
  const told = part("div", "told");
  told.append(part("b", "", card.title), part("span", "", card.chart));
  const icon = part("i", "sketch symbol", card.icon);
  icon.ariaHidden = "true";
  tile.append(handle, told, more, icon, part("span", "grip"));
  return tile;
}

// A handle says where its card stands, so that who does not see it knows.
function name(root) {
  const tiles = [...root.children];
  tiles.forEach((tile, place) => {
    const told = `${tile.querySelector("b").textContent}, ${place + 1} of ${tiles.length}`;
    const sized = `${WIDTHS[wide(tile) - 1]}, ${HEIGHTS[high(tile) - 1]}`;
    tile.querySelector(".handle").ariaLabel = `${told}, ${sized}. Arrows move it, Shift and arrows size it, Delete removes it.`;
  });
}

const ways = (root, tile, tell) => {
  const act = (change, words) => () => {
    const handle = tile.querySelector(".handle");
    change();
    if (handle.isConnected) handle.focus();
    tell(words);
  };
  const title = tile.querySelector("b").textContent;
  const earlier = () => tile.previousElementSibling?.before(tile), later = () => tile.nextElementSibling?.after(tile);
  const remove = () => {
    (tile.nextElementSibling ?? tile.previousElementSibling)?.querySelector(".handle").focus();
    tile.remove();
  };
  return {
    earlier: act(earlier, `${title} was moved`),
    later: act(later, `${title} was moved`),
    remove: act(remove, `${title} was removed`),
    sized: (width, height) => act(() => size(tile, width, height), `${title} was sized`)(),
  };
};

function choices(root, tile, tell) {
  const { earlier, later, remove, sized } = ways(root, tile, tell);
  return [
    ...(tile.previousElementSibling ? [{ name: "Move earlier", act: earlier }] : []),
    ...(tile.nextElementSibling ? [{ name: "Move later", act: later }] : []),
    ...WIDTHS.map((one, at) => ({ name: one, on: wide(tile) === at + 1, act: () => sized(at + 1, high(tile)) })),
    ...HEIGHTS.map((one, at) => ({ name: one, on: high(tile) === at + 1, act: () => sized(wide(tile), at + 1) })),
    { name: "Remove", act: remove },
  ];
}

function pressed(root, event, tell) {
  const tile = event.target.closest(".handle")?.closest(".tile");
  if (!tile || event.ctrlKey || event.metaKey || event.altKey) return;
  const { earlier, later, remove, sized } = ways(root, tile, tell);
  const by = (x, y) => () => sized(wide(tile) + x, high(tile) + y);
  const plain = { ArrowLeft: earlier, ArrowUp: earlier, ArrowRight: later, ArrowDown: later, Delete: remove, Backspace: remove };
  const shifted = { ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, -1), ArrowDown: by(0, 1) };
  const act = (event.shiftKey ? shifted : plain)[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
}

// The corner follows the hand from column to column and from row to row.
function resized(root, event, tell) {
  const tile = event.target.closest(".tile"), grip = event.target;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  const { columnGap, gridTemplateColumns, gridAutoRows } = getComputedStyle(root);
  const gap = parseFloat(columnGap), column = parseFloat(gridTemplateColumns), row = parseFloat(gridAutoRows);
  const before = `${wide(tile)} ${high(tile)}`;
  tile.classList.add("sized");
  grip.onpointermove = ({ clientX, clientY }) => {
    const box = tile.getBoundingClientRect();
    size(tile, Math.round((clientX - box.left) / (column + gap)), Math.round((clientY - box.top) / (row + gap)));
  };
  grip.onpointerup = grip.onpointercancel = () => {
    grip.onpointermove = grip.onpointerup = grip.onpointercancel = null;
    tile.classList.remove("sized");
    if (`${wide(tile)} ${high(tile)}` !== before) tell(`${tile.querySelector("b").textContent} was sized`);
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles"), menu = parentElement.querySelector(".menu");
  const said = parentElement.querySelector(".said");
  const tell = (words) => {
    name(root);
    said.textContent = words;
    const cards = [...root.children].map((tile) => [Number(tile.dataset.id), wide(tile), high(tile)]);
    root.tell("arranged", JSON.stringify(cards));
  };
  root.tell = setTriggerValue;
  if (root.version !== data.version) {
    root.version = data.version;
    root.replaceChildren(...data.cards.map(drawTile));
    name(root);
  }
  if (root.listening) return;
  root.listening = true;
  root.addEventListener("keydown", (event) => pressed(root, event, tell));
  root.addEventListener("pointerdown", (event) => { if (event.target.matches(".grip")) resized(root, event, tell); });
  root.addEventListener("click", ({ target }) => {
    const more = target.closest(".more"), tile = target.closest(".tile");
    if (more) openMenu(menu, more, tile.querySelector("b").textContent, choices(root, tile, tell));
  });
  library(data.library).then(() => {
    window.Sortable.create(root, {
      draggable: ".tile", filter: ".grip, .more", preventOnFilter: false, forceFallback: true, animation: 140,
      delay: 180, delayOnTouchOnly: true, ghostClass: "ghost", fallbackClass: "carried",
      onEnd: ({ item, oldIndex, newIndex }) => {
        if (oldIndex !== newIndex) tell(`${item.querySelector("b").textContent} was moved`);
      },
    });
  }, () => { /* the keys and the menu do the same */ });
}
