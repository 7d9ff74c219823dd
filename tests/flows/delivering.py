"""Messages and calls for tests of their delivery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flows.calls import HOST_SQL
from flows.delivery import DeliveryConfig
from flows.http import HttpPolicy
from flows.outbox import DELIVERIES, OUTBOX
from lake import Change, Lake, new_id, table

SENDER = "Freight <mail@freight.example>"
FLOW_ID = "pYmNCmrDNyS9pxyCmasuk"


def config(smtp_url: str = "", **more: Any) -> DeliveryConfig:
    """An impatient delivery that may call this machine."""
    http = HttpPolicy(allow=("127.0.0.0/8",), timeout=more.pop("http_timeout", 1.0))
    return DeliveryConfig(smtp_url, SENDER, timeout=1.0, http=http, **more)


def queue_calls(lake: Lake, *urls: str, payload: str = '{"a": 1}') -> list[str]:
    """A queued call of each address, as a flow leaves it; returns their ids."""
    ids = [new_id() for _ in urls]

    def work(tx: Any) -> None:
        for one, url in zip(ids, urls, strict=True):
            tx.execute(
                f"INSERT INTO {OUTBOX} BY NAME SELECT CAST($id AS UUID) AS id, 'webhook' AS channel, $url AS url, "
                f"$payload AS payload, $flow AS flow_id, {HOST_SQL.replace('url', '$url')} AS host, "
                "'h' AS recipient, 'queued' AS state, 0 AS attempts, $now AS next_attempt_at, $now AS created_at, "
                "$now AS updated_at, CAST($change AS UUID) AS change_id",
                {"id": one, "url": url, "payload": payload, "flow": FLOW_ID, "now": datetime.now(UTC),
                 "change": tx.change_id},
            )  # fmt: skip

    lake.commit(work, Change(actor="t", door="t"))
    return ids


def standing(lake: Lake) -> list[tuple[str, int]]:
    """State and attempts of everything in the outbox, the oldest first."""
    return lake.read(f"SELECT state, attempts FROM {OUTBOX} ORDER BY id").rows()


def answers(lake: Lake) -> list[tuple[str, str]]:
    """State and words of every attempt, in their order."""
    return lake.read(f"SELECT state, answer FROM {DELIVERIES} ORDER BY outbox_id, attempt").rows()


def minutes(number: float) -> datetime:
    """So many minutes from now."""
    return datetime.now(UTC) + timedelta(minutes=number)


def say(lake: Lake, address: str, state: str, *, purpose: str = "service", channel: str = "email") -> None:
    """Let an address say something to messages of a purpose."""
    lake.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {table('access', 'consents')} (id, address, channel, purpose, state, occurred_at, change_id) "
            "VALUES (uuidv7(), ?, ?, ?, ?, now(), ?)",
            [address, channel, purpose, state, tx.change_id],
        ),
        Change(actor="t", door="t"),
    )
