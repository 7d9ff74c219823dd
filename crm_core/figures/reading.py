"""What the figures share: the records that belong to a record, as one relation with the columns that a figure needs.

A column that the definitions do not have (any more) is NULL of its type: a figure then says less, and nothing breaks.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog, ToMany
from crm_core.prepared import STAND_IN, about_record
from crm_core.related import linked, links_of
from crm_core.relations import Relations
from crm_core.trees import column, name
from lake import Lake

NOW, TODAY = "now_", "today_"
"""Columns that every relation has: the instant of reading, and the day that it is for the reader."""

_ROW = "r"
_NOW_STAND_IN = datetime(9998, 7, 6, 5, 4, 3, tzinfo=UTC)
_TODAY_STAND_IN = date(9998, 7, 6)

Row = dict[str, Any]
Shape = Callable[[exp.Query], exp.Query]


@dataclass(frozen=True)
class Asked:
    """Whose records are read, by whom, and as of when."""

    lake: Lake
    catalog: Catalog
    module: str
    record_id: str
    actor: Actor
    at: int | None = None
    now: datetime | None = None

    @property
    def instant(self) -> datetime:
        """The instant of reading, aware."""
        return self.now or datetime.now(UTC)

    @property
    def today(self) -> date:
        """The day of the instant where the actor is."""
        return self.instant.astimezone(
            ZoneInfo(self.actor.time_zone or self.catalog.workspace.time_zone)
        ).date()

    def links(self, *modules: str) -> tuple[ToMany, ...]:
        """The links from the record to records of these modules."""
        return tuple(link for link in links_of(self.catalog, self.module) if link.module in modules)

    def closed(self, module: str) -> tuple[str, ...]:
        """The statuses of a module that count as closed, in whatever folder."""
        if module not in self.catalog.modules:
            return ()
        found = {end for folder in self.catalog.module(module).folders for end in folder.end_statuses}
        return tuple(sorted(found))

    def rows(
        self,
        links: Sequence[ToMany],
        columns: Mapping[str, str],
        shape: Shape,
        *,
        key: str,
        through: str = "",
    ) -> list[Row]:
        """The rows of a statement over the records of some links; none where there is no link.

        Args:
            links: whose records.
            columns: the columns that are needed, with their DuckDB types; `id` and `version` come by themselves.
            shape: makes the statement of the relation.
            key: what it depends on beside the links, in one word.
            through: a reference of another module to the linked records, `module.reference`: its records are read.
        """
        if not links:
            return []

        def build(relations: Relations) -> exp.Query:
            found = _gathered(relations, links, columns, through)
            return shape(found)

        told = tuple((link.slug, link.module, link.outgoing) for link in links)
        statement, values = about_record(
            self.lake, self.catalog, self.record_id, build, key=("figure", key, self.module, told, through),
            actor=self.actor, at=self.at,
            instead={_NOW_STAND_IN: self.instant, _TODAY_STAND_IN: self.today},
        )  # fmt: skip
        return self.lake.read(statement, values).to_dicts()


def listed(*order: str, most: int = 200) -> Shape:
    """The records themselves, in an order (SQL over the columns)."""

    def shape(found: exp.Query) -> exp.Query:
        return chosen(["f.*"], found).order_by(*order, dialect="duckdb").limit(most)

    return shape


def chosen(columns: Iterable[str], found: exp.Query) -> exp.Select:
    """A select over the gathered records under the name `f`."""
    return exp.select(*columns, dialect="duckdb").from_(found.subquery("f"))


def among(field: str, values: Iterable[str]) -> str:
    """SQL that is true where a column has one of some slugs of the definitions; slugs are letters, `_` and `-`."""
    listed_ = ", ".join(exp.Literal.string(value).sql("duckdb") for value in values)
    return f"coalesce({field} IN ({listed_}), false)" if listed_ else "false"


def _gathered(
    relations: Relations, links: Sequence[ToMany], columns: Mapping[str, str], through: str
) -> exp.Query:
    parts: list[exp.Query] = []
    for link in links:
        records = linked(relations, link, STAND_IN, _ROW)
        module = link.module
        if through:
            module, reference = through.split(".")
            owners = records.select(column("id", _ROW), copy=False)
            records = exp.select().from_(relations.table(module, "t")).where(relations.predicate(module, "t"))
            records = records.where(column(reference, "t").isin(query=owners))
        parts.append(_selected(relations, records, module, "t" if through else _ROW, columns))
    found = parts[0]
    for part in parts[1:]:
        # A record that is linked twice is one record.
        found = exp.union(found, part, distinct=True)
    return found


def _selected(
    relations: Relations, records: exp.Select, module: str, row: str, columns: Mapping[str, str]
) -> exp.Select:
    known = relations.catalog.columns(module)
    bind = relations.params.bind
    shown: list[exp.Expr] = [
        exp.Literal.string(module).as_("module"),
        exp.cast(column("id", row), "VARCHAR").as_("id"),
        column("version", row).as_("version"),
        bind(_NOW_STAND_IN, "TIMESTAMPTZ").as_(NOW),
        bind(_TODAY_STAND_IN, "DATE").as_(TODAY),
    ]
    for wanted, kind in columns.items():
        value: exp.Expr = column(wanted, row) if wanted in known else exp.null()
        shown.append(exp.cast(value, kind, dialect="duckdb").as_(name(wanted)))
    return records.select(*shown, copy=False)
