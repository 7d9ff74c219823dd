"""Pictures of every page, at 1440 by 900 and on a phone, light and dark: `make screenshots`.

    python -m tests.browser.screenshots var/pictures [NAME …]

A server with a demo is started for them. Pages are those that the sidebar links to, and the sections of a lively
customer; a name is a page's path, or `customers-` and a section. A small copy of each stays in `docs/pictures`, those
that the documents show at their full size.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.server import CHROMIUM_ARGS, find_chromium, serve

SIZES = {"": (1440, 900), "-phone": (390, 844)}
"""What stands in the name of a picture → the size of the window; the plain name is the desktop."""
MODES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SHOWN = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SETTLE_MS = 1500
"""How long a page gets to draw its last part after the script has ended."""
SMALL, QUALITY = 720, 50
"""Pixels that a small copy is wide at most, and how well it is kept (WebP, of 100)."""


def take(folder: Path, *, only: tuple[str, ...] = ()) -> Iterator[Path]:
    """Takes the pictures into a folder, one after the other; `only` names them, none means all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, serve(Path(home)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        places = named_pages(browser, server.url)
        for mode in MODES:
            for size, (width, height) in SIZES.items():
                viewport = {"width": width, "height": height}
                page = browser.new_page(viewport=viewport, color_scheme=mode)  # type: ignore[arg-type]
                for name in only or places:
                    open_page(page, f"{server.url}/{places.get(name, name)}")
                    taken = folder / f"{name}{size}-{mode}.png"
                    page.screenshot(path=taken)
                    yield taken
                page.close()
        browser.close()


def named_pages(browser: Browser, url: str) -> Mapping[str, str]:
    """Name → path of the pages that the sidebar links to, and of the sections of a customer."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    open_page(page, url)
    links = page.get_by_test_id("stSidebarNavLink").all()
    paths = [str(link.get_attribute("href")).removeprefix(url).strip("/") for link in links]
    found = {path or "home": path for path in paths}
    open_page(page, f"{url}/customers")
    choose_lively(page)
    lively = page.url.partition("?")[2]
    menu = page.get_by_role("navigation", name="Sections").locator("[data-click^='section:']")
    for tab in menu.all():
        section = str(tab.get_attribute("data-click")).partition(":")[2]
        found[f"customers-{section}"] = f"customers?{lively}&section={section}"
    found["customers"] = f"customers?{lively}"
    page.close()
    return found


def open_page(page: Page, url: str) -> None:
    """Goes to a page and waits until its script has run and its parts are drawn."""
    page.goto(url)
    page.get_by_test_id("stApp").wait_for()
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(state="attached")
    page.wait_for_timeout(SETTLE_MS)


def choose_lively(page: Page) -> None:
    """Choose a customer of whom there is something to tell: one with unread messages."""
    page.locator(".row.unread").first.click()
    page.wait_for_url("**id=*")


def keep(taken: Path) -> Path:
    """Keep a small copy for the documents; the picture itself in place of one that they show."""
    if (SHOWN / taken.name).exists():
        shutil.copyfile(taken, SHOWN / taken.name)
    small = SHOWN / f"{taken.stem}.webp"
    with Image.open(taken) as picture:
        picture.thumbnail((SMALL, SMALL * 2))
        picture.save(small, "WEBP", quality=QUALITY, method=6)
    return small


if __name__ == "__main__":
    target, *chosen = sys.argv[1:] or ["var/pictures"]
    for made in take(Path(target), only=tuple(chosen)):
        print(made, keep(made))
