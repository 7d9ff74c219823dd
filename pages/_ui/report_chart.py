"""The chart of a report: one for each currency, in the colours of the pages, a click on a part opens its records."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import streamlit as st

from crm_core.model.reports import Chart
from crm_core.reports.answer import Key, Result, Row
from crm_core.reports.filling import all_keys
from pages._ui import html, words
from pages._ui.report_words import amount_words, drawn_unit, value_words

COLORS = ("#6366f1", "#14b8a6", "#f59e0b", "#ec4899", "#3b82f6", "#84a11d", "#8b5cf6", "#ef6c4d")
NAMED = {
    "gray": "#9496a3", "green": "#22a55a", "blue": "#3b82f6", "violet": "#8b5cf6", "orange": "#ee7a2f",
    "yellow": "#e0a80d", "red": "#e05252", "teal": "#14b8a6", "pink": "#e05299", "brown": "#9c4a2f",
}  # fmt: skip
"""Colours that stand out on light and on dark ground alike."""
MOST_CHARTS = 3
"""So many currencies have a chart of their own; all stand in the table."""
_PICK = "pick"
_SAID = {"field": "said", "type": "nominal"}
"""What is read aloud of a part of a chart."""
_CURRENCY_HEIGHT = 48
"""Of the name of a currency above its chart, with the room around it."""
_ROW_HEIGHT, _MOST_ROW_HEIGHT, _AXIS_HEIGHT, _LEGEND_HEIGHT = 24, 44, 44, 24
Pick = Callable[[int], None]


def draw_chart(
    result: Result, *, key: str, height: int = 320, least: int = 150, on_pick: Pick | None = None
) -> None:
    """Draw the answer of a report as its chart.

    Args:
        result: What was answered.
        key: Of the widgets.
        height: In pixels, for all currencies together where dates or lines are drawn.
        least: Of the chart of one currency.
        on_pick: Called in a callback with the place of the row that was clicked.
    """
    chart = result.report.chart
    if not result.rows:
        st.html(
            html.empty_state("Nothing to show", "No record matches in this time.", icon_name="query_stats")
        )
    elif chart == "number" or not result.names:
        st.html(_numbers(result))
    elif chart == "table":
        st.html(answer_table(result, most=12))
    else:
        shown = result.currencies[:MOST_CHARTS]
        each = (height - _CURRENCY_HEIGHT * (len(shown) - 1)) // max(1, len(shown))
        for currency in shown:
            if len(shown) > 1 or (currency and result.unit == "money"):
                st.html(html.Html('<div class="m-sub m-report-currency">{}</div>').format(currency))
            spec = chart_spec(result, currency=currency, height=max(least, each))
            _draw(spec, result, f"{key}:{currency}", on_pick)


def _draw(spec: dict[str, Any], result: Result, key: str, on_pick: Pick | None) -> None:
    def picked() -> None:
        chosen = st.session_state[key].get("selection", {}).get(_PICK) or []
        place = chosen[0].get("row") if chosen else None
        if on_pick is not None and isinstance(place, int) and 0 <= place < len(result.rows):
            on_pick(place)

    if on_pick is None:
        spec = {name: part for name, part in spec.items() if name != "params"}
        st.vega_lite_chart(spec, width="stretch", key=key)
    else:
        st.vega_lite_chart(spec, width="stretch", key=key, on_select=picked, selection_mode=[_PICK])


def chart_spec(result: Result, *, currency: str, height: int) -> dict[str, Any]:
    """The chart of one currency as Vega-Lite: its values stand in it, rounded to what is drawn."""
    report = result.report
    first, second = _domain(result, 0), _domain(result, 1)
    title, divided = drawn_unit(result)
    axis = title if result.unit in ("seconds", "ratio") else None
    timed = report.groups[0].bucket != "" if report.groups else False
    lines = report.chart in ("line", "area")
    across = timed or lines
    data = [
        _datum(result, place, row, divided)
        for place, row in enumerate(result.rows)
        if row.currency == currency
    ]
    pick = {"name": _PICK, "select": {"type": "point", "fields": ["row"], "on": "click"}}
    spec: dict[str, Any] = {
        "description": f"{report.title}: the numbers stand in a table of its page.",
        "data": {"values": data},
        "params": [pick],
        "config": {"view": {"stroke": None}, "legend": {"orient": "bottom", "title": None, "columns": 4}},
    }
    if report.chart == "donut":
        return spec | _donut(result, first, height)
    value: dict[str, Any] = {
        "field": "value", "type": "quantitative", "title": axis,
        "axis": {"format": "~s" if result.unit != "ratio" else "~f", "tickCount": 4, "grid": True, "domain": False,
                 "labelExpr": "datum.value === 0 ? '0' : datum.label"},
    }  # fmt: skip
    groups: dict[str, Any] = {
        "field": "first", "type": "ordinal", "title": None, "scale": {"domain": first}, "sort": None,
        "axis": _axis(across),
    }  # fmt: skip
    encoding: dict[str, Any] = {"x": groups, "y": value} if across else {"y": groups, "x": value}
    encoding["tooltip"] = _tooltip(result, two=bool(second))
    encoding["description"] = _SAID
    encoding["color"] = _color(result, second) if second else _own_color(result)
    mark = _mark(report.chart, points=len(data) <= 60)
    if second and report.chart == "bar":
        encoding["xOffset" if across else "yOffset"] = {"field": "second", "scale": {"domain": second}}
    if second and report.chart == "area":
        value["stack"] = "zero" if result.adds_up else None
    if not across:
        bands = len(first) * (max(1, len(second)) if second and report.chart == "bar" else 1)
        height = _AXIS_HEIGHT + bands * _row_height(height, bands)
    height += _LEGEND_HEIGHT * math.ceil(len(second) / 4)
    return spec | {"mark": mark, "encoding": encoding, "height": height}


def _row_height(height: int, bands: int) -> int:
    """Of one bar with its distance to the next: as much as there is room for, neither a thread nor a block."""
    return max(_ROW_HEIGHT, min(_MOST_ROW_HEIGHT, (height - _AXIS_HEIGHT) // max(1, bands)))


def _mark(chart: Chart, *, points: bool) -> dict[str, Any]:
    if chart == "line":
        return {"type": "line", "point": {"size": 44, "filled": True} if points else False, "strokeWidth": 2}
    if chart == "area":
        line = {"strokeWidth": 2}
        return {"type": "area", "line": line, "point": points and {"size": 36}, "fillOpacity": 0.35}
    return {"type": "bar", "cornerRadiusEnd": 2, "cursor": "pointer"}


def _axis(across: bool) -> dict[str, Any]:
    if across:
        return {
            "labelAngle": 0,
            "labelOverlap": "greedy",
            "labelSeparation": 8,
            "ticks": False,
            "grid": False,
        }
    return {"labelLimit": 150, "ticks": False, "grid": False, "domain": False, "labelPadding": 8}


def _color(result: Result, domain: Sequence[str]) -> dict[str, Any]:
    keys = {key.label: key for key in result.keys(1)}
    known = [NAMED.get(keys[label].color, "") if label in keys else "" for label in domain]
    spare = iter([color for color in COLORS if color not in known] * 4)
    colors = [one or next(spare) for one in known]
    return {
        "field": "second",
        "type": "nominal",
        "scale": {"domain": list(domain), "range": colors},
        "sort": None,
    }


def _own_color(result: Result) -> dict[str, Any]:
    """Groups with colours of their own have them; others are one colour, since their names tell them apart."""
    keys = result.keys(0)
    if not any(key.color not in ("", "gray") for key in keys):
        return {"value": COLORS[0]}
    colors = [NAMED.get(key.color, COLORS[0]) for key in keys]
    return {"field": "first", "type": "nominal", "legend": None,
            "scale": {"domain": [key.label for key in keys], "range": colors}}  # fmt: skip


def _donut(result: Result, domain: Sequence[str], height: int) -> dict[str, Any]:
    keys = {key.label: key for key in result.keys(0)}
    spare = iter(COLORS * 4)
    colors = [NAMED.get(keys[label].color, "") or next(spare) for label in domain]
    color = {"field": "first", "type": "nominal", "sort": None, "scale": {"domain": list(domain), "range": colors},
             "legend": {"orient": "right", "columns": 1}}  # fmt: skip
    return {
        "mark": {"type": "arc", "innerRadius": {"expr": "min(width, height) / 3.4"}, "cursor": "pointer"},
        "encoding": {
            "theta": {"field": "value", "type": "quantitative", "stack": True}, "color": color,
            "order": {"field": "row", "type": "quantitative"}, "tooltip": _tooltip(result, two=False),
            "description": _SAID,
        },
        "height": height,
    }  # fmt: skip


def _tooltip(result: Result, *, two: bool) -> list[dict[str, Any]]:
    names = list(result.names)
    shown = [{"field": "first", "title": names[0]}]
    if two:
        shown.append({"field": "second", "title": names[1]})
    return [*shown, {"field": "told", "title": result.measured}, {"field": "records", "title": "Records"}]


def _datum(result: Result, place: int, row: Row, divided: Decimal) -> dict[str, Any]:
    told, labels = value_words(row, result.unit), [key.label for key in row.keys]
    datum: dict[str, Any] = {
        "row": place, "first": labels[0], "value": float(row.value / divided), "told": told,
        "records": words.number(row.count), "said": f"{', '.join(labels)}: {told}",
    }  # fmt: skip
    return datum | ({"second": labels[1]} if len(labels) > 1 else {})


def _domain(result: Result, place: int) -> list[str]:
    """The labels of the groups in their order, with those of dates that have no record in between."""
    return [key.label for key in all_keys(result, place)] if len(result.names) > place else []


def _numbers(result: Result) -> html.Html:
    items = [html.Kpi(row.currency or result.measured, value_words(row, result.unit)) for row in result.rows]
    return html.kpi_strip(items)


def answer_table(result: Result, *, most: int = 500, clicks: bool = False) -> html.Html:
    """The numbers of a report: a row a group, with `clicks` each opens its records; two groups stand crosswise."""
    if len(result.names) == 2 and len(result.keys(1)) <= 8 and len(result.currencies) == 1:
        return _crosswise(result, most, clicks)
    columns = [*result.names, result.measured, "Records"]
    counted = result.table is not None or (result.unit == "number" and result.report.measure.kind == "count")
    columns = columns[:-1] if counted else columns
    rows = [
        html.Row(_cells(result, row, counted), html.click("open", str(place)) if clicks else "")
        for place, row in enumerate(result.rows[:most])
    ]
    totals = [
        html.Row([html.Html("<b>{}</b>").format("Total"), *[""] * (len(result.names) - 1),
                  html.Html("<b>{}</b>").format(amount_words(total, result.unit, code)), *([] if counted else [""])])
        for code, total in result.totals().items()
        if result.names and len(result.rows) > 1
    ]  # fmt: skip
    right = range(len(result.names), len(columns))
    return html.table(columns, [*rows, *totals], right=list(right))


def _cells(result: Result, row: Row, counted: bool) -> list[html.Text]:
    count = [] if counted else [words.number(row.count)]
    return [*(key.label for key in row.keys), value_words(row, result.unit), *count]


def _crosswise(result: Result, most: int, clicks: bool) -> html.Html:
    places = {row.keys: place for place, row in enumerate(result.rows)}
    across, down = result.keys(1), result.keys(0)[:most]

    def cell(keys: tuple[Key, Key]) -> html.Text:
        place = places.get(keys)
        if place is None:
            return html.missing()
        told = value_words(result.rows[place], result.unit)
        return html.link(told, click=html.click("open", str(place))) if clicks else told

    rows = [html.Row([one.label, *(cell((one, other)) for other in across)]) for one in down]
    columns = [result.names[0], *(key.label for key in across)]
    return html.table(columns, rows, right=list(range(1, len(columns))))
