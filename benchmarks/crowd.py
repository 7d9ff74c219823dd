"""What 20 people at once wait for: each clicks through customers in a browser page of their own."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.clicks import CUSTOMERS
from benchmarks.painting import LONGEST, PAINTED, PROFILE
from benchmarks.report import Report, percentile
from tests.browser.server import CHROMIUM_ARGS, find_chromium, serve

PEOPLE = 20
CLICKS = 15
READS = (3.0, 7.0)
"""Seconds that somebody looks at a profile before the next click."""
AIM = 800.0


def run(report: Report, folder: Path) -> None:
    """Measure in a demo of 2,000 customers; the server and all browsers share the machine."""
    with serve(folder, demo=CUSTOMERS) as server:
        began = time.monotonic()
        taken = asyncio.run(_crowd(server.url))
        seconds = time.monotonic() - began
    middle, high = statistics.median(taken), percentile(taken, 0.95)
    report.add(
        f"{PEOPLE} people at once: click on a customer → painted profile",
        f"p50 {middle:.0f} ms, p95 {high:.0f} ms ({len(taken)} clicks in {seconds:.0f} s)",
        aim=f"p95 ≤ {AIM:g} ms",
        met=high <= AIM,
    )


async def _crowd(url: str) -> list[float]:
    """Milliseconds of every click of everybody; pages are opened one after the other, then all click at once."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        pages = [await _opened(browser, url) for _ in range(PEOPLE)]
        found = await asyncio.gather(*(_reads(page, random.Random(at)) for at, page in enumerate(pages)))
        await browser.close()
    return [one for each in found for one in each]


async def _opened(browser: Browser, url: str) -> Page:
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    await page.goto(f"{url}/customers")
    await page.locator(".st-key-centre_head .m-title").wait_for()
    await page.locator(".list .row").first.wait_for()
    return page


async def _reads(page: Page, chance: random.Random) -> list[float]:
    """The clicks of one person; the first one warms up."""
    taken = []
    for at in range(CLICKS + 1):
        await asyncio.sleep(chance.uniform(*READS))
        taken.append(float(await page.evaluate(PAINTED, [{"row": 1 + (at * 7) % 50}, PROFILE, 0, LONGEST])))
    return taken[1:]
