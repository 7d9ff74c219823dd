"""Pictures of every page, at 1440 by 900 and on a phone, light and dark: `make screenshots`.

    python -m tests.browser.screenshots var/pictures [NAME …]

A server with a demo is started for them. Pages are those that the sidebar links to, the sections of a lively customer,
and what stands behind an address of its own: a board, a report, a dashboard, a profile in the past. A name is a page's
path, `customers-` and a section, or one of `MORE`. Those that the documents show are renewed in `docs/pictures`.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.server import CHROMIUM_ARGS, Served, find_chromium, serve

SIZES = {"": (1440, 900), "-phone": (390, 844)}
"""What stands in the name of a picture → the size of the window; the plain name is the desktop."""
MODES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MORE = {
    "board": "deals?view=board",
    "calendar-everybody": "calendar?whose=everybody",
    "dashboard": "reports?dashboard=money",
    "report": "reports?report=revenue",
}
"""Name → path of what no link of the sidebar leads to."""
SHOWN = Path(__file__).resolve().parents[2] / "docs" / "pictures"
SETTLE_MS = 2000
"""How long a page gets to draw its last part after the script has ended."""
WIDTH, MOST_BYTES = 1200, 80_000
"""Pixels that a picture of the documents is wide at most, and how large it may be."""
QUALITIES = range(80, 20, -6)
"""How well it is kept (WebP, of 100): the first of these that is small enough."""


def take(folder: Path, *, only: tuple[str, ...] = ()) -> Iterator[Path]:
    """Takes the pictures into a folder, one after the other; `only` names them, none means all."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, serve(Path(home)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        places = named_pages(browser, server)
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


def named_pages(browser: Browser, server: Served) -> Mapping[str, str]:
    """Name → path of the pages that the sidebar links to, of the sections of a customer, and of `MORE`."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    open_page(page, server.url)
    links = page.get_by_test_id("stSidebarNavLink").all()
    paths = [str(link.get_attribute("href")).removeprefix(server.url).strip("/") for link in links]
    found = {path or "home": path for path in paths} | MORE
    lively = f"id={find_lively(server)}"
    open_page(page, f"{server.url}/customers?{lively}")
    menu = page.get_by_role("navigation", name="Sections").locator("[data-click^='section:']")
    for tab in menu.all():
        section = str(tab.get_attribute("data-click")).partition(":")[2]
        found[f"customers-{section}"] = f"customers?{lively}&section={section}"
    found["customers"] = f"customers?{lively}"
    month_ago = datetime.now(UTC).date() - timedelta(days=30)
    found["customers-past"] = f"customers?{lively}&as_of={month_ago}"
    page.close()
    return found


def open_page(page: Page, url: str) -> None:
    """Goes to a page and waits until its script has run and its parts are drawn."""
    page.goto(url)
    page.get_by_test_id("stApp").wait_for()
    page.locator('[data-test-script-state="notRunning"]').first.wait_for(state="attached")
    page.wait_for_timeout(SETTLE_MS)


def find_lively(server: Served) -> str:
    """The id of a customer of whom there is something to tell: the one with most invoices."""
    most = "SELECT customer FROM invoices WHERE customer IS NOT NULL GROUP BY customer ORDER BY count(*) DESC, customer"
    asked = server.run("query", f"{most} LIMIT 1", "--json")
    return str(json.loads(asked.stdout)[0]["customer"])


def keep(taken: Path) -> Path | None:
    """Renew the picture of the documents, where they show this one: smaller, and not larger than it may be."""
    shown = SHOWN / f"{taken.stem}.webp"
    if not shown.exists():
        return None
    with Image.open(taken) as picture:
        picture.thumbnail((WIDTH, WIDTH * 3), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            made = io.BytesIO()
            picture.save(made, "WEBP", quality=quality, method=6)
            if made.tell() <= MOST_BYTES:
                break
    shown.write_bytes(made.getvalue())
    return shown


if __name__ == "__main__":
    target, *chosen = sys.argv[1:] or ["var/pictures"]
    taken_ = 0
    for made_ in take(Path(target), only=tuple(chosen)):
        taken_ += 1
        renewed = keep(made_)
        print(made_, f"and {renewed.relative_to(SHOWN.parents[1])}" if renewed else "", flush=True)
    print(f"{taken_} pictures in {Path(target).resolve()}; those of the documents in {SHOWN}")
