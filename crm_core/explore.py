"""What the SQL door shows an actor: each module as a relation of the rows that he may see."""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.model.base import LINK_COLUMNS, SYSTEM_COLUMNS
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import column, text
from lake import Lake
from lake.sql_door import QueryResult, SqlDoor


@dataclass(frozen=True)
class Shown:
    """One relation of the SQL door: its name, its SELECT, its columns (name → DuckDB type)."""

    name: str
    sql: str
    columns: dict[str, str]
    label: str


@dataclass(frozen=True)
class Shelf:
    """All relations that an actor may read, and the values bound in them."""

    relations: dict[str, Shown]
    params: dict[str, Any]

    @property
    def sql(self) -> dict[str, str]:
        """Name → SELECT text."""
        return {name: shown.sql for name, shown in self.relations.items()}


def shelf(catalog: Catalog, actor: Actor) -> Shelf:
    """The live rows of each module under its slug, the deleted ones under `<slug>__deleted`, and the links.

    A link is seen when both of its ends are.
    """
    relations = Relations(catalog, actor, Params("v"))
    found: dict[str, Shown] = {}
    for module in catalog.ordered:
        columns = catalog.columns(module.slug)
        for name, deleted in ((module.slug, False), (f"{module.slug}__deleted", True)):
            select = exp.select(*[column(c, "r") for c in columns]).from_(relations.table(module.slug, "r"))
            select = select.where(relations.predicate(module.slug, "r", deleted=deleted))
            found[name] = Shown(name, text(select), columns, module.name)
    for rel in catalog.link_relationships:
        columns = LINK_COLUMNS | {name: kind for f in rel.fields for name, kind in f.columns.items()}
        select = exp.select(*[column(c, "l") for c in columns]).from_(relations.link(rel.link_table, "l"))
        for side, end in (("from_id", rel.module), ("to_id", rel.to[0])):
            ids = relations.visible(end, "e", columns=("id",))
            select = select.where(column(side, "l").isin(query=exp.select(column("id", "e")).from_(ids)))
        found[rel.link_table] = Shown(rel.link_table, text(select), columns, rel.name)
    return Shelf(found, relations.params.values)


def schema(catalog: Catalog) -> dict[str, dict[str, str]]:
    """Module slug → its columns with types, those of people first, for the list beside the editor."""
    return {
        module.slug: dict(
            sorted(catalog.columns(module.slug).items(), key=lambda pair: pair[0] in SYSTEM_COLUMNS)
        )
        for module in catalog.ordered
    }


_DOORS: weakref.WeakKeyDictionary[Lake, SqlDoor] = weakref.WeakKeyDictionary()
MAX_ROWS = 10_000


def door_of(lake: Lake) -> SqlDoor:
    """The SQL door of a lake in this process, opened when it is first needed."""
    door = _DOORS.get(lake)
    if door is None:
        door = _DOORS.setdefault(lake, SqlDoor(lake))
    return door


def run_query(
    lake: Lake,
    catalog: Catalog,
    *,
    sql: str,
    actor: Actor,
    max_rows: int = MAX_ROWS,
    timeout: float = 30.0,
    values: Mapping[str, Any] | None = None,
) -> QueryResult:
    """Run one SELECT of a person over the live records that he may see, each module under its slug.

    `values` are those of names with `$` that the statement may use.

    Raises:
        QueryRefused: It is not one SELECT over those relations and the allowed functions.
        QueryInvalid: DuckDB cannot run it.
        QueryTimeout: It took longer than `timeout` seconds.
    """
    shown = shelf(catalog, actor)
    return door_of(lake).run(
        sql,
        relations=shown.sql,
        params={**shown.params, **(values or {})},
        max_rows=max_rows,
        timeout=timeout,
    )
