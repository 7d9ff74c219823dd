"""Simulated months into the lake: per module one set of new records and one of changed ones, one commit a month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import polars as pl

from crm_core.demo.world import Draft, Link, Values, World
from crm_core.model import Catalog
from crm_core.model.base import LINK_COLUMNS
from crm_core.model.fields import AutoNumberField
from crm_core.tables import link_columns
from lake import Change, Lake, Transaction, ident, table

ACTOR = "demo"
_STAGED = "demo_staged"
_ROWS_IN_CATALOG = 50
_KEPT = ("id", "created_at")
_POLARS: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "VARCHAR[]": pl.List(pl.String),
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    "BIGINT": pl.Int64,
    "BOOLEAN": pl.Boolean,
    "DATE": pl.Date,
}
"""DuckDB type → the type of the staged column; every other one is staged as text and cast."""


@dataclass
class Month:
    """What happens in one month: rows by table, and what else is told beside records."""

    end: datetime
    new: dict[str, list[Values]] = field(default_factory=dict)
    changed: dict[str, list[Values]] = field(default_factory=dict)
    consents: list[Values] = field(default_factory=list)
    read_marks: list[Values] = field(default_factory=list)


def sets_as_files(lake: Lake) -> Lake:
    """The same lake, opened once more so that sets of some size become files at once.

    The catalog takes rows too, but at a millisecond each, and a month brings more than a thousand.
    """
    return Lake.open(replace(lake.config, inlined_rows=min(_ROWS_IN_CATALOG, lake.config.inlined_rows)))


def number_records(world: World, catalog: Catalog) -> dict[str, int]:
    """Give the auto-numbers in the order of time; returns the last one given by `module.field`."""
    last = {}
    for module in catalog.modules.values():
        for auto in module.fields:
            if isinstance(auto, AutoNumberField):
                drafts = sorted(world.all(module.slug), key=lambda draft: (draft.created_at, draft.id))
                for number, draft in enumerate(drafts, start=auto.start):
                    draft.values[auto.slug] = f"{auto.prefix}{number:0{auto.digits}d}"
                last[f"{module.slug}.{auto.slug}"] = auto.start + len(drafts) - 1
    return last


def months_of(world: World) -> list[Month]:
    """Every month with the records that begin or change in it, as they are at its end."""
    months = [Month(end) for end in world.ends]
    for module, drafts in sorted(world.records.items()):
        for draft in drafts:
            _spread(months, module, draft, world.ends)
    for name, links in sorted(world.links.items()):
        for link in links:
            months[_month(world.ends, link.created_at)].new.setdefault(name, []).append(_link_row(link))
    for when, consent in sorted(world.consents, key=lambda pair: (pair[0], pair[1]["id"])):
        months[_month(world.ends, when)].consents.append(consent)
    months[-1].read_marks = world.read_marks
    return months


def _spread(months: Sequence[Month], module: str, draft: Draft, ends: Sequence[datetime]) -> None:
    for number, (month, values) in enumerate(draft.steps(ends)):
        rows = months[month].changed if number else months[month].new
        rows.setdefault(module, []).append(values | {"id": draft.id, "created_at": draft.created_at})


def _month(ends: Sequence[datetime], when: datetime) -> int:
    return next(k for k, end in enumerate(ends) if when <= end)


def _link_row(link: Link) -> Values:
    ends = {"id": link.id, "from_id": link.from_id, "to_id": link.to_id}
    return link.values | ends | {"created_at": link.created_at, "updated_at": link.created_at}


def write_month(
    lake: Lake, catalog: Catalog, month: Month, *, reason: str, counters: Mapping[str, int] | None = None
) -> int:
    """Write a month in one commit that counts for its end; returns the snapshot. Each row is written once."""
    columns = _tables(catalog)
    stamped = Change(actor=ACTOR, door="demo", reason=reason, occurred_at=month.end)

    def work(tx: Transaction) -> None:
        stamps = {"change_id": tx.change_id, "version": tx.snapshot}
        for name, rows in sorted(month.new.items()):
            _insert(tx, table("crm", name), columns[name], [row | stamps for row in rows])
        for name, rows in sorted(month.changed.items()):
            _update(tx, table("crm", name), columns[name], [row | stamps for row in rows])
        consents = [row | {"change_id": tx.change_id} for row in month.consents]
        _insert(tx, table("access", "consents"), _CONSENT_COLUMNS, consents)
        _insert(tx, table("ops", "read_marks"), _MARK_COLUMNS, month.read_marks)
        _insert(tx, table("ops", "counters"), _COUNTER_COLUMNS,
                [{"name": name, "value": value} for name, value in (counters or {}).items()])  # fmt: skip

    return lake.commit(work, stamped).snapshot


_CONSENT_COLUMNS = {
    "id": "UUID",
    "address": "VARCHAR",
    "channel": "VARCHAR",
    "module": "VARCHAR",
    "record_id": "UUID",
    "purpose": "VARCHAR",
    "state": "VARCHAR",
    "source": "VARCHAR",
    "wording": "VARCHAR",
    "occurred_at": "TIMESTAMPTZ",
    "change_id": "UUID",
}
_MARK_COLUMNS = {"reader": "VARCHAR", "record_id": "UUID", "read_at": "TIMESTAMPTZ"}
_COUNTER_COLUMNS = {"name": "VARCHAR", "value": "BIGINT"}


def _tables(catalog: Catalog) -> dict[str, dict[str, str]]:
    modules = {slug: catalog.columns(slug) for slug in catalog.modules}
    return modules | {rel.link_table: LINK_COLUMNS | link_columns(rel) for rel in catalog.link_relationships}


def _insert(tx: Transaction, place: str, columns: Mapping[str, str], rows: Sequence[Values]) -> None:
    if rows:
        names = _stage(tx, columns, rows)
        listed = ", ".join(ident(name) for name in names)
        tx.execute(f"INSERT INTO {place} ({listed}) SELECT {_typed(columns, names)} FROM {_STAGED}")


def _update(tx: Transaction, place: str, columns: Mapping[str, str], rows: Sequence[Values]) -> None:
    names = _stage(tx, columns, rows)
    sets = ", ".join(f"{ident(name)} = s.{ident(name)}" for name in names if name not in _KEPT)
    tx.execute(
        f"UPDATE {place} AS t SET {sets} FROM (SELECT {_typed(columns, names)} FROM {_STAGED}) AS s WHERE t.id = s.id"
    )


def _stage(tx: Transaction, columns: Mapping[str, str], rows: Sequence[Values]) -> list[str]:
    """Make the rows readable as one relation; returns its columns, all that any of the rows has."""
    names = [name for name in columns if any(name in row for row in rows)]
    unknown = {name for row in rows for name in row} - set(columns)
    if unknown:
        raise KeyError(f"the demo has values for columns that are not there: {', '.join(sorted(unknown))}")
    series = [_series(name, columns[name], [row.get(name) for row in rows]) for name in names]
    tx.register(_STAGED, pl.DataFrame(series))
    return names


def _series(name: str, kind: str, values: list[Any]) -> pl.Series:
    chosen = _POLARS.get(kind)
    if chosen is None:
        return pl.Series(name, [None if value is None else str(value) for value in values], dtype=pl.String)
    return pl.Series(name, values, dtype=chosen)


def _typed(columns: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join(f"CAST({ident(name)} AS {columns[name]}) AS {ident(name)}" for name in names)
