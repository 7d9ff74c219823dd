"""`submit-inquiry` with 32 clients at a real server: a second, and while a load of five million rows runs beside it.

Server, clients and loader share the machine. Each client sends its next inquiry when the last one is answered, which
is when it is durable; every answer must be a 201, and all inquiries must be in the lake at the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from benchmarks.loads import write_csv
from benchmarks.report import Report, percentile
from tests.browser.server import Served, serve

CLIENTS = 32
SECONDS = 30.0
LOADED_ROWS = 5_000_000
PATH = "/api/public/submit-inquiry"
RECORDS = "/api/v1/modules/inquiries/records"


def body(number: int) -> dict[str, object]:
    """An inquiry as a web shop's form sends it."""
    return {
        "name": f"Client {number}",
        "email": f"client{number}@mail.example",
        "phone": "+49301234567",
        "company": "Acme",
        "service": "sea_freight",
        "origin": "Hamburg",
        "destination": "Oslo",
        "items": [{"description": "40 ft container", "quantity": 2}],
        "message": f"Two containers, please ({number})",
        "consent": ["service"],
    }


async def _clients(url: str, until: Callable[[], bool]) -> tuple[list[float], list[str]]:
    """Seconds of every answer, and what was answered otherwise than with 201."""
    waited: list[float] = []
    wrong: list[str] = []

    async def one(client: httpx.AsyncClient, number: int) -> None:
        while not until():
            number += CLIENTS
            started = time.perf_counter()
            try:
                answer = await client.post(PATH, json=body(number))
                if answer.status_code != 201:
                    wrong.append(f"{answer.status_code} {answer.text[:200]}")
            except httpx.HTTPError as error:
                wrong.append(repr(error))
            waited.append(time.perf_counter() - started)

    limits = httpx.Limits(max_connections=CLIENTS)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as client:
        await asyncio.gather(*(one(client, number) for number in range(CLIENTS)))
    return waited, wrong


def submitted(server: Served, until: Callable[[], bool]) -> tuple[list[float], float]:
    """Let the clients send until told to stop; returns the seconds of each answer and of all."""
    started = time.perf_counter()
    waited, wrong = asyncio.run(_clients(server.url, until))
    if wrong:
        raise AssertionError(f"{len(wrong)} of {len(waited)} inquiries were not taken, the first: {wrong[0]}")
    return waited, time.perf_counter() - started


def _stored(server: Served, key: str) -> int:
    told = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(f"{server.url}{RECORDS}", params={"limit": 1}, headers=told, timeout=60)
    return int(answer.raise_for_status().json()["total"])


def run(report: Report, folder: Path, *, seconds: float = SECONDS, rows: int = LOADED_ROWS) -> None:
    """Measure both and note them."""
    file = write_csv(folder / "five.csv", rows=rows)
    settings = {"MERGANSER_INTAKE_PER_MINUTE": "0"}
    with serve(folder / "served", demo=100, settings=settings) as server:
        key = json.loads(server.run("keys", "add", "--role", "admin", "--json").stdout)["key"]
        before = _stored(server, key)
        warm = time.monotonic() + 3
        first, _ = submitted(server, lambda: time.monotonic() > warm)
        end = time.monotonic() + seconds
        waited, took = submitted(server, lambda: time.monotonic() > end)
        _note(report, f"submit-inquiry with {CLIENTS} clients", waited, took, at_least=300, at_most=0.25)
        command = [
            sys.executable,
            "-m",
            "cli",
            "load",
            str(file),
            "--module",
            "customers",
            "--key",
            "external_id",
            "--json",
        ]
        env = server_environment(server)
        with (folder / "load.log").open("wb") as log:
            loading = subprocess.Popen(command, env=env, stdout=log, stderr=log)
            beside, took = submitted(server, lambda: loading.poll() is not None)
        if loading.returncode:
            raise AssertionError(f"the load failed: {(folder / 'load.log').read_text()[-500:]}")
        what = f"submit-inquiry while {rows / 1e6:g}M rows are loaded ({took:.0f} s)"
        _note(report, what, beside, took, at_least=None, at_most=1.0)
        if _stored(server, key) - before != len(first) + len(waited) + len(beside):
            raise AssertionError("inquiries were answered that are not in the lake")


def server_environment(server: Served) -> dict[str, str]:
    """The settings of another process on the server's lake."""
    return {**os.environ, "MERGANSER_HOME": str(server.home)}


def _note(
    report: Report, what: str, waited: list[float], took: float, *, at_least: int | None, at_most: float
) -> None:
    rate, high = len(waited) / took, percentile(waited, 0.99)
    aim = f"p99 ≤ {at_most * 1000:g} ms" + (f", ≥ {at_least} a second" if at_least else ", none fails")
    met = high <= at_most and (at_least is None or rate >= at_least)
    report.add(what, f"{rate:.0f} a second, p99 {high * 1000:.0f} ms", aim=aim, met=met)
