"""A report that is a SELECT of the SQL door: whoever looks sees what he may see, and its columns are drawn."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from crm_core import explore
from crm_core.access import Actor
from crm_core.model import Catalog, Report
from crm_core.reports.answer import Key, Result, Row, Unit
from crm_core.reports.errors import ReportInvalid
from crm_core.reports.periods import Range
from lake import Lake

MOST_ROWS = 2000
CURRENCY = "currency"
"""A column of this name has the currencies of the values."""
_FIRST, _LAST = date(1, 1, 1), date(9999, 12, 31)


def run_statement(lake: Lake, catalog: Catalog, report: Report, *, actor: Actor, asked: Range) -> Result:
    """Ask the statement of a report; `$from` and `$until` in it are the first and last day of the range.

    Raises:
        ReportInvalid: It has not the columns that the report draws.
        QueryRefused: It is not one SELECT over what may be read.
        QueryInvalid: The engine cannot run it.
    """
    days = {"from": asked.first or _FIRST, "until": asked.last or _LAST}
    answer = explore.run_query(lake, catalog, sql=report.sql, actor=actor, max_rows=MOST_ROWS, values=days)
    table = pl.from_arrow(answer.table)
    assert isinstance(table, pl.DataFrame)
    value = _column(report, table)
    names = _groups(report, table, value)
    rows = tuple(
        Row(
            tuple(_key(row[name], name) for name in names),
            Decimal(str(row[value])),
            0,
            str(row.get(CURRENCY) or ""),
        )
        for row in table.iter_rows(named=True)
        if row[value] is not None
    )
    unit: Unit = "money" if CURRENCY in table.columns else "number"
    return Result(report, rows, tuple(names), value, unit, False, asked, table)


def example(module: str) -> str:
    """A statement to begin with: the records of a module by status."""
    return f"SELECT status, count(*) AS records\nFROM {module}\nGROUP BY status\nORDER BY records DESC"


def takes_range(report: Report) -> bool:
    """Whether a date range changes what the report answers."""
    if report.sql:
        return "$from" in report.sql or "$until" in report.sql
    return bool(report.date) and report.measure.kind != "velocity"


def _column(report: Report, table: pl.DataFrame) -> str:
    """The column of the values: the one named, else the last of numbers."""
    numbers = [name for name, kind in table.schema.items() if kind.is_numeric()]
    named = report.measure.field
    if named and named in table.columns and named not in numbers:
        raise ReportInvalid(report.title, [f"the column “{named}” has no numbers"])
    _require(report, table, [named] if named else [])
    if not numbers:
        raise ReportInvalid(report.title, ["its statement has no column of numbers, such as count(*)"])
    return named or numbers[-1]


def _groups(report: Report, table: pl.DataFrame, value: str) -> list[str]:
    """The columns of the groups: those named, else the first that is none of numbers."""
    named = [group.field for group in report.groups]
    _require(report, table, named)
    others = [name for name in table.columns if name not in (value, CURRENCY)]
    return named or [name for name in others if not table.schema[name].is_numeric()][:1] or others[:1]


def _require(report: Report, table: pl.DataFrame, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        has = ", ".join(table.columns)
        raise ReportInvalid(
            report.title, [f"its statement has no column “{name}”; it has {has}" for name in missing]
        )


def _key(value: Any, name: str) -> Key:
    if value is None or value == "":
        return Key(None, f"No {name}", "gray")
    if isinstance(value, date):
        label = f"{value.day} {value:%b %Y}"
        return Key(value.isoformat(), f"{label}, {value:%H:%M}" if isinstance(value, datetime) else label)
    return Key(str(value), str(value))
