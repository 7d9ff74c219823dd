"""Reports for programs: the list, an answer as plain data or CSV, a range out of two texts."""

from datetime import date
from typing import Any

from crm_core.access import Actor
from crm_core.export import frame_as_csv
from crm_core.model import Catalog
from crm_core.reports.answer import Key, Result
from crm_core.reports.errors import RangeInvalid
from crm_core.reports.periods import Range
from crm_core.reports.store import reports_of
from crm_core.shape import to_json_value


def list_reports(catalog: Catalog, *, actor: Actor) -> list[dict[str, Any]]:
    """The reports that the actor is offered, by name."""
    return [
        {
            "slug": one.slug, "name": one.title, "description": one.description, "module": one.module or None,
            "chart": one.chart, "period": one.period, "shared_with": one.shared_with, "owner": one.owner or None,
        }
        for one in reports_of(catalog, actor=actor)
    ]  # fmt: skip


def range_given(first: str, last: str) -> Range | None:
    """The range between two days (ISO 8601), each empty when it is open; None when both are.

    Raises:
        RangeInvalid: One of them is no day, or the range ends before it begins.
    """
    return Range(_day(first), _day(last)) if first or last else None


def answer_document(result: Result) -> dict[str, Any]:
    """An answer as plain data: what its columns are, the range, and its rows; amounts are texts, so no digit is lost.

    Seconds tell lengths of time.
    """
    return {
        "slug": result.report.slug,
        "name": result.report.title,
        "groups": list(result.names),
        "measure": result.measured,
        "unit": result.unit,
        "from": _day_text(result.range.first),
        "to": _day_text(result.range.last),
        "rows": [
            {
                "groups": [_key(key) for key in row.keys],
                "value": f"{row.value:f}",
                **({"currency": row.currency} if result.unit == "money" else {}),
                **({} if result.report.sql else {"records": row.count}),
            }
            for row in result.rows
        ],
    }


def answer_rows(result: Result) -> list[dict[str, Any]]:
    """An answer as a table for people: a column for each group, the value, the records."""
    return [
        {name: to_json_value(value) for name, value in row.items()}
        for row in result.frame().iter_rows(named=True)
    ]


def answer_csv(result: Result) -> bytes:
    """An answer as CSV, safe to open in a spreadsheet."""
    return frame_as_csv(result.frame())


def _key(key: Key) -> dict[str, Any]:
    return {"value": key.value, "label": key.label} | ({"other": True} if key.other else {})


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise RangeInvalid(f"with “{text[:40]}”", "a day is written as 2026-11-22") from error


def _day_text(day: date | None) -> str | None:
    return day.isoformat() if day else None
