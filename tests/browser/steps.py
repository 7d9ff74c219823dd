"""What a person does in the pages, by the words that stand there; every step waits for what it can see."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

from playwright.sync_api import FrameLocator, Locator, Page, expect

from tests.browser.server import Served

STILL = """() => {
  const now = performance.now();
  const busy = () => !document.querySelector('[data-test-script-state="notRunning"]');
  if (!window.busyAt) {
    window.busyAt = now;
    // Also what runs between two looks counts.
    new MutationObserver(() => { window.busyAt = performance.now(); })
      .observe(document.body, { subtree: true, attributeFilter: ["data-test-script-state"] });
  }
  window.askedAt ??= now;
  if (busy()) window.busyAt = now;
  const still = now - window.busyAt > 500 && now - window.askedAt > 150;
  if (still) window.askedAt = undefined;
  return still;
}"""
"""Whether no script has run for half a second, nor began since a press of a moment ago."""


def open_page(page: Page, served: Served, path: str) -> None:
    """Go to a page by its address, and wait until its script has run and its parts listen."""
    page.goto(f"{served.url}/{path}")
    settled(page)
    still(page)


def still(page: Page) -> None:
    """Wait until no script has run for half a second: what is pressed while a page draws itself can be lost."""
    page.wait_for_function(STILL)


def calm(page: Page, served: Served) -> None:
    """Wait until nothing is written any more, by flows or by notices: what is written is drawn by every page."""
    before, since = "", 0
    while since < 8:
        with urllib.request.urlopen(f"{served.url}/api/pulse", timeout=20) as answer:
            now = answer.read().decode()
        before, since = now, since + 1 if now == before else 0
        page.wait_for_timeout(250)
    still(page)


def settled(page: Page) -> None:
    """Wait until no script runs."""
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(state="attached")


def stays(page: Page) -> None:
    """Put a mark into the window that a reload would wipe out: `stayed` looks for it."""
    page.evaluate("window.stayed = true")


def stayed(page: Page) -> bool:
    """Whether the page was not loaded anew since `stays`."""
    return bool(page.evaluate("window.stayed === true"))


def title(page: Page) -> Locator:
    """The title of the record in the middle."""
    return page.locator(".st-key-centre_head .m-title")


def section(page: Page, name: str) -> None:
    """Open a section of the profile, from the row or from what stands behind “More”."""
    menu = page.get_by_role("navigation", name="Sections")
    menu.wait_for()
    still(page)
    wanted = menu.locator(".m-tab[data-click]", has_text=name).first
    if not wanted.is_visible():
        menu.locator("summary").click()
    wanted.click()
    expect(menu.locator("[aria-current]")).to_have_text(name)


def row(page: Page, name: str) -> Locator:
    """A record in the list on the left."""
    return page.get_by_role("option", name=name)


def choose(page: Page, label: str, option: str, *, within: Locator | None = None) -> None:
    """Choose an option of a select by the words on the screen."""
    box = (within or page).get_by_role("combobox", name=label, exact=True)
    box.click()
    page.get_by_role("option", name=option, exact=True).last.click()


def find(page: Page, label: str, option: str, *, within: Locator | None = None) -> None:
    """Choose an option of a long select by typing it; the page is still before and afterwards."""
    still(page)
    box = (within or page).get_by_role("combobox", name=label, exact=True).last
    if box.input_value() != option:
        box.fill(option)
        page.get_by_role("option", name=option, exact=True).last.click()
        still(page)


def shortcut(page: Page, key: str, shown: Locator) -> None:
    """Press a key once what it stands for is on the screen and the page is still; what it opens must come."""
    expect(shown).to_be_visible()
    still(page)
    page.keyboard.press(key)


def new_button(page: Page) -> Locator:
    """The button that makes a record, with its key."""
    return page.get_by_role("button", name=re.compile("Shortcut N"))


def said(page: Page, words: str) -> None:
    """Wait for a short message in the corner."""
    expect(page.get_by_test_id("stToast").filter(has_text=words).first).to_be_visible()


def grid(page: Page) -> FrameLocator:
    """The table of records."""
    return page.frame_locator("iframe")


def dialog(page: Page) -> Locator:
    """The dialog that is open."""
    return page.get_by_role("dialog")


def drop(page: Page, *files: Any) -> None:
    """Put files into the box of the page Load."""
    page.get_by_role("button", name=re.compile("Drop files here")).wait_for()
    page.locator('input[type="file"]').set_input_files(list(files))


def call(served: Served, path: str, body: Any = None, *, method: str = "", key: str = "") -> Any:
    """What another program does over HTTP while the page is open, with its key where one is asked for."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(
        f"{served.url}/api/{path}", data=data, headers=headers, method=method or ("POST" if data else "GET")
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def carry(page: Page, start: Locator, end: Locator, *, at: tuple[float, float] = (0.5, 0.5)) -> None:
    """Drag one thing onto another by hand: press, go there, rest until its place is shown, and let go."""
    begin, there = start.bounding_box(), end.bounding_box()
    assert begin is not None and there is not None
    page.mouse.move(begin["x"] + begin["width"] / 2, begin["y"] + min(30, begin["height"] / 2))
    page.mouse.down()
    to = there["x"] + there["width"] * at[0], there["y"] + there["height"] * at[1]
    for nearer in (8, 3, 0):
        page.mouse.move(to[0] - nearer, to[1] - nearer, steps=8)
        page.wait_for_timeout(250)
    page.mouse.up()


def swipe(page: Page, start: Locator, end: Locator, *, rest: int) -> None:
    """Put a finger on a thing, rest for so many milliseconds, go to another, and lift it there."""
    begin, there = start.bounding_box(), end.bounding_box()
    assert begin is not None and there is not None
    at = begin["x"] + begin["width"] / 2, begin["y"] + 20
    to = there["x"] + min(there["width"], 300) / 2, there["y"] + 120
    touch = page.context.new_cdp_session(page)

    def tell(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y} for x, y in points]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    tell("touchStart", at)
    page.wait_for_timeout(rest)
    for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0, 1.0):
        tell("touchMove", (at[0] + (to[0] - at[0]) * share, at[1] + (to[1] - at[1]) * share))
        page.wait_for_timeout(80)
    page.wait_for_timeout(300)
    tell("touchEnd")
