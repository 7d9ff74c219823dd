"""Which records share a time that is exclusive, to be shown before and after it is taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.dependencies import columns_of, row_of
from crm_core.model import Catalog, Exclusive
from crm_core.query import title_column
from crm_core.relations import Relations, relations_for
from crm_core.trees import column, text, union_all
from crm_core.values.fragments import sql
from crm_core.values.overlaps import span, takes_time
from lake import Lake

_OTHER, _ROW = "o", "w"


@dataclass(frozen=True)
class Overlap:
    """Another record whose time overlaps: when it begins and ends (UTC, None without an end).

    `refused` says whether the rule (`per` names what is taken) refuses to save such a time, or only warns.
    """

    id: str
    title: str
    starts: datetime
    ends: datetime | None
    per: tuple[str, ...]
    refused: bool


def read_overlaps(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record: Mapping[str, Any],
    actor: Actor,
    at: int | None = None,
    limit: int = 20,
) -> tuple[Overlap, ...]:
    """The records that share an exclusive time with a record, as far as the actor may see them, by their beginning.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the module of both.
        record: the values, saved (with its `id`, which is left out) or not, in the shape that `shape_record` gives.
        actor: who asks.
        at: the snapshot that is read, now by default.
        limit: how many at most.
    """
    rules = catalog.module(module).exclusive
    if not rules:
        return ()
    relations = relations_for(lake, catalog, actor, at)
    asked = {"id", "status", *(slug for one in rules for slug in (one.start, one.end, *one.per))}
    row = row_of(relations, module, columns_of(catalog, module, record), asked)
    parts = [_part(relations, module, rule, row.copy(), place) for place, rule in enumerate(rules)]
    statement = exp.select("*").from_(union_all(parts).subquery("f")).order_by("starts", "id").limit(limit)
    found = lake.read(text(statement), relations.params.values)
    return tuple(
        Overlap(
            row["id"],
            row["title"] or row["id"][:8],
            row["starts"],
            row["ends"],
            rules[row["rule"]].per,
            rules[row["rule"]].effect == "refuse",
        )
        for row in found.to_dicts()
    )


def _part(relations: Relations, module: str, rule: Exclusive, row: exp.Select, place: int) -> exp.Select:
    mine, theirs = span(rule, _ROW), span(rule, _OTHER)
    same = [column(slug, _OTHER).eq(column(slug, _ROW)) for slug in rule.per]
    title = column(title_column(relations.catalog, module), _OTHER)
    return (
        exp.select(
            exp.cast(column("id", _OTHER), "VARCHAR").as_("id"),
            exp.cast(title, "VARCHAR").as_("title"),
            exp.cast(column(rule.start, _OTHER), "TIMESTAMPTZ").as_("starts"),
            exp.cast(column(rule.end, _OTHER), "TIMESTAMPTZ").as_("ends"),
            exp.Literal.number(place).as_("rule"),
        )
        .from_(relations.table(module, _OTHER))
        .join(row.subquery(_ROW), on=exp.and_(*same))
        .where(
            relations.predicate(module, _OTHER),
            exp.NullSafeNEQ(this=column("id", _OTHER), expression=column("id", _ROW)),
            takes_time(rule, _OTHER),
            takes_time(rule, _ROW),
            sql(
                "$b < $e AND $c < $d AND $b < $d AND $c < $e", b=mine[0], e=theirs[1], c=theirs[0], d=mine[1]
            ),
        )
    )
