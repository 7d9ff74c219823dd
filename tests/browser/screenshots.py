"""Pictures of every page, at 1440 by 900 and on a phone, light and dark: `make screenshots`.

    python -m tests.browser.screenshots var/pictures [PAGE …]

A server with a demo is started for them; pages are those that the sidebar links to. Those pictures that the
documents show are renewed in `docs/pictures`; no other is put there.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.server import CHROMIUM_ARGS, find_chromium, serve

SIZES = {"": (1440, 900), "-phone": (390, 844)}
"""What stands in the name of a picture → the size of the window; the plain name is the desktop."""
MODES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOWN = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SETTLE_MS = 2500
"""How long a page gets to draw its last part after the script has ended."""


def take(folder: Path, *, only: tuple[str, ...] = ()) -> list[Path]:
    """Takes the pictures into a folder and returns their paths; `only` names the pages, none means all."""
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[Path] = []
    with tempfile.TemporaryDirectory() as home, serve(Path(home)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        names = only or page_names(browser, server.url)
        for mode in MODES:
            for size, (width, height) in SIZES.items():
                viewport = {"width": width, "height": height}
                page = browser.new_page(viewport=viewport, color_scheme=mode)  # type: ignore[arg-type]
                for name in names:
                    open_page(page, f"{server.url}/{name}")
                    choose_lively(page)
                    taken.append(folder / f"{name or 'home'}{size}-{mode}.png")
                    page.screenshot(path=taken[-1])
                page.close()
        browser.close()
    return taken


def page_names(browser: Browser, url: str) -> tuple[str, ...]:
    """The paths that the sidebar links to; the start page is the empty one."""
    page = browser.new_page()
    open_page(page, url)
    links = page.get_by_test_id("stSidebarNavLink").all()
    paths = [str(link.get_attribute("href")).removeprefix(url).strip("/") for link in links]
    page.close()
    return tuple(dict.fromkeys(paths))


def open_page(page: Page, url: str) -> None:
    """Goes to a page and waits until its script has run and its parts are drawn."""
    page.goto(url)
    page.get_by_test_id("stApp").wait_for()
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(state="attached")
    page.wait_for_timeout(SETTLE_MS)


def choose_lively(page: Page) -> None:
    """Where a list counts unread messages, show one of whom there is something to tell."""
    row = page.locator(".row.unread").first
    if row.count() and row.is_visible():
        row.click()
        page.wait_for_timeout(SETTLE_MS)


def renew(taken: list[Path]) -> list[Path]:
    """Put those of the pictures that the documents show in their place."""
    return [Path(shutil.copyfile(path, SHOWN / path.name)) for path in taken if (SHOWN / path.name).exists()]


if __name__ == "__main__":
    target, *pages = sys.argv[1:] or ["var/pictures"]
    made = take(Path(target), only=tuple(pages))
    for path in (*made, *renew(made)):
        print(path)
