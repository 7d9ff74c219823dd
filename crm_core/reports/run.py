"""Asking a report: for the one who looks, over a date range, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.model import All, Catalog, Condition, Leaf, Report
from crm_core.relations import relations_for
from crm_core.reports.answer import Key, Result, Row, Unit, free_name
from crm_core.reports.checking import report_problems
from crm_core.reports.errors import ReportInvalid
from crm_core.reports.labels import Told, tell_groups
from crm_core.reports.paths import bucket_of, grouped, numeric
from crm_core.reports.periods import Range, range_of
from crm_core.reports.sql_report import run_statement
from crm_core.reports.statement import ROW, report_statement
from crm_core.trees import text
from lake import Lake


def run_report(
    lake: Lake,
    catalog: Catalog,
    report: Report,
    *,
    actor: Actor,
    range: Range | None = None,
    now: datetime | None = None,
) -> Result:
    """Ask a report for the one who looks: he sees what is computed of the records that he may see.

    Args:
        lake: the lake.
        catalog: the definitions.
        report: saved or not.
        actor: who looks.
        range: the days that its date must be in; by default those of its period.
        now: the instant of the question, for days and relative dates.

    Raises:
        ReportInvalid: It asks for what is not there any more.
        QueryRefused: Its statement is not one SELECT over what may be read.
        QueryInvalid: The engine cannot run its statement.
    """
    here = now or datetime.now(UTC)
    asked = range if range is not None else default_range(catalog, report, now=here)
    if report.sql:
        return run_statement(lake, catalog, report, actor=actor, asked=asked)
    problems = report_problems(report, catalog)
    if problems:
        raise ReportInvalid(report.title, problems)
    relations = relations_for(lake, catalog, actor)
    scope = Scope(report.module, ROW, relations, here)
    wanted = [compile_condition(one, scope) for one in (report.when, in_range(report, asked))]
    statement = text(report_statement(report, scope, wanted))
    found = lake.read(statement, relations.params.values).to_dicts()
    return _result(lake, catalog, report, found, actor=actor, asked=asked)


def default_range(catalog: Catalog, report: Report, *, now: datetime) -> Range:
    """The days of the report's own period."""
    return range_of(report.period, today=now.astimezone(ZoneInfo(catalog.workspace.time_zone)).date())


def in_range(report: Report, asked: Range) -> Condition:
    """The condition of the date range; without a date, or of what is about today, there is none."""
    if not report.date or report.measure.kind == "velocity":
        return All()
    if asked.first is None and asked.last is None:
        return All()
    return within(report.date, asked)


def within(field: str, days: Range) -> Condition:
    """The condition of a date or an instant in a range that is closed on one side at least."""
    if days.first is None:
        return Leaf(field=field, op="le", value=str(days.last))
    if days.last is None:
        return Leaf(field=field, op="ge", value=str(days.first))
    return Leaf(field=field, op="between", value=[str(days.first), str(days.last)])


def measure_name(catalog: Catalog, report: Report) -> tuple[str, Unit]:
    """What the measure is called, and the unit of its values."""
    measure, module = report.measure, catalog.module(report.module)
    if measure.kind == "count":
        return module.name, "number"
    if measure.kind == "velocity":
        return "Velocity", "ratio"
    how = {"sum": "Total", "average": "Average", "median": "Median"}[measure.kind]
    if measure.until:
        ends = [grouped(catalog, module.slug, field).name for field in (measure.field, measure.until)]
        return f"{how} time from {_low(ends[0])} to {_low(ends[1])}", "seconds"
    meant = numeric(catalog, module.slug, measure.field)
    less = f" less {', '.join(_low(_less_name(catalog, module.slug, one.field)) for one in measure.less)}"
    return f"{how} {_low(meant.name)}{less if measure.less else ''}", "money" if meant.money else "number"


def _less_name(catalog: Catalog, module: str, field: str) -> str:
    path = catalog.resolve(module, field)
    return path.steps[0].label if path.steps else path.field.label or path.field.slug.replace("_", " ")


@dataclass(frozen=True)
class _Side:
    """The groups of one kind as they are told: the first or the second, and how they are put in order."""

    number: int
    name: str
    told: Mapping[str, Told]
    rest: str
    sort: str

    def key(self, row: Mapping[str, Any]) -> Key:
        if row[f"o{self.number}"]:
            return Key(None, self.rest, "gray", other=True)
        value = row[f"g{self.number}"]
        if value is None:
            return Key(None, f"No {_low(self.name)}", "gray")
        told = self.told[value]
        return Key(value, told.label, told.color)

    def rank(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        """What has no group comes last but for the rest; others by nature or by size, which the statement told."""
        key = self.key(row)
        last = 2 if key.other else int(key.value is None)
        if self.sort == "label":
            return last, key.label.casefold(), 0
        natural = self.told[key.value].place if key.value is not None and self.sort == "auto" else None
        return last, "", row[f"p{self.number}"] if natural is None else natural


def _result(
    lake: Lake, catalog: Catalog, report: Report, found: Sequence[Mapping[str, Any]], *, actor: Actor, asked: Range
) -> Result:  # fmt: skip
    sides: list[_Side] = []
    for number, group in enumerate(report.groups, start=1):
        meant = grouped(catalog, report.module, group.field)
        values = sorted({row[f"g{number}"] for row in found if row[f"g{number}"] is not None})
        told = tell_groups(lake, catalog, module=report.module, group=group, values=values, actor=actor)
        timed = bool(bucket_of(group, meant))
        name = free_name(meant.name, [side.name for side in sides])
        sides.append(
            _Side(number, name, told, "Earlier" if timed else "Other", "auto" if timed else report.sort)
        )
    ordered = sorted(found, key=lambda row: ([side.rank(row) for side in sides], row["currency"] or ""))
    rows = tuple(
        Row(tuple(side.key(row) for side in sides), Decimal(row["value"]), row["n"], row["currency"] or "")
        for row in ordered
    )
    measured, unit = measure_name(catalog, report)
    if not rows and not sides and report.measure.kind == "count":
        rows = (Row((), Decimal(0), 0),)
    listed = any(grouped(catalog, report.module, group.field).listed for group in report.groups)
    adds_up = report.measure.kind in ("count", "sum") and not listed
    return Result(report, rows, tuple(side.name for side in sides), measured, unit, adds_up, asked)


def _low(name: str) -> str:
    """A name within a sentence: what is written in capitals stays."""
    return name if name[:2].isupper() else name[:1].lower() + name[1:]
