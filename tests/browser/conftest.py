"""A served workspace and a real Chromium.

`served` is a server with a small demo for all of them; `browser_page` is a fresh, isolated page of
Chromium that fails its test on a console error, an uncaught exception or a request to another host. All
browser tests share one worker, so that the demo is made once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.server import CHROMIUM_ARGS, Served, find_chromium, free_port, serve
from tests.flows.mail_server import Mailbox, mail_server

expect.set_options(timeout=20_000)
MANY = 5_000
PROBES = ("/_stcore/health", "/_stcore/host-config")
"""On a deep link Streamlit looks for its base path by trying it: those two answers of 404 are meant."""


@dataclass
class Watch:
    """What a page did that it should not have done."""

    allowed_host: str = "127.0.0.1"
    problems: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        url = str(message.location.get("url", ""))
        if message.type == "error" and not url.endswith(PROBES):
            self.problems.append(f"console: {message.text} ({url})")

    def error(self, error: Exception) -> None:
        self.problems.append(f"exception: {error}")

    def request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != self.allowed_host:
            self.problems.append(f"request to another host: {request.url}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try once more what fails in a real browser, where server, browser and tests crowd two processors; it is told.

    A test that says by itself how often it is tried keeps that: one that makes the same records again cannot be.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("flaky") is None:
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=3))


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """The mail server to which the served workspace hands its mail."""
    with mail_server() as box:
        yield box


@pytest.fixture(scope="session")
def mail_in() -> int:
    """The port on which the served workspace takes mail in."""
    return free_port()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox, mail_in: int) -> Iterator[Served]:
    """A server with a small demo, which sends mail and takes it in, for all of these tests."""
    settings = {"MERGANSER_SMTP_URL": mailbox.url, "MERGANSER_MAIL_IN_PORT": str(mail_in)}
    with serve(tmp_path_factory.mktemp("home"), settings=settings) as server:
        yield server


@pytest.fixture(scope="session")
def key(served: Served) -> str:
    """With which other programs call the served workspace, as an administrator."""
    return str(json.loads(served.run("keys", "add", "--role", "admin", "--json").stdout)["key"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for these tests; fails, and never skips, when the machine has none.

    Not for the whole session: as long as Playwright is started its event loop counts as running in this
    thread, and whatever calls `asyncio.run` afterwards would be refused.
    """
    path = find_chromium()
    if path is None:
        pytest.fail("The browser tests need Chromium: sudo apt-get install chromium, or CHROMIUM=/path/to/it")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGS))
        yield chromium
        chromium.close()


@pytest.fixture
def watch() -> Watch:
    """The problems that `browser_page` collects; a test that provokes one may clear it."""
    return Watch()


@pytest.fixture
def browser_page(browser: Browser, watch: Watch) -> Iterator[Page]:
    """A page in a profile of its own, 1440 by 900, in UTC; clean of errors at the end or the test fails."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", watch.console)
    page.on("pageerror", watch.error)
    page.on("request", watch.request)
    yield page
    context.close()
    assert watch.problems == []


@pytest.fixture(scope="module")
def crowded(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The served workspace with 5,000 deals more, which go again afterwards."""
    file: Path = tmp_path_factory.mktemp("many") / "deals.csv"
    rows = "".join(f"Crowd {number:05},{number % 90},{number}.50\n" for number in range(MANY))
    file.write_text("Title,Probability,Amount\n" + rows)
    loaded = served.run("load", str(file), "--module", "deals", "--source", "crowd", "--silent", "--json")
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    yield served
    served.run("undo", json.loads(loaded.stdout)["load_id"])
