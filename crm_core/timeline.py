"""The timeline of a record: everything dated that reaches it over at most three links, newest first."""

import base64
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, value_expression
from crm_core.consents import read_consent_history
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, ToMany
from crm_core.prepared import STAND_IN, about_record
from crm_core.relations import Relations
from crm_core.trees import any_of, coalesce, column, union_all
from lake import Lake

MAX_STEPS = 3
_STAND_IN_CURSOR = (datetime(1, 1, 1, tzinfo=UTC), "the entry before")
CHANGES = "changes"
"""The kind of an entry that stands for changed fields of the record itself."""
MESSAGES, INQUIRIES = "communications", "inquiries"
_ROW = "r"
_HIDDEN_CHANGES = frozenset({"version", "change_id", "updated_at", "created_at", "id"})


@dataclass(frozen=True)
class Entry:
    """One thing that happened: a record of a module, or fields of the record that changed together."""

    kind: str
    id: str
    occurred_at: datetime
    title: str
    text: str = ""
    status: str | None = None
    owner: str | None = None
    fields: tuple[dict[str, Any], ...] = field(default=())


@dataclass(frozen=True)
class TimelinePage:
    """Entries newest first, and the cursor of the older ones."""

    entries: tuple[Entry, ...]
    next: str | None


def routes_to(catalog: Catalog, module: str) -> dict[str, tuple[tuple[ToMany, ...], ...]]:
    """Module with a timeline date → the shortest routes by which its records reach a record of `module`.

    Routes go over reference columns only: a related person's orders are not one's own.
    """
    found: dict[str, tuple[tuple[ToMany, ...], ...]] = {}
    frontier: list[tuple[ToMany, ...]] = [()]
    seen = {module}
    for _ in range(MAX_STEPS):
        longer = [
            (*route, link)
            for route in frontier
            for link in catalog.to_many(route[-1].module if route else module)
            if link.reference is not None and link.module not in seen
        ]
        for target in {route[-1].module for route in longer}:
            if catalog.module(target).timeline is not None:
                found[target] = tuple(route for route in longer if route[-1].module == target)
        seen |= {route[-1].module for route in longer}
        frontier = longer
    return dict(sorted(found.items()))


def read_timeline(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    kinds: Collection[str] = (),
    limit: int = 30,
    after: str | None = None,
    at: int | None = None,
) -> TimelinePage:
    """One page of what happened with a record, as far as the actor may see it.

    `kinds` are module slugs or `changes`; none means all but `changes`, which cost a walk over the record's
    versions and are read when asked for.

    Raises:
        ConditionInvalid: When the cursor is none of ours.
    """
    before = _read_cursor(after)
    entries = _record_entries(
        lake,
        catalog,
        module=module,
        record_id=record_id,
        actor=actor,
        kinds=kinds,
        limit=limit,
        before=before,
        at=at,
    )
    if CHANGES in kinds:
        entries += _change_entries(lake, catalog, module=module, record_id=record_id, before=before, at=at)
        entries += _consent_entries(
            lake, catalog, module=module, record_id=record_id, actor=actor, before=before, at=at
        )
    entries.sort(key=lambda entry: (entry.occurred_at, entry.id), reverse=True)
    following = _cursor(entries[limit - 1]) if len(entries) > limit else None
    return TimelinePage(tuple(entries[:limit]), following)


def _record_entries(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, kinds: Collection[str], limit: int,
    before: tuple[datetime, str] | None, at: int | None,
) -> list[Entry]:  # fmt: skip
    routes = catalog.memo.of(("routes", module), lambda: routes_to(catalog, module))
    chosen = tuple(slug for slug in routes if not kinds or slug in kinds)
    if not chosen:
        return []

    def build(relations: Relations) -> exp.Select:
        union = union_all([_part(relations, slug, routes[slug], STAND_IN) for slug in chosen])
        entries = _without_echoes(union, chosen)
        return _page(relations, entries, limit=limit, before=_STAND_IN_CURSOR if before else None)

    statement, values = about_record(
        lake, catalog, record_id, build, key=("timeline", module, chosen, limit, before is not None),
        actor=actor, at=at, instead=dict(zip(_STAND_IN_CURSOR, before, strict=True)) if before else None,
    )  # fmt: skip
    frame = lake.read(statement, values)
    return [
        Entry(
            row["kind"], row["id"], row["occurred_at"].astimezone(UTC), row["title"] or "", row["text"] or "",
            row["status"], row["owner"],
        )
        for row in frame.to_dicts()
    ]  # fmt: skip


def _page(
    relations: Relations, entries: exp.Query, *, limit: int, before: tuple[datetime, str] | None
) -> exp.Select:
    """The newest of all entries, those behind a cursor where there is one; one more than a page has."""
    rows = exp.select("*").from_(entries.subquery("e", copy=False), copy=False)
    rows = rows.where(exp.not_(column("occurred_at").is_(exp.null())), copy=False)
    if before:
        instant = relations.params.bind(before[0], "TIMESTAMPTZ")
        earlier = exp.LT(this=column("occurred_at"), expression=instant)
        tie = exp.and_(
            column("occurred_at").eq(instant.copy()),
            exp.LT(this=column("id"), expression=relations.params.bind(before[1])),
        )
        rows = rows.where(exp.paren(exp.or_(earlier, exp.paren(tie))), copy=False)
    newest = [exp.Ordered(this=column(name), desc=True) for name in ("occurred_at", "id")]
    return rows.order_by(*newest, copy=False).limit(limit + 1, copy=False)


def _without_echoes(entries: exp.Query, kinds: Collection[str]) -> exp.Query:
    """The entries without the messages that only repeat an inquiry: what opened it is told once.

    The message of an inquiry and the inquiry are two records with the same subject and text. Of a timeline
    that shows both kinds the inquiry stays; where inquiries are not shown, or not seen, the message does.
    """
    if not {MESSAGES, INQUIRIES} <= set(kinds):
        return entries
    inquiries = exp.Filter(
        this=exp.Count(this=exp.Star()),
        expression=exp.Where(this=column("kind", "w").eq(exp.Literal.string(INQUIRIES))),
    )
    of_the_same_words = exp.Window(this=inquiries, partition_by=[column("title", "w"), column("text", "w")])
    echo = exp.and_(
        column("kind", "w").eq(exp.Literal.string(MESSAGES)),
        coalesce(column("text", "w"), exp.Literal.string("")).neq(exp.Literal.string("")),
        exp.GT(this=of_the_same_words, expression=exp.Literal.number(0)),
    )
    select = exp.select("*").from_(entries.subquery("w", copy=False), copy=False)
    select.set("qualify", exp.Qualify(this=exp.not_(exp.paren(echo))))
    return select


def _part(
    relations: Relations, slug: str, routes: Sequence[tuple[ToMany, ...]], record_id: str
) -> exp.Select:
    catalog = relations.catalog
    module = catalog.module(slug)
    shown = module.timeline
    if shown is None:
        raise ValueError(f"{slug} has no timeline")
    scope = Scope(slug, _ROW, relations)
    words = {
        "title": value_expression(shown.title or module.title, scope),
        "text": value_expression(shown.text, scope) if shown.text else exp.Literal.string(""),
    }
    reached = any_of([_reached(relations, route, record_id, _ROW) for route in routes])
    return (
        exp.select(
            exp.Literal.string(slug).as_("kind"),
            exp.cast(column("id", _ROW), "VARCHAR").as_("id"),
            exp.cast(value_expression(shown.date, scope), "TIMESTAMPTZ").as_("occurred_at"),
            exp.cast(words["title"], "VARCHAR").as_("title"),
            exp.cast(words["text"], "VARCHAR").as_("text"),
            column("status", _ROW).as_("status"),
            column("owner", _ROW).as_("owner"),
        )
        .from_(_candidates(relations, slug, routes, record_id), copy=False)
        .where(relations.predicate(slug, _ROW), exp.paren(reached, copy=False), copy=False)
    )


def _candidates(
    relations: Relations, slug: str, routes: Sequence[tuple[ToMany, ...]], record_id: str
) -> exp.Expr:
    """The module's rows, or only those that point at the record where every route is one step long."""
    if any(len(route) > 1 for route in routes):
        return relations.table(slug, _ROW)
    columns = {route[-1].reference.slug for route in routes if route[-1].reference is not None}
    return relations.narrowed(slug, _ROW, {name: [record_id] for name in sorted(columns)})


def _reached(relations: Relations, route: Sequence[ToMany], record_id: str, alias: str) -> exp.Expr:
    """True for the rows at the end of a route that begins at the record."""
    last = route[-1]
    reference = last.reference
    if reference is None:
        raise ValueError(f"{last.slug} is no reference")
    here = column(reference.slug, alias)
    if len(route) == 1:
        test: exp.Expr = here.eq(relations.params.bind(record_id, "UUID"))
    else:
        inner = f"{alias}{len(route)}"
        ids = (
            exp.select(column("id", inner))
            .from_(relations.table(last.owner, inner))
            .where(relations.predicate(last.owner, inner), _reached(relations, route[:-1], record_id, inner))
        )
        test = here.isin(query=ids)
    if reference.polymorphic:
        owner = relations.params.bind(last.owner)
        test = exp.and_(test, column(reference.module_column, alias).eq(owner))
    return exp.paren(test)


def _change_entries(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, before: tuple[datetime, str] | None, at: int | None
) -> list[Entry]:  # fmt: skip
    history = lake.history.of_record("crm", module, record_id)
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in history.to_dicts():
        if row["field"] not in _HIDDEN_CHANGES and (at is None or row["snapshot"] <= at):
            groups.setdefault(str(row["snapshot"]), []).append(row)
    entries = [_change_entry(catalog, module, snapshot, rows) for snapshot, rows in groups.items()]
    return [entry for entry in entries if before is None or (entry.occurred_at, entry.id) < before]


def _consent_entries(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor,
    before: tuple[datetime, str] | None, at: int | None,
) -> list[Entry]:  # fmt: skip
    """What was said to messages, told as a change of a field for each purpose and channel."""
    if not any(field.kind in ("email", "phone") for field in catalog.module(module).fields):
        return []
    said = read_consent_history(lake, catalog, module=module, record_id=record_id, actor=actor, at=at)
    entries, stood = [], dict[tuple[str, str, str], str]()
    for one in reversed(said):
        key = (one.address, one.channel, one.purpose)
        told = {"field": f"consent_{one.purpose}_{one.channel}", "old": stood.get(key), "new": one.state}
        stood[key] = one.state
        entries.append(
            Entry(CHANGES, one.id, one.occurred_at.astimezone(UTC), f"Consent to {one.purpose} changed",
                  one.reason, None, one.by, (told,))
        )  # fmt: skip
    return [entry for entry in entries if before is None or (entry.occurred_at, entry.id) < before]


def _change_entry(catalog: Catalog, module: str, snapshot: str, rows: list[dict[str, Any]]) -> Entry:
    first = rows[0]
    created = all(row["old"] is None for row in rows) and len(rows) > 3
    own = catalog.module(module)
    names = [getattr(own.field(row["field"]), "name", str(row["field"]).replace("_", " ")) for row in rows]
    title = f"{own.one} created" if created else f"{', '.join(names[:3])} changed"
    instant = first["occurred_at"] or datetime.min.replace(tzinfo=UTC)
    return Entry(
        CHANGES, f"{int(snapshot):020d}", instant.astimezone(UTC), title, first["reason"] or "", None, first["actor"],
        () if created else tuple({"field": row["field"], "old": row["old"], "new": row["new"]} for row in rows),
    )  # fmt: skip


def _cursor(entry: Entry) -> str:
    return base64.urlsafe_b64encode(json.dumps([entry.occurred_at.isoformat(), entry.id]).encode()).decode()


def _read_cursor(after: str | None) -> tuple[datetime, str] | None:
    if not after:
        return None
    try:
        instant, entry_id = json.loads(base64.urlsafe_b64decode(after.encode()))
        return datetime.fromisoformat(instant), str(entry_id)
    except (ValueError, TypeError) as error:
        raise ConditionInvalid(after, "“after” is no cursor; use `next` of the page before") from error
