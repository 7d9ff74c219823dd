"""A campaign: 100,000 queued messages, delivered to an SMTP server on this machine.

Server and delivery share the machine, each a process of its own. Every message must arrive once, and stand as sent in
the outbox and in its own record.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from crm_core.access import Actor
from crm_core.records import create
from crm_core.settings import read_settings
from crm_core.workspace import open_workspace
from flows import schema_sql
from flows.delivery import DeliveryConfig, deliver_once
from flows.outbox import OUTBOX
from lake import Change, Lake, table
from tests.flows.mail_server import free_port

MESSAGES = 100_000
_PART = 25_000


class _Taken:
    """Takes every message and counts it."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.count += 1
        return "250 taken"


def _serve(port: int, told: Connection) -> None:
    from aiosmtpd.controller import Controller

    handler = _Taken()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    told.send("ready")
    told.recv()
    told.send(handler.count)
    controller.stop()


@contextmanager
def _server() -> Iterator[tuple[str, Connection]]:
    """A mail server in a process of its own; asked, it says how many messages it took, and ends."""
    port, (here, there) = free_port(), multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port, there), daemon=True)
    process.start()
    assert here.recv() == "ready"
    try:
        yield f"smtp://127.0.0.1:{port}", here
    finally:
        process.join(10)
        process.kill()


def _queue(lake: Lake, messages: int) -> None:
    """Messages as flows leave them: a record each, and a row in the outbox."""
    for first in range(0, messages, _PART):
        numbers = range(first, min(first + _PART, messages))
        values = [
            {
                "channel": "email",
                "direction": "out",
                "state": "queued",
                "to": f"client{number}@mail.example",
                "subject": f"Offer {number}",
                "text": f"Dear client {number},\n\nfrom Monday we sail twice a week.\n\nYour forwarder",
                "purpose": "service",
            }
            for number in numbers
        ]
        create(lake, module="communications", values=values, actor=Actor.system(), trusted=True)
    lake.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {OUTBOX} BY NAME SELECT uuidv7() AS id, 'email' AS channel, id AS communication_id, "
            "\"to\" AS recipient, purpose, 'queued' AS state, 0 AS attempts, $now AS next_attempt_at, "
            f"$now AS created_at, $now AS updated_at, change_id FROM {table('crm', 'communications')}",
            {"now": datetime.now(UTC)},
        ),
        Change(actor="benchmark", door="benchmark"),
    )


def run(report: Report, folder: Path, *, messages: int = MESSAGES) -> None:
    """Measure it and note it."""
    settings = read_settings({}, home=folder / "home")
    with open_workspace(settings, schemas=[schema_sql()]) as workspace, _server() as (url, server):
        lake = workspace.lake
        _queue(lake, messages)
        config = DeliveryConfig.from_settings(settings.model_copy(update={"smtp_url": url}))
        started = time.perf_counter()
        done = deliver_once(lake, config)
        took = time.perf_counter() - started
        server.send("how many")
        taken = server.recv()
        states = lake.read(
            f"SELECT o.state, m.state AS told, count(*) AS n FROM {OUTBOX} o "
            f"JOIN {table('crm', 'communications')} m ON m.id = o.communication_id GROUP BY ALL"
        ).rows()
    if (done.sent, taken, states) != (messages, messages, [("sent", "sent", messages)]):
        raise AssertionError(f"sent {done.sent}, taken {taken}, states {states}")
    what = f"{messages:,} queued messages to an SMTP server on this machine"
    report.add(what, f"{messages / took:.0f} a second ({took:.0f} s)")
