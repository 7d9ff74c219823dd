"""A served workspace and a real Chromium.

`served` starts `merganser serve` on a free port with a home of its own; `browser_page` is a fresh, isolated
Chromium page that fails its test on a console error, an uncaught exception or a request to another host.
All browser tests share one worker, so that the demo is made once.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
DEMO_CUSTOMERS = "200"
START_SECONDS = 180
CHROMIUM_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)


@dataclass(frozen=True)
class Served:
    """A running server: where it answers and where its files are."""

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a `merganser` command on the same lake while the server runs."""
        return subprocess.run(
            [*_merganser(), *arguments],
            cwd=ROOT,
            env=_environment(self.home),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
        )


@dataclass
class Watch:
    """What a page did that it should not have done."""

    allowed_host: str = "127.0.0.1"
    problems: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.problems.append(f"console: {message.text} ({message.location.get('url', '')})")

    def error(self, error: Exception) -> None:
        self.problems.append(f"exception: {error}")

    def request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname != self.allowed_host:
            self.problems.append(f"request to another host: {request.url}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.path)).is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a small demo, for the whole session."""
    home = tmp_path_factory.mktemp("home")
    with serve(home) as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_ARGS))
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[Page]:
    """A page in a profile of its own, 1440 by 900, in UTC; clean of errors at the end or the test fails."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="UTC", locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    watch = Watch()
    page.on("console", watch.console)
    page.on("pageerror", watch.error)
    page.on("request", watch.request)
    yield page
    context.close()
    assert watch.problems == []


class serve:  # noqa: N801 - used as a context manager, like a function
    """Starts `merganser serve` for a home, waits until it is healthy, and ends it.

    Args:
        home: The folder of the lake; filled with a small demo first when it is empty.
        demo: Customers of the demo, as `merganser demo --size` takes them; None leaves the lake as it is.
        settings: Further settings as environment variables.
    """

    def __init__(
        self, home: Path, *, demo: str | None = DEMO_CUSTOMERS, settings: dict[str, str] | None = None
    ):
        self.home, self.demo, self.settings = home, demo, settings or {}

    def __enter__(self) -> Served:
        port = free_port()
        env = _environment(self.home) | {"MERGANSER_PORT": str(port)} | self.settings
        log = self.home / "server.log"
        self.home.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            if self.demo is not None:
                made = [*_merganser(), "demo", "--size", self.demo]
                subprocess.run(
                    made, cwd=ROOT, env=env, stdout=out, stderr=out, check=True, timeout=START_SECONDS
                )
            self.process = subprocess.Popen(
                [*_merganser(), "serve"], cwd=ROOT, env=env, stdout=out, stderr=out
            )
        server = Served(url=f"http://127.0.0.1:{port}", home=self.home, log=log, process=self.process)
        try:
            _wait_until_healthy(server)
        except BaseException:
            self.__exit__()
            raise
        return server

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(timeout=20)


def find_chromium() -> str:
    """The path of a Chromium; fails the test run with the one line that says how to get it."""
    names = (
        os.environ.get("CHROMIUM"),
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    for name in names:
        if name and (path := shutil.which(name)):
            return path
    pytest.fail(
        "The browser tests need Chromium: sudo apt-get install chromium, or CHROMIUM=/path/to/chromium"
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _merganser() -> list[str]:
    # The interpreter of the tests, so that a fresh clone needs no script on the PATH.
    return [sys.executable, "-c", "from cli import app; app()"]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERGANSER_")}
    return kept | {"MERGANSER_HOME": str(home), "MERGANSER_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}


def _wait_until_healthy(server: Served) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.url}/api/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    tail = server.log.read_text(errors="replace")[-3000:]
    pytest.fail(f"merganser serve did not become healthy (exit {server.process.poll()}):\n{tail}")
