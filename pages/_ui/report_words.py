"""The values of reports as people read them, and the unit that lengths of time are drawn in. Pure functions."""

from __future__ import annotations

from decimal import Decimal

from crm_core.model.reports import Chart, MeasureKind, Sort
from crm_core.reports.answer import Result, Row, Unit
from pages._ui import words

CHARTS: dict[Chart, str] = {
    "bar": "Bars",
    "stacked_bar": "Stacked bars",
    "line": "Line",
    "area": "Area",
    "donut": "Donut",
    "number": "Number",
    "table": "Table",
}
MEASURES: dict[MeasureKind, str] = {
    "count": "Number of records",
    "sum": "Total",
    "average": "Average",
    "median": "Median",
    "velocity": "Velocity",
}
SORTS: dict[Sort, str] = {
    "auto": "As it is best read",
    "largest": "Largest first",
    "smallest": "Smallest first",
    "label": "By name",
}
BUCKETS = {
    "day": "Day",
    "week": "Week",
    "month": "Month",
    "quarter": "Quarter",
    "year": "Year",
    "age": "How long ago",
}
ICONS: dict[Chart, str] = {
    "bar": "bar_chart",
    "stacked_bar": "stacked_bar_chart",
    "line": "show_chart",
    "area": "area_chart",
    "donut": "donut_small",
    "number": "123",
    "table": "table_chart",
}


def value_words(row: Row, unit: Unit) -> str:
    """The value of a row: an amount with its currency, a length of time, a number."""
    return amount_words(row.value, unit, row.currency)


def amount_words(value: Decimal, unit: Unit, currency: str = "") -> str:
    """A value with its unit."""
    match unit:
        case "money":
            return words.money(round(value, 2), currency)
        case "seconds":
            return span_words(value)
        case "ratio":
            return f"{value:.2f}×"
    return words.number(round(value, 2))


def span_words(seconds: Decimal) -> str:
    """A length of time in the two units that matter: `45 min`, `3 h 20 min`, `12 days 4 h`."""
    minutes = int(abs(seconds) // 60)
    sign = "−" if seconds < 0 else ""
    if minutes < 60 * 48:
        return sign + words.span(minutes)
    days, hours = divmod(minutes // 60, 24)
    return f"{sign}{days:,} days {hours} h" if hours and days < 30 else f"{sign}{days:,} days"


def drawn_unit(result: Result) -> tuple[str, Decimal]:
    """What an axis is titled, and by how much values are divided to be drawn in it."""
    if result.unit != "seconds":
        return {"ratio": "Times as many as usual"}.get(result.unit, result.measured), Decimal(1)
    longest = max((abs(row.value) for row in result.rows), default=Decimal(0))
    if longest < 2 * 3600:
        return "Minutes", Decimal(60)
    if longest < 72 * 3600:
        return "Hours", Decimal(3600)
    return "Days", Decimal(86400)
