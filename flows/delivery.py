"""Delivery of the outbox: every attempt is recorded before it is made, and its answer as soon as it is there."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import partial
from typing import Any

import polars as pl
import structlog

from crm_core.definitions import read_catalog
from flows.actions.send_email import COMMUNICATIONS
from flows.outbox import DELIVERIES, NO_SERVER, OUTBOX
from flows.smtp import Answer, Letter, MailServer, deliver
from flows.writing import write_message_states
from lake import Change, Lake, Session, Transaction, new_id, table
from lake.errors import LakeError

_log = structlog.get_logger("flows")

MAX_ATTEMPTS = 12
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)
BATCH = 100
"""Messages that one round takes at most; whoever dies within it leaves them all as of unknown outcome."""


@dataclass(frozen=True)
class DeliveryReport:
    """What one round did: messages sent, put off, refused for good, and of unknown outcome.

    `reason` says why nothing was tried, when nothing was.
    """

    sent: int = 0
    retried: int = 0
    dead: int = 0
    unknown: int = 0
    reason: str = ""

    @property
    def tried(self) -> int:
        """The number of attempts that were made."""
        return self.sent + self.retried + self.dead + self.unknown


@dataclass(frozen=True)
class DeliveryConfig:
    """How mail leaves: the server's URL (empty: it stays queued), the sender, and the patience with a server.

    `timeout` is in seconds, for each answer of the server.
    """

    smtp_url: str
    mail_from: str
    timeout: float = 30.0
    connections: int = 4
    max_attempts: int = MAX_ATTEMPTS
    first_pause: timedelta = FIRST_PAUSE

    def pause(self, attempt: int) -> timedelta:
        """How long to wait after a failed attempt (1-based): twice as long each time, with a fifth of jitter."""
        plain: timedelta = min(self.first_pause * 2.0 ** (attempt - 1), LONGEST_PAUSE)
        return plain * random.uniform(0.8, 1.2)


def deliver_once(lake: Lake, config: DeliveryConfig, *, now: datetime | None = None) -> DeliveryReport:
    """Try the messages that are due, at most 100; whoever calls it holds the lease `delivery`.

    Messages that are found in the middle of an attempt belong to a process that died: their outcome is unknown, and
    they are tried again under the same Message-ID.

    Args:
        lake: the lake.
        config: the mail server and the sender.
        now: the aware instant that counts as now.
    """
    moment = now or datetime.now(UTC)
    if not config.smtp_url:
        return DeliveryReport(reason=NO_SERVER)
    with lake.session() as session:
        due = _due(session, moment)
        if not due:
            return DeliveryReport()
        letters = _claim(lake, session, config, due, moment)
    server = MailServer.from_url(config.smtp_url, timeout=config.timeout, connections=config.connections)
    reports: list[DeliveryReport] = []

    def record(answers: Sequence[Answer]) -> None:
        kept = partial(_record, lake, config, answers, server.name, now or datetime.now(UTC))
        reports.append(_persist(kept))

    deliver(server, letters, record=record)
    return _sum(reports)


def _persist(record: Callable[[], DeliveryReport]) -> DeliveryReport:
    """Try again while the lake is locked or full: an answer that is forgotten is a message that is sent twice."""
    for pause in _PERSISTENCE:
        try:
            return record()
        except LakeError as error:
            _log.warning("answers of the mail server are not recorded yet", error=str(error))
            time.sleep(pause)
    return record()


_PERSISTENCE = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries, each of which waits for the lock by itself."""


def _sum(reports: Sequence[DeliveryReport]) -> DeliveryReport:
    return DeliveryReport(
        sum(one.sent for one in reports), sum(one.retried for one in reports),
        sum(one.dead for one in reports), sum(one.unknown for one in reports),
    )  # fmt: skip


def next_due(lake: Lake) -> datetime | None:
    """When the next message is to be tried; None when none waits."""
    found: datetime | None = lake.read(
        f"SELECT min(next_attempt_at) AS due FROM {OUTBOX} WHERE state IN ('queued', 'unknown', 'sending')"
    )["due"][0]
    return found


def _due(session: Session, now: datetime) -> list[str]:
    rows = session.read(
        f"SELECT id FROM {OUTBOX} WHERE channel = 'email' AND (state = 'sending' "
        "OR (state IN ('queued', 'unknown') AND next_attempt_at <= ?)) ORDER BY next_attempt_at, id LIMIT ?",
        [now, BATCH],
    )
    return rows["id"].to_list()


def _claim(
    lake: Lake, session: Session, config: DeliveryConfig, ids: Sequence[str], now: datetime
) -> list[Letter]:
    """Record the attempts, and read what is to be sent; a message that meanwhile was dropped is left out."""
    domain = parseaddr(config.mail_from)[1].rpartition("@")[2] or "merganser.invalid"

    def work(tx: Transaction) -> list[str]:
        values = {"ids": list(ids), "now": now, "domain": domain}
        tx.execute(
            f"UPDATE {DELIVERIES} SET state = 'unknown', finished_at = $now, answer = 'the process ended before the "
            "answer was known' WHERE state = 'sending' AND CAST(outbox_id AS VARCHAR) IN (SELECT unnest($ids))",
            {"ids": list(ids), "now": now},
        )
        tx.execute(
            f"UPDATE {OUTBOX} SET state = 'sending', attempts = attempts + 1, updated_at = $now, "
            "reason = CASE WHEN state = 'sending' THEN 'the outcome of the attempt before is unknown' END, "
            "message_id = coalesce(message_id, '<' || CAST(id AS VARCHAR) || '@' || $domain || '>') "
            "WHERE state IN ('queued', 'unknown', 'sending') AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))",
            values,
        )
        taken = tx.read(
            f"SELECT id, attempts FROM {OUTBOX} WHERE state = 'sending' AND CAST(id AS VARCHAR) IN (SELECT unnest(?))",
            [list(ids)],
        )
        attempts = taken.select(pl.lit("").alias("id"), outbox_id="id", attempt="attempts")
        attempts = attempts.with_columns(
            pl.Series("id", [new_id() for _ in range(taken.height)], dtype=pl.String)
        )
        tx.register("outbox_attempts", attempts)
        tx.execute(
            f"INSERT INTO {DELIVERIES} (id, outbox_id, attempt, state, started_at) "
            "SELECT CAST(id AS UUID), CAST(outbox_id AS UUID), attempt, 'sending', $now FROM outbox_attempts",
            {"now": now},
        )
        return taken["id"].to_list()

    taken = session.commit(work, Change(actor="system", door="delivery", reason="attempts begin")).value
    return _letters(lake, config, taken)


def _letters(lake: Lake, config: DeliveryConfig, ids: Sequence[str]) -> list[Letter]:
    known = read_catalog(lake).columns(COMMUNICATIONS)
    optional = [
        f'm."{name}"' if name in known else f'NULL AS "{name}"' for name in ("from", "html", "in_reply_to")
    ]
    rows = lake.read(
        f"SELECT o.id, o.message_id, o.recipient, o.reply_to, o.created_at, m.subject, m.text, {', '.join(optional)} "
        f"FROM {OUTBOX} o JOIN {table('crm', COMMUNICATIONS)} m ON m.id = o.communication_id "
        "WHERE CAST(o.id AS VARCHAR) IN (SELECT unnest(?)) ORDER BY o.id",
        [list(ids)],
    )
    return [_letter(row, config) for row in rows.to_dicts()]


def _letter(row: dict[str, Any], config: DeliveryConfig) -> Letter:
    return Letter(
        id=row["id"],
        message_id=row["message_id"],
        sender=row["from"] or config.mail_from,
        recipient=row["recipient"],
        subject=row["subject"] or "",
        text=row["text"] or "",
        sent_at=row["created_at"],
        html=row["html"],
        reply_to=row["reply_to"],
        in_reply_to=row["in_reply_to"],
    )


_RESULTS = {
    "sent": ("sent", "sent", "sent"),
    "retry": ("queued", "failed", "queued"),
    "unknown": ("unknown", "unknown", "queued"),
    "refused": ("dead", "refused", "failed"),
}
"""Outcome of an attempt → state of the message in the outbox, of the delivery, and of the communication."""


def _record(
    lake: Lake, config: DeliveryConfig, answers: Sequence[Answer], server: str, now: datetime
) -> DeliveryReport:
    staged = pl.DataFrame(
        [(a.id, a.outcome, *_RESULTS[a.outcome], a.words) for a in answers],
        schema=["id", "outcome", "state", "delivery", "communication", "words"],
        orient="row",
    )

    def work(tx: Transaction) -> DeliveryReport:
        tx.register("outbox_answers", staged)
        tx.execute(
            f"UPDATE {DELIVERIES} SET state = a.delivery, answer = a.words, server = $server, finished_at = $now "
            f"FROM outbox_answers a WHERE a.id = CAST({DELIVERIES}.outbox_id AS VARCHAR) "
            f"AND {DELIVERIES}.state = 'sending'",
            {"server": server, "now": now},
        )
        return _record_outbox(tx, lake, config, staged, now)

    change = Change(actor="system", door="delivery", reason=f"answers of {server}")
    return lake.commit(work, change).value


def _record_outbox(
    tx: Transaction, lake: Lake, config: DeliveryConfig, staged: pl.DataFrame, now: datetime
) -> DeliveryReport:
    rows = tx.read(
        f"SELECT o.id, o.attempts, o.communication_id, o.message_id FROM {OUTBOX} o WHERE o.state = 'sending' "
        "AND CAST(o.id AS VARCHAR) IN (SELECT id FROM outbox_answers)"
    )
    joined = rows.join(staged, on="id")
    given_up = (pl.col("outcome") == "retry") & (pl.col("attempts") >= config.max_attempts)
    joined = joined.with_columns(
        state=pl.when(given_up).then(pl.lit("dead")).otherwise(pl.col("state")),
        communication=pl.when(given_up).then(pl.lit("failed")).otherwise(pl.col("communication")),
        next_at=pl.Series(
            [now + config.pause(n) for n in joined["attempts"]], dtype=pl.Datetime("us", "UTC")
        ),
    )
    tx.register("outbox_results", joined)
    tx.execute(
        f"UPDATE {OUTBOX} SET state = r.state, updated_at = $now, next_attempt_at = r.next_at, "
        "reason = CASE WHEN r.state = 'unknown' THEN 'outcome unknown: ' || r.words ELSE r.words END "
        f"FROM outbox_results r WHERE r.id = CAST({OUTBOX}.id AS VARCHAR)",
        {"now": now},
    )
    states = dict(zip(joined["communication_id"], joined["communication"], strict=True))
    ids = dict(zip(joined["communication_id"], joined["message_id"], strict=True))
    write_message_states(tx, lake, states, message_ids=ids)
    counts = joined.group_by("state").len().rows()
    found = dict(counts)
    return DeliveryReport(
        found.get("sent", 0), found.get("queued", 0), found.get("dead", 0), found.get("unknown", 0)
    )
