// What several components share: parts of a page, a library that is loaded once, and a menu that needs no mouse.
const part = (tag, className, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined && text !== null && text !== "") node.textContent = text;
  return node;
};

const library = (url) => {
  const loaded = (window.merganserLibraries ??= {});
  return (loaded[url] ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = resolve;
    script.onerror = () => {
      delete loaded[url];
      reject(new Error("A part of the page could not be loaded. Reload the page."));
    };
    document.head.append(script);
  }));
};

// Opens `menu` at a button: `choices` are {name, act, on}; `closed` is called when it is gone, whatever was chosen.
function openMenu(menu, button, title, choices, closed) {
  const items = choices.map(({ name, act, on }) => {
    const item = part("button", "", name);
    item.type = "button";
    item.role = on === undefined ? "menuitem" : "menuitemradio";
    if (on !== undefined) item.ariaChecked = String(on);
    item.onclick = () => { menu.hidePopover(); act(); };
    return item;
  });
  menu.replaceChildren(part("div", "head", title), ...items);
  menu.onkeydown = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = items.indexOf(menu.getRootNode().activeElement);
    items[(at + step + items.length) % items.length].focus();
  };
  menu.ontoggle = ({ newState }) => {
    if (newState !== "closed") return;
    button.focus();
    closed?.();
  };
  const { left, bottom } = button.getBoundingClientRect();
  menu.showPopover();
  menu.style.left = `${Math.max(8, Math.min(left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.max(8, Math.min(bottom + 4, innerHeight - menu.offsetHeight - 8))}px`;
  items[0]?.focus();
}
