"""The outbox: messages that are to leave the house, and what a person does with them."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from crm_core.access import Actor
from flows.actions.send_email import ADDRESS, COMMUNICATIONS
from flows.errors import MessageInvalid, UnknownMessage
from flows.http import address_problem
from flows.outbox_reading import Attempt, OutboxMessage, Shown, count_messages, list_messages, show
from flows.outbox_tables import DELIVERIES, NO_PROVIDER, NO_SERVER, OUTBOX, STATES, WAITING
from flows.writing import write_message_states, write_messages
from lake import Change, Lake, Transaction, table

__all__ = [
    "DELIVERIES",
    "NO_PROVIDER",
    "NO_SERVER",
    "OUTBOX",
    "STATES",
    "WAITING",
    "Attempt",
    "OutboxMessage",
    "Shown",
    "count_messages",
    "drop",
    "drop_messages",
    "edit",
    "list_messages",
    "release",
    "retry",
    "set_states",
    "show",
]


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


def edit(
    lake: Lake,
    id: str,
    *,
    actor: Actor,
    recipient: str | None = None,
    subject: str | None = None,
    text: str | None = None,
    url: str | None = None,
    payload: str | None = None,
) -> None:
    """Mend a message or a call that has not left: what is not given stays; the message's own record says so too.

    A dead one stays dead until it is retried.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownMessage: There is none that is dead, held or queued.
        MessageInvalid: What is given does not fit its kind, or cannot be delivered.
    """
    actor.require_admin("the outbox")
    all_ = {"recipient": recipient, "subject": subject, "text": text, "url": url, "payload": payload}
    given = {name: value for name, value in all_.items() if value is not None}

    def work(tx: Transaction) -> None:
        found = tx.read(
            "SELECT channel, recipient, run_id IS NULL AS by_person, "
            f"CAST(communication_id AS VARCHAR) AS communication_id FROM {OUTBOX} "
            "WHERE id = TRY_CAST($id AS UUID) AND state IN ('dead', 'held', 'queued')",
            {"id": id},
        ).to_dicts()
        if not found:
            raise UnknownMessage(id, "dead, held or queued")
        check_edit(found[0]["channel"], given)
        host: dict[str, str] = {} if url is None else {"host": host_of(url), "recipient": host_of(url)}
        own: dict[str, str] = {name: given[name] for name in _OWN if name in given}
        own |= host
        sets = "".join(f", {name} = ${name}" for name in own)
        values: dict[str, Any] = {**own, "now": datetime.now(UTC), "id": id}
        tx.execute(f"UPDATE {OUTBOX} SET updated_at = $now{sets} WHERE id = CAST($id AS UUID)", values)
        if found[0]["communication_id"]:
            to = _mended(tx, found[0], recipient)
            words = {**to, "subject": subject, "text": text}
            row = {"id": found[0]["communication_id"], **{k: v for k, v in words.items() if v is not None}}
            write_messages(tx, lake, pl.DataFrame([row]))

    lake.commit(work, Change(actor=actor.user, door="outbox", reason="outbox: a message was mended"))


def _mended(tx: Transaction, row: Mapping[str, Any], recipient: str | None) -> dict[str, str]:
    """To whom a message says that it goes: a person's names several, of which one is another now."""
    if recipient is None or not row["by_person"]:
        return {} if recipient is None else {"to": recipient}
    found = tx.read(
        f"SELECT * FROM {table('crm', COMMUNICATIONS)} WHERE id = CAST($id AS UUID)",
        {"id": row["communication_id"]},
    ).to_dicts()
    named = {name: str(found[0].get(name) or "").split(", ") for name in ("to", "cc")} if found else {}
    return {
        name: ", ".join(recipient if one == row["recipient"] else one for one in addresses)
        for name, addresses in named.items()
        if row["recipient"] in addresses
    }


_OWN = ("recipient", "url", "payload")
_EDITABLE = {
    "email": ("recipient", "subject", "text"),
    "sms": ("recipient", "text"),
    "whatsapp": ("recipient", "text"),
    "webhook": ("url", "payload"),
}


def check_edit(channel: str, given: Mapping[str, str]) -> None:
    """Refuse what a message of a channel does not have, or cannot be delivered with."""
    allowed = _EDITABLE[channel]
    other = [name for name in given if name not in allowed]
    if other or not given:
        what = f"it has no {other[0]}" if other else "nothing was given"
        raise MessageInvalid(channel, f"{what}; it has {', '.join(allowed)}")
    if channel == "email" and "recipient" in given and not re.match(ADDRESS, given["recipient"].strip()):
        raise MessageInvalid(channel, f"{given['recipient']!r} is no address")
    if "url" in given and (problem := address_problem(given["url"])):
        raise MessageInvalid(channel, problem)
    if "payload" in given:
        try:
            json.loads(given["payload"])
        except ValueError as error:
            raise MessageInvalid(channel, f"its payload is no JSON ({error})") from error


def host_of(url: str) -> str:
    """Host and port of an address: whose limits count."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


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
        write_message_states(tx, lake, dict.fromkeys(found["communication_id"].drop_nulls(), message_state))
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
            told = waiting["communication_id"].drop_nulls()
            write_message_states(tx, lake, dict.fromkeys(told, "failed"))
    return waiting.height, gone
