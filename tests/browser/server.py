"""Starts `merganser serve` for a test, waits until it is healthy, and ends it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO_CUSTOMERS = 200
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


class ServerDidNotStart(AssertionError):
    """The server ended, or was not healthy in time; the message ends with its log."""


@dataclass(frozen=True)
class Served:
    """A running server: where it answers and where its files are."""

    url: str
    home: Path
    log: Path
    process: subprocess.Popen[bytes]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a `merganser` command on the same lake while the server runs."""
        command = [*_merganser(), *arguments]
        env = _environment(self.home)
        return subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=START_SECONDS
        )


@contextmanager
def serve(
    home: Path,
    *,
    demo: int | None = DEMO_CUSTOMERS,
    settings: Mapping[str, str] | None = None,
    seconds: int = START_SECONDS,
) -> Iterator[Served]:
    """A server on a free port of 127.0.0.1, ended on leaving.

    Args:
        home: The folder of the lake.
        demo: How many customers `merganser demo` makes first; None starts on the lake as it is.
        settings: Further settings as environment variables.
        seconds: How long it may take until it is healthy.
    """
    home.mkdir(parents=True, exist_ok=True)
    log, port = home / "server.log", free_port()
    env = _environment(home) | {"MERGANSER_PORT": str(port)} | dict(settings or {})
    with log.open("ab") as out:
        if demo is not None:
            made = [*_merganser(), "demo", "--size", str(demo)]
            subprocess.run(made, cwd=ROOT, env=env, stdout=out, stderr=out, check=True, timeout=START_SECONDS)
        process = subprocess.Popen([*_merganser(), "serve"], cwd=ROOT, env=env, stdout=out, stderr=out)
    server = Served(url=f"http://127.0.0.1:{port}", home=home, log=log, process=process)
    try:
        _wait_until_healthy(server, seconds)
        yield server
    finally:
        _end(process)


def find_chromium() -> str | None:
    """The path of a Chromium on this machine, the one that CHROMIUM names first."""
    named = os.environ.get("CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in (named, *names) if name and (path := shutil.which(name))), None)


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _merganser() -> list[str]:
    # The interpreter of the tests, so that a fresh clone needs no script on the PATH.
    return [sys.executable, "-c", "from cli import app; app()"]


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MERGANSER_")}
    return kept | {"MERGANSER_HOME": str(home), "MERGANSER_HOST": "127.0.0.1", "PYTHONPATH": str(ROOT)}


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=20)


def _wait_until_healthy(server: Served, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}/api/health", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    tail = server.log.read_text(errors="replace")[-3000:]
    raise ServerDidNotStart(f"merganser serve is not healthy (exit code {server.process.poll()}):\n{tail}")
