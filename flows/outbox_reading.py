"""The outbox as people read it: messages and calls of the records that they may see, and every attempt."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import any_of, column, lake_table, text
from flows.actions.send_email import COMMUNICATIONS
from flows.errors import UnknownMessage
from flows.outbox_tables import DELIVERIES, NO_SERVER, WAITING
from flows.statements import used
from lake import Lake


@dataclass(frozen=True)
class OutboxMessage:
    """A message or call and where it stands; `why` says in words what it waits for, or failed of. Instants are UTC.

    A call has no `communication_id`; its `url` is where it goes, and `subject` says so too.
    """

    id: str
    communication_id: str | None
    channel: str
    state: str
    recipient: str
    subject: str
    flow: str | None
    run_id: str | None
    module: str | None
    record_id: str | None
    attempts: int
    next_attempt_at: datetime
    created_at: datetime
    updated_at: datetime
    message_id: str | None
    purpose: str | None
    url: str | None
    opened_at: datetime | None
    clicked_at: datetime | None
    why: str


@dataclass(frozen=True)
class Attempt:
    """One attempt to deliver a message: what it came to, and what the other side said. Instants are UTC."""

    attempt: int
    state: str
    answer: str | None
    server: str | None
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True)
class Shown:
    """A message with its words, and every attempt to deliver it, the first one first."""

    message: OutboxMessage
    text: str | None
    payload: str | None
    headers: str | None
    consent: str | None
    consent_at: datetime | None
    attempts: tuple[Attempt, ...]


_WORDS = ("payload", "headers", "consent", "consent_at")


def list_messages(
    lake: Lake,
    *,
    actor: Actor,
    state: str | None = None,
    limit: int = 100,
    smtp_url: str | None = None,
    missing: Mapping[str, str] | None = None,
    message_id: str | None = None,
) -> list[OutboxMessage]:
    """The messages and calls whose record the actor may see, the newest first.

    Args:
        lake: the lake.
        actor: who asks.
        state: only those in one of `STATES`.
        limit: at most so many.
        smtp_url: the mail server's setting; when it is empty, waiting mail says so.
        missing: channel → why its messages stay queued, see `DeliveryConfig.missing`.
        message_id: only this one, by its id in the outbox.
    """
    rows = _read(lake, actor, state=state, limit=limit, id=message_id)
    told = {"email": NO_SERVER} if smtp_url == "" else {}
    return [_message(row, {**told, **(missing or {})}) for row in rows]


def show(lake: Lake, id: str, *, actor: Actor, missing: Mapping[str, str] | None = None) -> Shown:
    """One message or call, with its words and every attempt.

    Raises:
        UnknownMessage: There is none, or none whose record the actor may see.
    """
    rows = _read(lake, actor, id=id)
    if not rows:
        raise UnknownMessage(id, "there for you")
    attempts = lake.read(
        f"SELECT attempt, state, answer, server, started_at, finished_at FROM {DELIVERIES} "
        "WHERE outbox_id = CAST(? AS UUID) ORDER BY attempt, started_at",
        [rows[0]["id"]],
    )
    return Shown(
        _message(rows[0], missing or {}),
        rows[0]["text"],
        attempts=tuple(Attempt(**row) for row in attempts.to_dicts()),
        **{name: rows[0][name] for name in _WORDS},
    )


def _read(
    lake: Lake, actor: Actor, *, state: str | None = None, limit: int = 1, id: str | None = None
) -> list[dict[str, Any]]:
    relations = Relations(read_catalog(lake), actor, Params())
    select = _seen(relations, "o.*", column("subject", "m"), column("text", "m"))
    select = select.order_by(
        exp.Ordered(this=column("created_at", "o"), desc=True), exp.Ordered(this=column("id", "o"))
    ).limit(max(1, min(limit, 10_000)))
    if state is not None:
        select = select.where(column("state", "o").eq(relations.params.bind(state)))
    if id is not None:
        wanted = exp.TryCast(this=relations.params.bind(str(id)), to=exp.DataType.build("UUID"))
        select = select.where(column("id", "o").eq(wanted))
    return lake.read(text(select), used(select, relations.params)).to_dicts()


def _seen(relations: Relations, *columns: str | exp.Expr) -> exp.Select:
    """The messages whose own record the actor may see, and the calls of records that he may see."""
    catalog = relations.catalog
    select = exp.select(*columns).from_(lake_table("outbox", schema="ops", alias="o"))
    call: exp.Expr = column("communication_id", "o").is_(exp.null())
    if COMMUNICATIONS in catalog.modules:
        messages = relations.visible(COMMUNICATIONS, "m", columns=("id", "subject", "text"))
    else:
        nothing = [exp.cast(exp.null(), kind).as_(name) for name, kind in _NO_MESSAGE.items()]
        messages = exp.select(*nothing).limit(0).subquery("m")
    select = select.join(messages, on=column("id", "m").eq(column("communication_id", "o")), join_type="left")
    if not relations.actor.sees_all:
        call = exp.and_(call, any_of([_of_seen(relations, module) for module in catalog.modules]))
    return select.where(exp.or_(exp.not_(column("id", "m").is_(exp.null())), call))


_NO_MESSAGE = {"id": "UUID", "subject": "VARCHAR", "text": "VARCHAR"}


def _of_seen(relations: Relations, module: str) -> exp.Expr:
    ids = exp.select(column("id", "v")).from_(relations.visible(module, "v", columns=("id",)))
    own = column("module", "o").eq(relations.params.bind(module))
    return exp.and_(own, column("record_id", "o").isin(query=ids))


def _message(row: dict[str, Any], missing: Mapping[str, str]) -> OutboxMessage:
    why = row["reason"] or ""
    if row["state"] in WAITING and row["channel"] in missing:
        why = missing[row["channel"]]
    names = set(OutboxMessage.__dataclass_fields__) - {"why", "subject"}
    subject = row["subject"] or row["url"] or (row["text"] or "")[:80]
    return OutboxMessage(**{name: row[name] for name in names}, subject=subject, why=why)


def count_messages(lake: Lake, *, actor: Actor) -> dict[str, int]:
    """How many messages are in each state, of those whose record the actor may see."""
    relations = Relations(read_catalog(lake), actor, Params())
    state = column("state", "o")
    select = _seen(relations, state, exp.Count(this=exp.Star()).as_("n"))
    select = select.group_by(state.copy()).order_by(state.copy())
    return dict(lake.read(text(select), used(select, relations.params)).iter_rows())
