"""What one waits for in Chromium: from a click to the painted profile, from a keystroke to the list."""

from __future__ import annotations

import statistics
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.painting import LIST, PROFILE, painted, painted_after_key
from benchmarks.report import Report, percentile
from tests.browser.server import CHROMIUM_ARGS, find_chromium, serve

CUSTOMERS = 2_000
CLICKS = 100
KEYS = 40


def run(report: Report, folder: Path) -> None:
    """Measure in a demo of 2,000 customers, the server and the browser on the same machine."""
    with serve(folder, demo=CUSTOMERS) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{server.url}/customers")
        page.locator(".st-key-centre_head .m-title").wait_for()
        page.locator(".list .row").first.wait_for()
        _report(report, "Click on a customer → painted profile", _clicks(page), p50=150, p95=300)
        _report(report, "Keystroke → list", _keys(page), p95=350)
        browser.close()


def _clicks(page: Page) -> list[float]:
    """Milliseconds from each click to the painted profile; the first two warm up."""
    taken = []
    for at in range(CLICKS + 2):
        # Rows far apart, so that no two profiles in turn have the same title.
        row = 1 + (at * 7) % 50
        taken.append(painted(page, {"row": row}, PROFILE))
    return taken[2:]


def _keys(page: Page) -> list[float]:
    """Milliseconds from each keystroke to the changed list, the pause for further keys included."""
    search, taken = page.get_by_placeholder("Search name"), []
    search.click()
    for at in range(KEYS):
        key = "Backspace" if at % 2 else "abdeghimnorstuklpvz"[at // 2 % 19]
        taken.append(painted_after_key(page, key, LIST))
        page.wait_for_timeout(500)
    return taken


def _report(report: Report, what: str, taken: list[float], *, p95: float, p50: float | None = None) -> None:
    middle, high = statistics.median(taken), percentile(taken, 0.95)
    aim = f"p95 ≤ {p95:g} ms" if p50 is None else f"p50 ≤ {p50:g} ms, p95 ≤ {p95:g} ms"
    met = high <= p95 and (p50 is None or middle <= p50)
    report.add(what, f"p50 {middle:.0f} ms, p95 {high:.0f} ms", aim=aim, met=met)
