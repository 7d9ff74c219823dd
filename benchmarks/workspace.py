"""What one waits for at a million customers with ten million related records, beside an empty page of Streamlit.

All in one run, in Chromium, the server and the browser on the same machine: from opening the page to the list and the
profile, from a click to the painted profile, from a keystroke to the list, from one section to another, and from a
scroll to the rows there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.painting import LIST, PROFILE, painted, painted_after_key
from benchmarks.reads import CUSTOMERS, RELATED, fill
from benchmarks.report import Report, percentile
from crm_core.settings import read_settings
from crm_core.workspace import open_workspace
from flows import schema_sql
from tests.browser.server import CHROMIUM_ARGS, find_chromium, free_port, serve

TIMES = 40
START = 900
"""Seconds that the server may take to start: it makes its copy of eleven million rows."""
SECTIONS = ("tasks", "invoices", "timeline", "communications", "notes", "overview")
PAUSE = 350
EMPTY_PAGE = """
import streamlit as st
st.session_state.setdefault("n", 0)
def add():
    st.session_state.n += 1
st.button("Add", on_click=add)
st.html(f'<p class="told">{st.session_state.n}</p>')
"""


def run(report: Report, folder: Path, *, customers: int = CUSTOMERS) -> None:
    """Measure everything in turn; the load of the machine before it stands in the report."""
    home = folder / "home"
    home.mkdir()
    with open_workspace(read_settings({}, home=home), schemas=[schema_sql()]) as workspace:
        fill(workspace.lake, customers=customers)
    related = sum(RELATED.values()) * customers
    what = f"{customers / 1e6:g}M customers, {related / 1e6:g}M related"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        report.add(f"{what}: load of the machine before", " ".join(f"{one:.1f}" for one in os.getloadavg()))
        with _empty_page(folder) as url:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url)
            page.locator(".told").wait_for()
            taken = [
                painted(page, {"click": "button[kind=secondary]"}, ".told", pause=PAUSE) for _ in range(TIMES)
            ]
            _report(report, "An empty page of Streamlit: click → painted", taken)
            page.close()
        with serve(home, demo=None, seconds=START) as server:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            _measure(report, page, f"{server.url}/customers", what)
        browser.close()


def _measure(report: Report, page: Page, url: str, what: str) -> None:
    # The server makes its copy when it starts; until then it answers from the lake.
    page.goto(url, timeout=180_000)
    page.locator(".list .row[data-id]").first.wait_for(timeout=300_000)
    page.wait_for_timeout(5_000)
    _report(report, f"{what}: first page after opening", [_opened(page, url) for _ in range(6)], p95=2000)
    clicks = [painted(page, {"row": 1 + at * 7 % 19}, PROFILE, pause=PAUSE) for at in range(TIMES)]
    _report(report, f"{what}: click on a customer → painted profile", clicks, p50=120, p95=200)
    turns = [f'.m-tab[data-click="section:{SECTIONS[at % len(SECTIONS)]}"]' for at in range(TIMES)]
    tabs = [painted(page, {"click": tab}, ".st-key-centre_body", pause=PAUSE) for tab in turns]
    _report(report, f"{what}: section → section", tabs, p95=200)
    _report(report, f"{what}: keystroke → list", _keys(page, "hanna moreau 12 "), p95=300)
    _report(report, f"{what}: keystroke → list, with typing errors", _keys(page, "hnana moraeu 12 "))
    page.get_by_placeholder("Search name").fill("")
    page.wait_for_timeout(2000)
    page.locator(".list").evaluate("list => { list.scrollTop = 0; }")
    _report(report, f"{what}: a jump in the list → its rows", [_jump(page, at) for at in range(1, 9)])


def _opened(page: Page, url: str) -> float:
    began = time.perf_counter()
    page.goto(url)
    page.locator(".list .row[data-id]").first.wait_for()
    page.locator(PROFILE).wait_for()
    taken = (time.perf_counter() - began) * 1000
    page.wait_for_timeout(1500)
    return taken


def _keys(page: Page, words: str) -> list[float]:
    """Milliseconds from each keystroke to the list, the pause for further keys included."""
    search, taken = page.get_by_placeholder("Search name"), []
    search.fill("")
    page.wait_for_timeout(2000)
    search.click()
    for key in words * 2:
        if key == " ":
            page.keyboard.press("Space")
        else:
            taken.append(painted_after_key(page, key, LIST))
        page.wait_for_timeout(PAUSE * 2)
    return taken


def _jump(page: Page, at: int) -> float:
    began = time.perf_counter()
    page.locator(".list").evaluate("(list, at) => { list.scrollTop = list.scrollHeight * at / 10; }", at)
    page.wait_for_timeout(60)
    page.wait_for_function("() => true")
    page.locator(".waiting").first.wait_for(state="detached")
    taken = (time.perf_counter() - began) * 1000
    page.wait_for_timeout(PAUSE)
    return taken


@contextmanager
def _empty_page(folder: Path) -> Iterator[str]:
    script, port = folder / "empty.py", free_port()
    script.write_text(EMPTY_PAGE)
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    process = subprocess.Popen(
        [*command, "--server.headless", "true", "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        time.sleep(8)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _report(
    report: Report, what: str, taken: list[float], *, p95: float | None = None, p50: float | None = None
) -> None:
    middle, high = statistics.median(taken), percentile(taken, 0.95)
    aims = [f"{name} ≤ {most:g} ms" for name, most in (("p50", p50), ("p95", p95)) if most is not None]
    met = all((p50 is None or middle <= p50, p95 is None or high <= p95)) if aims else None
    report.add(what, f"p50 {middle:.0f} ms, p95 {high:.0f} ms", aim=", ".join(aims), met=met)
