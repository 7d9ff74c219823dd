"""From a record that is created over HTTP to the effect of its flow, as another client sees it.

One client creates inquiries at a real server, one after the other, and asks for each until the flow that acknowledges
it has set its status. What is measured is what a person waits for: the answer to the request, the window of changes,
its commit, and the reads in between.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx

from benchmarks.report import Report
from tests.browser.server import serve

RECORDS = "/api/v1/modules/inquiries/records"
TIMES = 100
WARM = 10
PAUSE = 0.05
"""Seconds between two questions: each costs the server some of what the flow needs."""

SETTLED = 2.0
"""Seconds between one record and the next."""

PATIENCE = 30.0


def run(report: Report, folder: Path, *, times: int = TIMES) -> None:
    """Measure and note it."""
    with serve(folder / "served", demo=200) as server:
        key = json.loads(server.run("keys", "add", "--role", "admin", "--json").stdout)["key"]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE) as client:
            waited = [_one(client, number) for number in range(times + WARM)][WARM:]
    report.p95("created over HTTP → the flow's effect is seen", waited, at_most_ms=250)


def _one(client: httpx.Client, number: int) -> float:
    values = {
        "subject": f"Quote {number}",
        "name": f"Client {number}",
        "email": f"client{number}@mail.example",
        "channel": "api",
        "service": "sea_freight",
    }
    started = time.perf_counter()
    created = client.post(RECORDS, json=values).raise_for_status().json()
    while True:
        found = client.get(f"{RECORDS}/{created['id']}").raise_for_status().json()
        passed = time.perf_counter() - started
        if found["status"] == "acknowledged":
            # The next one begins when this one has come to an end: what it sets off are windows too.
            time.sleep(SETTLED)
            return passed
        if passed > PATIENCE:
            raise AssertionError(f"the flow has not acted on {created['id']} within {PATIENCE:g} s: {found}")
        time.sleep(PAUSE)
