"""The messages of a record as conversations: what was written back and forth, the newest last, and what waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.intake_forms import MODULES as REQUESTS
from crm_core.model import Catalog, ToMany
from crm_core.prepared import STAND_IN, about_record
from crm_core.related import linked, links_of
from crm_core.relations import Relations
from crm_core.trees import column, union_all
from crm_core.values.fragments import sql
from lake import Lake

MESSAGES = "communications"
MOST = 200
WRITTEN = ("email", "form", "chat", "whatsapp", "sms", "social")
"""Channels on which somebody waits for an answer; a call has had its own."""

_ROW = "r"
_WORDS = ("channel", "direction", "state", "from", "to", "reply_to", "cc", "subject", "text", "reply_text", "html",
          "thread", "message_id", "in_reply_to", "references", "source", "customer")  # fmt: skip
_TIMES = ("occurred_at", "created_at", "opened_at")


@dataclass(frozen=True)
class Message:
    """One message as it is read. Instants are UTC.

    `own` is what its writer said without what he quoted, where that is known; `about` is module and id.
    """

    id: str
    incoming: bool
    channel: str
    state: str
    sender: str
    to: str
    cc: str
    subject: str
    text: str
    own: str
    html: str
    message_id: str
    moment: datetime
    opened_at: datetime | None
    files: tuple[str, ...]
    by_flow: bool
    automatic: bool
    about: tuple[str, str] | None
    customer: str | None
    reply_to: str = ""
    """To whom an answer goes, where its writer said another address than his own."""


@dataclass(frozen=True)
class Conversation:
    """Messages that belong together, the newest last; `waits` when the other side wrote last and is to be answered."""

    key: str
    messages: tuple[Message, ...]

    @property
    def subject(self) -> str:
        """What it is called: the first subject there is."""
        return next((one.subject for one in self.messages if one.subject), "No subject")

    @property
    def waits(self) -> bool:
        """Whether the other side wrote last, and no machine did."""
        said = [one for one in self.messages if one.channel in WRITTEN and not one.by_flow]
        return bool(said) and said[-1].incoming and not said[-1].automatic


@dataclass(frozen=True)
class Conversations:
    """The conversations of a record, the newest first, and how many messages and unanswered ones there are in all."""

    items: tuple[Conversation, ...]
    messages: int
    unanswered: int


def message_links(catalog: Catalog, module: str) -> tuple[ToMany, ...]:
    """The links that lead from a record of a module to its messages."""
    return tuple(link for link in links_of(catalog, module) if link.module == MESSAGES)


def read_conversations(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    links: Sequence[ToMany] | None = None,
    limit: int = MOST,
    at: int | None = None,
) -> Conversations:
    """The newest messages of a record that the actor may see, by conversation.

    What is about one request is one conversation, whatever its threads; else messages belong together by their thread.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the record's module.
        record_id: the record.
        actor: who asks.
        links: the links to messages that count, all by default.
        limit: so many messages at most; the counts are of all.
        at: the snapshot that is read, now by default.
    """
    chosen = tuple(links) if links is not None else message_links(catalog, module)
    if not chosen:
        return Conversations((), 0, 0)
    asked: dict[str, Any] = {"actor": actor, "at": at}
    key = (module, tuple((link.slug, link.module, link.outgoing) for link in chosen), limit)
    newest, values = about_record(
        lake, catalog, record_id, lambda r: _newest(r, chosen, limit), key=("messages", *key), **asked
    )
    rows = lake.read(newest, values).to_dicts()
    if len(rows) < limit:
        items = _together(rows)
        return Conversations(items, len(rows), sum(one.waits for one in items))
    counts, values = about_record(
        lake, catalog, record_id, lambda r: _counts(r, chosen), key=("messages counted", *key), **asked
    )
    [count] = lake.read(counts, values).to_dicts()
    return Conversations(_together(rows), int(count["messages"]), int(count["unanswered"]))


def _rows(relations: Relations, links: Sequence[ToMany]) -> exp.Subquery:
    """Every message of the record once, with the conversation that it belongs to."""
    known = relations.catalog.columns(MESSAGES)
    about = relations.catalog.reference(MESSAGES, "about")

    def read(name: str, kind: str = "VARCHAR") -> exp.Expr:
        return exp.cast(column(name, _ROW) if name in known else exp.null(), kind, dialect="duckdb").as_(name)

    module: exp.Expr = exp.null()
    if about is not None:
        module = (
            column(about.module_column, _ROW) if about.polymorphic else exp.Literal.string(about.targets[0])
        )
    id_ = exp.cast(column("id", _ROW), "VARCHAR")
    requests = sql("$module IN ($first, $second)", module=module.copy(), first=exp.Literal.string(REQUESTS[0]),
                   second=exp.Literal.string(REQUESTS[1]))  # fmt: skip
    thread = column("thread", _ROW) if "thread" in known else exp.null()
    record = exp.cast(column("about", _ROW), "VARCHAR") if about is not None else exp.null()
    group = sql("CASE WHEN $requests AND $record IS NOT NULL THEN $record ELSE coalesce($thread, $id) END",
                requests=requests, record=record.copy(), thread=thread, id=id_.copy())  # fmt: skip
    columns = [
        id_.as_("id"), group.as_("conversation"), exp.cast(module, "VARCHAR").as_("about_module"),
        exp.cast(record, "VARCHAR").as_("about_id"), read("files", "VARCHAR[]"), read("automatic", "BOOLEAN"),
        *[read(name) for name in _WORDS], *[read(name, "TIMESTAMPTZ") for name in _TIMES],
    ]  # fmt: skip
    parts: list[exp.Query] = [
        linked(relations, link, STAND_IN, _ROW).select(*[one.copy() for one in columns], copy=False)
        for link in links
    ]
    found = union_all(parts)
    if len(parts) > 1:
        found = exp.select("*").distinct(column("id", "u")).from_(found.subquery("u"))
    return found.subquery("m")


_MOMENT = "coalesce(occurred_at, created_at)"


def _newest(relations: Relations, links: Sequence[ToMany], limit: int) -> exp.Select:
    newest = exp.Ordered(this=sql(_MOMENT), desc=True, nulls_first=False)
    rows = exp.select("*", sql(_MOMENT).as_("moment")).from_(_rows(relations, links))
    return rows.order_by(newest, exp.Ordered(this=exp.column("id"), desc=True)).limit(limit)


def _counts(relations: Relations, links: Sequence[ToMany]) -> exp.Select:
    listed = ", ".join(f"'{one}'" for one in WRITTEN)
    said = f"channel IN ({listed}) AND source IS DISTINCT FROM 'flow'"
    waits = sql(
        f"arg_max(direction = 'in' AND NOT coalesce(automatic, false), ({_MOMENT}, id)) FILTER (WHERE {said})"
    )
    each = (
        exp.select(sql("count(*)").as_("n"), waits.as_("waits"))
        .from_(_rows(relations, links))
        .group_by(exp.column("conversation"))
    )
    return exp.select(
        sql("coalesce(sum(n), 0)").as_("messages"), sql("count(*) FILTER (WHERE waits)").as_("unanswered")
    ).from_(each.subquery("c"))


def _together(rows: Sequence[dict[str, Any]]) -> tuple[Conversation, ...]:
    """Rows, the newest first, as conversations: that with the newest message first, each with its newest last."""
    found: dict[str, list[Message]] = {}
    for row in rows:
        found.setdefault(row["conversation"], []).append(_message(row))
    return tuple(Conversation(key, tuple(reversed(messages))) for key, messages in found.items())


def _message(row: dict[str, Any]) -> Message:
    words = {name: row[name] or "" for name in _WORDS}
    about = (row["about_module"], row["about_id"]) if row["about_id"] and row["about_module"] else None
    return Message(
        row["id"], words["direction"] == "in", words["channel"], words["state"], words["from"], words["to"],
        words["cc"], words["subject"], words["text"], words["reply_text"], words["html"], words["message_id"],
        row["moment"].astimezone(UTC), row["opened_at"], tuple(row["files"] or ()), words["source"] == "flow",
        bool(row["automatic"]), about, row["customer"], words["reply_to"],
    )  # fmt: skip
