"""From a number of a report to the records behind it: the filter that finds exactly those that were counted."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from crm_core.model import All, Catalog, Condition, Leaf
from crm_core.model.reports import Group
from crm_core.reports.answer import Key, Result, Row
from crm_core.reports.paths import bucket_of, grouped, numeric
from crm_core.reports.periods import days_ago, days_of
from crm_core.reports.run import in_range, within


def records_of(catalog: Catalog, result: Result, row: Row, *, now: datetime) -> Condition | None:
    """The filter that finds the records of a row, of the report's module; None where no filter can say it.

    `now` is the instant at which the report was asked.
    """
    report = result.report
    if report.sql:
        return None
    parts: list[Condition] = [
        report.when,
        in_range(report, result.range),
        *_measured(catalog, result, row, now),
    ]
    for place, group in enumerate(report.groups):
        part = _group(catalog, result, place, group, row.keys[place], now)
        if part is None:
            return None
        parts.append(part)
    return All(all=tuple(part for part in parts if part != All()))


def _measured(catalog: Catalog, result: Result, row: Row, now: datetime) -> Sequence[Condition]:
    """Only records that have what is measured were counted."""
    measure, module = result.report.measure, result.report.module
    if measure.kind == "count":
        return ()
    if measure.kind == "velocity":
        return (
            Leaf(field=measure.field, op="gt", value=(now - timedelta(days=35)).isoformat()),
            Leaf(field=measure.field, op="le", value=now.isoformat()),
        )
    if measure.until:
        return tuple(Leaf(field=field, op="is_set") for field in (measure.field, measure.until))
    known = Leaf(field=measure.field, op="is_set")
    meant = numeric(catalog, module, measure.field)
    if not meant.money:
        return (known,)
    return known, Leaf(field=meant.currency, op="eq", value=row.currency)


def _group(
    catalog: Catalog, result: Result, place: int, group: Group, key: Key, now: datetime
) -> Condition | None:
    meant = grouped(catalog, result.report.module, group.field)
    bucket = bucket_of(group, meant)
    if key.other:
        if bucket or meant.listed:
            return None
        shown = [one.value for one in result.keys(place) if not one.other]
        rest = Leaf(field=group.field, op="not_in", value=[value for value in shown if value is not None])
        return All(all=(rest, Leaf(field=group.field, op="is_set"))) if None in shown else rest
    if key.value is None:
        return Leaf(field=group.field, op="is_empty")
    if bucket == "age":
        today = now.astimezone(ZoneInfo(catalog.workspace.time_zone)).date()
        return within(group.field, days_ago(key.value, today=today))
    if bucket:
        return within(group.field, days_of(date.fromisoformat(key.value), bucket))
    return Leaf(field=group.field, op="contains" if meant.listed else "eq", value=key.value)
