"""When something else is painted in Chromium: the page tells it by itself, so that to measure takes no time from it."""

from __future__ import annotations

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

LONGEST = 10_000.0
"""Milliseconds after which something counts as never painted: a profile that never came is no quick one."""

PAINTED = """
([act, watched, settle, longest]) => new Promise((done) => {
  const deep = (root, selector) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const node of root.querySelectorAll("*")) {
      const inner = node.shadowRoot && deep(node.shadowRoot, selector);
      if (inner) return inner;
    }
    return null;
  };
  let found = deep(document, watched);
  const seen = () => {
    if (!found?.isConnected) found = deep(document, watched);
    return found && (found.dataset.version ? `${found.dataset.version} ${found.scrollTop}` : found.textContent);
  };
  let before = seen(), waiting, began;
  const told = new MutationObserver(() => {
    const now = seen();
    if (!now || now === before) return;
    before = now;
    // The frame after the next one is drawn: what changed is on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const painted = performance.now();
      clearTimeout(waiting);
      // What comes in several parts has come when nothing follows for a while.
      waiting = setTimeout(() => end(painted - began), settle);
    }));
  });
  const end = (taken) => {
    told.disconnect();
    clearTimeout(giveUp);
    done(taken);
  };
  const giveUp = setTimeout(() => end(longest), longest);
  const all = { childList: true, subtree: true, characterData: true, attributes: true };
  told.observe(document, all);
  if (found && found.getRootNode() !== document) told.observe(found.getRootNode(), all);
  began = performance.now();
  if (act.click) deep(document, act.click).click();
  if (act.row !== undefined) {
    // Only rows in sight are drawn; the one that is open already would change nothing.
    const rows = [...deep(document, ".list").querySelectorAll(".row[data-id]")];
    const at = act.row % rows.length;
    rows[rows[at].ariaSelected === "true" ? (at + 1) % rows.length : at].click();
  }
})
"""
"""Does something, and gives the milliseconds until what is watched is painted and nothing followed for `settle`."""

PROFILE = ".st-key-centre_head .m-record"
LIST = ".list"


def painted(page: Page, act: dict[str, object], watched: str, *, settle: int = 0, pause: int = 250) -> float:
    """Milliseconds from an act in the page to what is watched, painted; then a pause."""
    taken = float(page.evaluate(PAINTED, [act, watched, settle, LONGEST]))
    page.wait_for_timeout(pause)
    return taken


def painted_after_key(page: Page, key: str, watched: str, *, settle: int = 0) -> float:
    """Milliseconds from a key to what is watched, painted."""
    page.evaluate(f"(given) => {{ window.painted = ({PAINTED})(given); }}", [{}, watched, settle, LONGEST])
    page.keyboard.press(key)
    try:
        return float(page.evaluate("window.painted"))
    except PlaywrightError:
        return LONGEST
