"""Nothing keeps anybody out: axe finds no serious fault on any page and section, in light and dark, nor in dialogs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.axe import faults
from tests.browser.server import Served

Mode = Literal["light", "dark"]
# Of all that is looked at, only the contrast of what is read changes with the colours.
RULES: dict[Mode, tuple[str, ...] | None] = {"light": None, "dark": ("color-contrast", "link-in-text-block")}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page of Chromium that `_look` sees in both looks, as the machine of its reader asks for them."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    yield opened
    context.close()


def _look(page: Page, place: str, *, within: str | None = None) -> list[str]:
    """The faults of the page as it stands, in both looks; to change them costs less than to open it."""
    found, grounds = [], set()
    for mode, rules in RULES.items():
        page.emulate_media(color_scheme=mode)
        steps.still(page)
        grounds.add(page.evaluate("getComputedStyle(document.querySelector('.stApp')).backgroundColor"))
        found += [f"{place} ({mode}): {fault}" for fault in faults(page, within=within, rules=rules)]
    assert len(grounds) == len(RULES)
    return found


def test_no_page_and_no_section_has_a_serious_fault(served: Served, page: Page) -> None:
    steps.open_page(page, served, "")
    links = page.get_by_test_id("stSidebarNavLink").all()
    paths = [str(link.get_attribute("href")).removeprefix(served.url).strip("/") for link in links]
    # One module's table stands for those of all the others.
    own = [
        path for path in paths if path in ("", "inbox", "customers", "calendar", "reports", "tasks", "flows")
    ]
    found: list[str] = []
    more = ["reports?dashboard=service", "reports?arrange=service", "deals?view=board"]
    for path in [*own, "load", "explore", "modules", *more]:
        steps.open_page(page, served, path)
        found += _look(page, path or "home")
    steps.open_page(page, served, "customers")
    menu = page.get_by_role("navigation", name="Sections")
    tabs = [str(tab.get_attribute("data-click")) for tab in menu.locator(".m-tab[data-click]").all()]
    for tab in tabs:
        page.locator(f'.m-tab[data-click="{tab}"]').first.evaluate("tab => tab.click()")
        expect(page.locator(f'.m-tab[data-click="{tab}"][aria-current]').first).to_be_attached()
        # What stands around a section is that of the page.
        found += _look(page, tab, within=".st-key-centre")
    assert found == []


DIALOGS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "new": ("customers", lambda page: steps.shortcut(page, "n", steps.new_button(page))),
    "palette": ("customers", lambda page: page.keyboard.press("Control+k")),
    "keys": ("customers", lambda page: page.keyboard.press("?")),
    "bell": ("tasks", lambda page: page.locator(".st-key-bell button").first.click()),
    "acting": ("tasks", lambda page: page.locator(".st-key-acting button").press("Enter")),
}


@pytest.mark.parametrize("name", DIALOGS)
def test_no_dialog_has_a_serious_fault(served: Served, page: Page, name: str) -> None:
    path, open_it = DIALOGS[name]
    steps.open_page(page, served, path)
    open_it(page)
    expect(page.locator('[role="dialog"], dialog[open], [data-testid="stPopoverBody"]').first).to_be_visible()
    assert _look(page, name) == []
