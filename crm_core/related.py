"""Related records of one record, of every module that links to it, in one statement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog, Module, ToMany
from crm_core.model.fields import (
    DateField,
    DatetimeField,
    DecimalField,
    IntegerField,
    MoneyField,
    SelectField,
)
from crm_core.prepared import STAND_IN, about_record
from crm_core.relations import Relations
from crm_core.trees import column, function, union_all
from lake import Lake

_ROW = "r"
_SHOWN_KINDS = (SelectField, MoneyField, DateField, DatetimeField, DecimalField, IntegerField)


@dataclass(frozen=True)
class RelatedRow:
    """One related record in short: its title, status, and the values of its module's `list_columns`."""

    id: str
    title: str
    status: str | None
    values: dict[str, Any]


@dataclass(frozen=True)
class RelatedList:
    """The first records of one link, how many there are in all, and how they came to be related."""

    link: ToMany
    total: int
    rows: tuple[RelatedRow, ...]


def list_columns(module: Module, most: int = 4) -> tuple[str, ...]:
    """The fields that show a record of the module in a short table, beside title and status."""
    chosen = [f.slug for f in module.fields if isinstance(f, _SHOWN_KINDS) and f.slug != module.title]
    return tuple(chosen[:most])


def links_of(catalog: Catalog, module: str) -> tuple[ToMany, ...]:
    """The links whose records are shown with a record of the module: those of modules that are not hidden.

    Where a module points here by a reference of its own, the one that may lead anywhere would show them twice.
    """
    links = [link for link in catalog.to_many(module) if not catalog.module(link.module).hidden]
    plain = {link.module for link in links if link.reference is not None and not link.reference.polymorphic}
    return tuple(
        link
        for link in links
        if link.reference is None or not link.reference.polymorphic or link.module not in plain
    )


def read_related(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    links: Sequence[ToMany] | None = None,
    limit: int = 5,
    at: int | None = None,
) -> tuple[RelatedList, ...]:
    """The newest records of each link with their number, as far as the actor may see them.

    One statement, whatever the number of modules; `limit` is per link.
    """
    chosen = tuple(links) if links is not None else links_of(catalog, module)
    if not chosen:
        return ()

    def build(relations: Relations) -> exp.Query:
        return union_all(
            [_part(relations, link, index, STAND_IN, limit) for index, link in enumerate(chosen)]
        )

    statement, values = about_record(
        lake,
        catalog,
        record_id,
        build,
        key=("related", module, tuple((link.slug, link.module, link.outgoing) for link in chosen), limit),
        actor=actor,
        at=at,
    )
    frame = lake.read(statement, values)
    groups: dict[int, list[dict[str, Any]]] = {}
    for row in frame.to_dicts():
        groups.setdefault(row["link"], []).append(row)
    return tuple(_list(catalog, link, groups.get(index, [])) for index, link in enumerate(chosen))


def linked(relations: Relations, link: ToMany, record_id: str, alias: str) -> exp.Select:
    """A select (without columns) over the visible records of a link of one record."""
    owner = relations.params.bind(record_id, "UUID")
    seen = relations.predicate(link.module, alias)
    if link.reference is not None:
        found = relations.narrowed(link.module, alias, {link.reference.slug: [record_id]})
        rows = exp.select().from_(found, copy=False).where(seen, copy=False)
        rows = rows.where(column(link.reference.slug, alias).eq(owner), copy=False)
        if link.reference.polymorphic:
            rows = rows.where(
                column(link.reference.module_column, alias).eq(relations.params.bind(link.owner)), copy=False
            )
        return rows
    rows = exp.select().from_(relations.table(link.module, alias), copy=False).where(seen, copy=False)
    near, far = ("from_id", "to_id") if link.outgoing else ("to_id", "from_id")
    ids = exp.select(column(far, "l")).from_(relations.link(str(link.link_table), "l"))
    ids = ids.where(column(near, "l").eq(owner), copy=False)
    return rows.where(column("id", alias).isin(query=ids, copy=False), copy=False)


def _part(relations: Relations, link: ToMany, index: int, record_id: str, limit: int) -> exp.Select:
    catalog = relations.catalog
    module = catalog.module(link.module)
    title = catalog.resolve(link.module, module.title).column
    pairs: list[exp.Expr] = []
    for slug in list_columns(module):
        field = module.field(slug)
        for name in field.columns if field else ():
            pairs += [exp.Literal.string(name), exp.cast(column(name, _ROW), "VARCHAR")]
    inner = (
        linked(relations, link, record_id, _ROW)
        .select(
            exp.Literal.number(index).as_("link"),
            exp.cast(column("id", _ROW), "VARCHAR").as_("id"),
            exp.cast(column(title, _ROW), "VARCHAR").as_("title"),
            column("status", _ROW).as_("status"),
            exp.cast(function("json_object", *pairs), "VARCHAR").as_("payload"),
            exp.Window(this=exp.Count(this=exp.Star())).as_("total"),
            column("created_at", _ROW).as_("created_at"),
            copy=False,
        )
        .order_by(exp.Ordered(this=column("created_at", _ROW), desc=True), copy=False)
        .limit(limit, copy=False)
    )
    return exp.select("*").from_(inner.subquery("s", copy=False), copy=False)


def _list(catalog: Catalog, link: ToMany, rows: list[dict[str, Any]]) -> RelatedList:
    shown = tuple(
        RelatedRow(row["id"], row["title"] or row["id"][:8], row["status"], json.loads(row["payload"]))
        for row in rows
    )
    return RelatedList(link, int(rows[0]["total"]) if rows else 0, shown)
