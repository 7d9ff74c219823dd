"""The outbox: messages that are to leave the house, and what a person does with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, lake_table, text
from flows.actions.send_email import COMMUNICATIONS
from flows.errors import UnknownMessage
from flows.statements import used
from flows.writing import write_message_states
from lake import Change, Lake, Transaction, table

OUTBOX = table("ops", "outbox")
DELIVERIES = table("ops", "deliveries")

STATES = ("queued", "held", "sending", "unknown", "sent", "dead", "dropped")
"""queued: waits for its turn. held: waits for a person. sending: an attempt is being made. unknown: the process died
in an attempt, which will be repeated under the same Message-ID. sent: the server took it. dead: it was refused, or
tried too often. dropped: a person, or the undo of its load, decided against it."""

WAITING = ("queued", "unknown")
"""States from which the next attempt begins."""

NO_SERVER = "no mail server is set (MERGANSER_SMTP_URL), so mail stays queued"


@dataclass(frozen=True)
class OutboxMessage:
    """A message and where it stands; `why` says in words what it waits for, or failed of. Instants are UTC."""

    id: str
    communication_id: str
    channel: str
    state: str
    recipient: str
    subject: str
    flow: str | None
    run_id: str | None
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    updated_at: datetime
    message_id: str | None
    why: str


def list_messages(
    lake: Lake,
    *,
    actor: Actor,
    state: str | None = None,
    limit: int = 100,
    smtp_url: str | None = None,
) -> list[OutboxMessage]:
    """The messages whose record the actor may see, the newest first.

    Args:
        lake: the lake.
        actor: who asks.
        state: only those in one of `STATES`.
        limit: at most so many.
        smtp_url: the mail server's setting; when it is empty, waiting messages say so.
    """
    relations = Relations(read_catalog(lake), actor, Params())
    visible = relations.visible(COMMUNICATIONS, "m", columns=("id", "subject"))
    select = (
        exp.select("o.*", column("subject", "m"))
        .from_(lake_table("outbox", schema="ops", alias="o"))
        .join(visible, on=column("id", "m").eq(column("communication_id", "o")))
        .order_by(exp.Ordered(this=column("created_at", "o"), desc=True), exp.Ordered(this=column("id", "o")))
        .limit(max(1, min(limit, 10_000)))
    )
    if state is not None:
        select = select.where(column("state", "o").eq(relations.params.bind(state)))
    rows = lake.read(text(select), used(select, relations.params)).to_dicts()
    return [_message(row, smtp_url) for row in rows]


def _message(row: dict[str, Any], smtp_url: str | None) -> OutboxMessage:
    why = row["reason"] or ""
    if row["state"] in WAITING and smtp_url == "":
        why = NO_SERVER
    names = set(OutboxMessage.__dataclass_fields__) - {"why", "subject"}
    return OutboxMessage(**{name: row[name] for name in names}, subject=row["subject"] or "", why=why)


def count_messages(lake: Lake, *, actor: Actor) -> dict[str, int]:
    """How many messages are in each state, of those whose record the actor may see."""
    relations = Relations(read_catalog(lake), actor, Params())
    seen = relations.visible(COMMUNICATIONS, "m", columns=("id",))
    state = column("state", "o")
    select = (
        exp.select(state, exp.Count(this=exp.Star()).as_("n"))
        .from_(lake_table("outbox", schema="ops", alias="o"))
        .join(seen, on=column("id", "m").eq(column("communication_id", "o")))
        .group_by(state.copy())
        .order_by(state.copy())
    )
    return dict(lake.read(text(select), used(select, relations.params)).iter_rows())


def release(lake: Lake, *, actor: Actor, ids: Sequence[str] | None = None, reason: str = "") -> int:
    """Let held messages go: those named, or all; returns how many.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownMessage: One that is named is not held.
    """
    return _decide(lake, actor, ids, ("held",), "queued", "queued", reason or "released")


def drop(lake: Lake, *, actor: Actor, ids: Sequence[str] | None = None, reason: str = "") -> int:
    """Decide against messages that have not left: those named, or all that are held; returns how many.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownMessage: One that is named has left already.
    """
    states = ("held",) if ids is None else ("held", "queued", "dead", "unknown")
    return _decide(lake, actor, ids, states, "dropped", "failed", reason or "dropped by a person")


def retry(lake: Lake, *, actor: Actor, ids: Sequence[str] | None = None) -> int:
    """Try dead messages again, or waiting ones at once: those named, or all dead ones; returns how many.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownMessage: One that is named is neither dead nor waiting.
    """
    states = ("dead",) if ids is None else ("dead", "queued", "unknown", "dropped")
    return _decide(lake, actor, ids, states, "queued", "queued", "to be tried again")


def _decide(
    lake: Lake,
    actor: Actor,
    ids: Sequence[str] | None,
    states: Sequence[str],
    state: str,
    message_state: str,
    reason: str,
) -> int:
    actor.require_admin("the outbox")

    def work(tx: Transaction) -> int:
        wanted = "" if ids is None else " AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))"
        chosen: dict[str, Any] = {"states": list(states)} | (
            {} if ids is None else {"ids": [str(i) for i in ids]}
        )
        found = tx.read(
            f"SELECT id, communication_id FROM {OUTBOX} WHERE state IN (SELECT unnest($states)){wanted}",
            chosen,
        )
        missing = [one for one in dict.fromkeys(ids or ()) if str(one) not in set(found["id"])]
        if missing:
            raise UnknownMessage(missing[0], " or ".join(states))
        if not found.height:
            tx.cancel()
            return 0
        set_states(tx, found["id"].to_list(), state=state, reason=reason)
        write_message_states(tx, lake, dict.fromkeys(found["communication_id"], message_state))
        return found.height

    change = Change(actor=actor.user, door="outbox", reason=f"outbox: {reason}")
    return lake.commit(work, change).value


def set_states(
    tx: Transaction, ids: Sequence[str], *, state: str, reason: str, next_attempt_at: datetime | None = None
) -> None:
    """Put messages into a state, within a transaction."""
    tx.execute(
        f"UPDATE {OUTBOX} SET state = $state, reason = $reason, next_attempt_at = $next, updated_at = $now "
        "WHERE CAST(id AS VARCHAR) IN (SELECT unnest($ids))",
        {
            "state": state,
            "reason": reason,
            "next": next_attempt_at or datetime.now(UTC),
            "now": datetime.now(UTC),
            "ids": list(ids),
        },
    )


def drop_messages(
    tx: Transaction,
    lake: Lake,
    *,
    reason: str,
    run_ids: Sequence[str] | None = None,
    load_id: str | None = None,
    tell: bool = True,
) -> tuple[int, list[str]]:
    """Within the cancelling of runs, or the undo of a load: drop their messages that have not left.

    Args:
        tx: the transaction.
        lake: its lake.
        reason: why, for people.
        run_ids: the runs whose messages they are.
        load_id: or the load.
        tell: whether the messages' records are told; not when the same transaction writes them anyway.

    Returns:
        How many were dropped, and the ids of those that have left already, or may have.
    """
    where = "CAST(run_id AS VARCHAR) IN (SELECT unnest($value))"
    value: str | list[str] = list(run_ids or ())
    if load_id is not None:
        where, value = "load_id = CAST($value AS UUID)", load_id
    rows = tx.read(f"SELECT id, communication_id, state FROM {OUTBOX} WHERE {where}", {"value": value})
    gone = rows.filter(rows["state"].is_in(["sent", "sending", "unknown"]))["id"].to_list()
    waiting = rows.filter(rows["state"].is_in(["held", "queued", "dead"]))
    if waiting.height:
        set_states(tx, waiting["id"].to_list(), state="dropped", reason=reason)
        if tell:
            write_message_states(tx, lake, dict.fromkeys(waiting["communication_id"], "failed"))
    return waiting.height, gone
