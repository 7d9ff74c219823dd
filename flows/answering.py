"""Keeping answers in the lake: the outbox, the attempts and the messages' own records, as one set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from flows.answers import Answer
from flows.outbox_tables import DELIVERIES, OUTBOX
from flows.writing import write_messages
from lake import Change, Lake, Transaction

_RESULTS = {
    "sent": ("sent", "sent", "sent"),
    "retry": ("queued", "failed", "queued"),
    "unknown": ("unknown", "unknown", "queued"),
    "refused": ("dead", "refused", "failed"),
}
"""Outcome of an attempt → state of the message in the outbox, of the delivery, and of the communication."""

Pause = Callable[[int], timedelta]


@dataclass(frozen=True)
class DeliveryReport:
    """What one round did: messages sent, put off, refused for good, and of unknown outcome.

    `dropped` were not tried since their address allows it no more; `reason` says why nothing was tried, when nothing
    was.
    """

    sent: int = 0
    retried: int = 0
    dead: int = 0
    unknown: int = 0
    dropped: int = 0
    reason: str = ""

    @property
    def tried(self) -> int:
        """The number of attempts that were made."""
        return self.sent + self.retried + self.dead + self.unknown

    def __add__(self, other: "DeliveryReport") -> "DeliveryReport":
        return DeliveryReport(
            self.sent + other.sent, self.retried + other.retried, self.dead + other.dead,
            self.unknown + other.unknown, self.dropped + other.dropped, self.reason or other.reason,
        )  # fmt: skip


def record(
    lake: Lake,
    answers: Sequence[Answer],
    *,
    now: datetime,
    pause: Pause,
    max_attempts: int,
    servers: Mapping[str, str],
) -> DeliveryReport:
    """Keep answers: one transaction for all of them.

    An answer to an attempt that is not being made any more changes nothing.

    Args:
        lake: the lake.
        answers: at most one a message.
        now: the aware instant that counts as now.
        pause: attempt (1-based) → how long to wait after it failed.
        max_attempts: after so many a message is dead.
        servers: channel → the server that answered, where that is not the host of the message.
    """
    names = ["id", "outcome", "state", "delivery", "communication", "words", "tried", "retry_at", "attempt"]
    rows = [(a.id, a.outcome, *_RESULTS[a.outcome], a.words, a.tried, a.retry_at, a.attempt) for a in answers]
    kinds: Mapping[str, Any] = {
        "tried": pl.Boolean,
        "retry_at": pl.Datetime("us", "UTC"),
        "attempt": pl.Int64,
    }
    schema = {name: kinds.get(name, pl.String) for name in names}
    staged = pl.DataFrame(rows, schema=schema, orient="row")

    def work(tx: Transaction) -> DeliveryReport:
        tx.register("outbox_answers", staged)
        found = tx.read(
            "SELECT CAST(o.id AS VARCHAR) AS id, o.attempts, CAST(o.communication_id AS VARCHAR) AS communication_id, "
            "o.message_id, o.consent, o.channel, o.host, o.opened_at IS NOT NULL AS opened, "
            "o.run_id IS NULL AS by_person "
            f"FROM {OUTBOX} o JOIN outbox_answers a ON a.id = CAST(o.id AS VARCHAR) "
            "AND (a.attempt = 0 OR a.attempt = o.attempts) WHERE o.state IN ('sending', 'unknown')"
        )
        if not found.height:
            tx.cancel()
            return DeliveryReport()
        asked = pl.col("channel").replace_strict(servers, default=None, return_dtype=pl.String)
        found = found.with_columns(pl.coalesce("host", asked).alias("server"))
        judged = _judged(found.join(staged, on="id"), now, pause, max_attempts)
        tx.register("outbox_results", judged)
        _write(tx, now)
        write_messages(tx, lake, _messages(_together(tx, judged)))
        return _report(judged)

    return lake.commit(work, Change(actor="system", door="delivery", reason="answers")).value


def _judged(rows: pl.DataFrame, now: datetime, pause: Pause, max_attempts: int) -> pl.DataFrame:
    """With the state that each message comes to, and when it is tried again."""
    again = pl.col("outcome").is_in(["retry", "unknown"])
    given_up = again & pl.col("tried") & (pl.col("attempts") >= max_attempts)
    dead = (("state", "dead"), ("communication", "failed"))
    changed = [
        pl.when(given_up).then(pl.lit(what)).otherwise(pl.col(name)).alias(name) for name, what in dead
    ]
    put_back = ~pl.col("tried")
    waits = pl.Series([now + pause(n) for n in rows["attempts"]], dtype=pl.Datetime("us", "UTC"))
    return rows.with_columns(
        *changed,
        pl.when(put_back).then(pl.lit("not_tried")).otherwise(pl.col("delivery")).alias("delivery"),
        pl.when(put_back).then(pl.col("attempts") - 1).otherwise(pl.col("attempts")).alias("attempts_left"),
        pl.coalesce("retry_at", pl.when(put_back).then(pl.lit(now)).otherwise(waits)).alias("next_at"),
    )


def _write(tx: Transaction, now: datetime) -> None:
    tx.execute(
        f"UPDATE {DELIVERIES} SET state = r.delivery, answer = r.words, server = r.server, "
        "finished_at = $now FROM outbox_results r "
        f"WHERE r.id = CAST({DELIVERIES}.outbox_id AS VARCHAR) AND r.attempts = {DELIVERIES}.attempt "
        f"AND {DELIVERIES}.state IN ('sending', 'unknown')",
        {"now": now},
    )
    tx.execute(
        f"UPDATE {OUTBOX} SET state = r.state, updated_at = $now, next_attempt_at = r.next_at, "
        "attempts = r.attempts_left, reason = CASE WHEN r.outcome = 'unknown' "
        "THEN 'outcome unknown: ' || r.words ELSE r.words END "
        f"FROM outbox_results r WHERE r.id = CAST({OUTBOX}.id AS VARCHAR)",
        {"now": now},
    )


def _together(tx: Transaction, judged: pl.DataFrame) -> pl.DataFrame:
    """With one row a message: what a person sent to several has failed when one of them did not get it."""
    several = judged.filter("by_person")["communication_id"].drop_nulls().unique()
    if not several.len():
        return judged
    states = tx.read(
        f"SELECT CAST(communication_id AS VARCHAR) AS communication_id, bool_or(state IN ('dead', 'dropped')) AS lost, "
        f"bool_or(state NOT IN ('sent', 'dead', 'dropped')) AS waits FROM {OUTBOX} "
        "WHERE CAST(communication_id AS VARCHAR) IN (SELECT unnest($ids)) GROUP BY ALL HAVING count(*) > 1",
        {"ids": several.to_list()},
    )
    common = (
        pl.when(pl.col("lost"))
        .then(pl.lit("failed"))
        .when(pl.col("waits"))
        .then(pl.lit("queued"))
        .otherwise(pl.col("communication"))
    )
    joined = judged.join(states, on="communication_id", how="left")
    return joined.with_columns(common.alias("communication")).unique(
        "communication_id", keep="last", maintain_order=True
    )


def _messages(judged: pl.DataFrame) -> pl.DataFrame:
    """What the messages' own records say now; what was opened before its answer was kept stays opened."""
    told = judged.filter(pl.col("communication_id").is_not_null())
    opened = (pl.col("communication") == "sent") & pl.col("opened")
    return told.select(
        pl.col("communication_id").alias("id"),
        pl.when(opened).then(pl.lit("opened")).otherwise(pl.col("communication")).alias("state"),
        "message_id",
        pl.col("consent").fill_null("none").alias("consent"),
    )


def _report(judged: pl.DataFrame) -> DeliveryReport:
    tried = judged.filter(pl.col("tried"))
    found = dict(tried.group_by("state").len().rows())
    return DeliveryReport(
        found.get("sent", 0), found.get("queued", 0), found.get("dead", 0), found.get("unknown", 0)
    )
