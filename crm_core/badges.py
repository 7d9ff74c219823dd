"""Badges of records in a list: unread messages, open tasks, inquiry velocity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog, Reference
from crm_core.prepared import STAND_IN, about_record
from crm_core.relations import Relations, relations_for
from crm_core.trees import coalesce, column, lake_table, text, union_all
from lake import Lake

_ROW = "r"
WEEK = timedelta(days=7)
FOUR_WEEKS = timedelta(days=28)
_SOURCES = ("communications", "tasks", "inquiries")
_STAND_IN_NOW = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Badges:
    """What a list shows beside a record. `velocity` is None unless it is worth showing.

    `preview` and `last_at` are of the newest message, in or out; `last_at` is UTC.
    """

    unread: int = 0
    open_tasks: int = 0
    velocity: float | None = None
    preview: str = ""
    last_at: datetime | None = None


def reader_of(actor: Actor) -> str:
    """Under whose name messages count as read: the actor's first team, or he himself without one."""
    return actor.teams[0] if actor.teams else f"user:{actor.user}"


def inquiry_velocity(last_week: int, four_weeks_before: int) -> float | None:
    """Inquiries of the last 7 days ÷ a quarter of those of the 28 days before; from 2 inquiries and ratio 2.

    With none in the 28 days before, the quarter counts as one half, so that a first burst shows.
    """
    ratio = last_week / (four_weeks_before / 4 if four_weeks_before else 0.5)
    return ratio if last_week >= 2 and ratio >= 2 else None


def read_badges(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    ids: Sequence[str],
    actor: Actor,
    now: datetime | None = None,
) -> dict[str, Badges]:
    """Badges of some records of a profile module, from what the actor may see, in one statement."""
    if not ids:
        return {}
    if not any(_reference_to(catalog, source, module) for source in _SOURCES):
        return {}
    here = now or datetime.now(UTC)
    if len(ids) == 1:
        statement, values = about_record(
            lake, catalog, ids[0], lambda relations: _union(relations, module, [STAND_IN], _STAND_IN_NOW),
            key=("badges", module), actor=actor,
            instead=dict(zip(_since(_STAND_IN_NOW), _since(here), strict=True)),
        )  # fmt: skip
    else:
        relations = relations_for(lake, catalog, actor)
        statement, values = text(_union(relations, module, ids, here)), relations.params.values
    found: dict[str, dict[str, Any]] = {}
    for row in lake.read(statement, values).to_dicts():
        found.setdefault(row["record"], {})[row["what"]] = row
    return {record_id: _badges(found[record_id]) for record_id in ids if record_id in found}


def _union(relations: Relations, module: str, ids: Sequence[str], now: datetime) -> exp.Query:
    parts = [
        _messages(relations, module, ids),
        _tasks(relations, module, ids),
        _inquiries(relations, module, ids, now),
    ]
    return union_all([part for part in parts if part is not None])


def _since(now: datetime) -> tuple[datetime, datetime]:
    """Since when inquiries count as recent, and since when those before them count."""
    return now - WEEK, now - WEEK - FOUR_WEEKS


def _badges(rows: Mapping[str, Mapping[str, Any]]) -> Badges:
    messages, tasks, inquiries = (rows.get(what, {}) for what in ("messages", "tasks", "inquiries"))
    return Badges(
        unread=int(messages.get("a") or 0),
        open_tasks=int(tasks.get("a") or 0),
        velocity=inquiry_velocity(int(inquiries.get("a") or 0), int(inquiries.get("b") or 0)),
        preview=messages.get("preview") or "",
        last_at=messages.get("last_at"),
    )


def _reference_to(catalog: Catalog, module: str, target: str) -> Reference | None:
    if module not in catalog.modules:
        return None
    plain = [r for r in catalog.references(module) if r.targets == (target,)]
    return plain[0] if plain else None


def _rows(
    relations: Relations, module: str, target: str, ids: Sequence[str]
) -> tuple[exp.Select, exp.Expr] | None:
    reference = _reference_to(relations.catalog, module, target)
    if reference is None:
        return None
    owner = column(reference.slug, _ROW)
    select = (
        exp.select(exp.cast(owner, "VARCHAR").as_("record"))
        .from_(relations.narrowed(module, _ROW, {reference.slug: ids}))
        .where(relations.predicate(module, _ROW))
        .group_by(owner.copy())
    )
    if not relations.copied:
        # There the rows are narrowed already: to test each id of them would cost more than what is left over.
        select = select.where(owner.copy().isin(*relations.params.bind_all(ids, "UUID")))
    return select, owner


def _figures(
    select: exp.Select, what: str, a: exp.Expr, b: exp.Expr | None = None,
    preview: exp.Expr | None = None, last_at: exp.Expr | None = None,
) -> exp.Select:  # fmt: skip
    zero = exp.Literal.number(0)
    return select.select(
        exp.Literal.string(what).as_("what"),
        exp.cast(a, "BIGINT").as_("a"),
        exp.cast(b if b is not None else zero, "BIGINT").as_("b"),
        exp.cast(preview if preview is not None else exp.null(), "VARCHAR").as_("preview"),
        exp.cast(last_at if last_at is not None else exp.null(), "TIMESTAMPTZ").as_("last_at"),
    )


def _count_if(test: exp.Expr) -> exp.Expr:
    return exp.Filter(this=exp.Count(this=exp.Star()), expression=exp.Where(this=test))


def _messages(relations: Relations, module: str, ids: Sequence[str]) -> exp.Select | None:
    rows = _rows(relations, "communications", module, ids)
    if rows is None:
        return None
    select, owner = rows
    when = column("occurred_at", _ROW)
    never = exp.cast(exp.Literal.string("1970-01-01"), "TIMESTAMPTZ")
    select = select.join(
        exp.select(column("record_id", "m"), exp.Max(this=column("read_at", "m")).as_("read_at"))
        .from_(lake_table("read_marks", schema="ops", alias="m", catalog=relations.catalog_name))
        .where(column("reader", "m").eq(relations.params.bind(reader_of(relations.actor))))
        .group_by(column("record_id", "m"))
        .subquery("marks"),
        on=column("record_id", "marks").eq(owner.copy()),
        join_type="left",
    )
    unread = exp.and_(
        column("direction", _ROW).eq(exp.Literal.string("in")),
        exp.GT(this=when, expression=coalesce(column("read_at", "marks"), never)),
    )
    words = coalesce(column("subject", _ROW), column("text", _ROW))
    newest = exp.ArgMax(this=words, expression=when.copy())
    return _figures(select, "messages", _count_if(unread), preview=newest, last_at=exp.Max(this=when.copy()))


def _tasks(relations: Relations, module: str, ids: Sequence[str]) -> exp.Select | None:
    rows = _rows(relations, "tasks", module, ids)
    if rows is None:
        return None
    closed = sorted(
        {end for folder in relations.catalog.module("tasks").folders for end in folder.end_statuses}
    )
    status = coalesce(column("status", _ROW), exp.Literal.string(""))
    still_open = exp.not_(status.isin(*relations.params.bind_all(closed))) if closed else exp.true()
    return _figures(rows[0], "tasks", _count_if(still_open))


def _inquiries(relations: Relations, module: str, ids: Sequence[str], now: datetime) -> exp.Select | None:
    rows = _rows(relations, "inquiries", module, ids)
    if rows is None:
        return None
    created = column("created_at", _ROW)
    bind = relations.params.bind
    recent, older = [bind(since, "TIMESTAMPTZ") for since in _since(now)]
    return _figures(
        rows[0],
        "inquiries",
        _count_if(exp.GT(this=created, expression=recent)),
        _count_if(
            exp.and_(
                exp.LTE(this=created.copy(), expression=recent.copy()),
                exp.GT(this=created.copy(), expression=older),
            )
        ),
    )
