"""A table of records with selection, sorting and pages: AG Grid behind one function of ours.

    record_grid(rows, columns, key="vehicles", total=1_248, page=1, sort="-updated_at",
                on_open=open_record, on_select=keep_selection, on_sort=order_by, on_page=turn_to)

Rows are those of one page, in order, and their cells are text (`field_views.text_of`). The server pages,
sorts and filters; the grid shows, and says what was clicked. Community features only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from pages._ui import html, style

ROW_HEIGHT = 38
HEADER_HEIGHT = 36
MAX_HEIGHT = 656
_COLORS = {
    "light": {
        "backgroundColor": "#ffffff",
        "foregroundColor": "#1b1c22",
        "headerBackgroundColor": "#fafafb",
        "headerTextColor": "#62636f",
        "borderColor": "#e4e4ea",
        "rowHoverColor": "#f6f6f8",
        "selectedRowBackgroundColor": "#eef0ff",
        "accentColor": "#4f46e5",
    },
    "dark": {
        "backgroundColor": "#131419",
        "foregroundColor": "#ececf1",
        "headerBackgroundColor": "#191a21",
        "headerTextColor": "#a1a2af",
        "borderColor": "#2b2c35",
        "rowHoverColor": "#1c1d24",
        "selectedRowBackgroundColor": "#262547",
        "accentColor": "#8b85ff",
        "browserColorScheme": "dark",
    },
}
_BADGES = {
    "light": {
        "gray": ("#f0f0f3", "#4b4c57"), "green": ("#e9f8ef", "#15703a"), "blue": ("#eaf1ff", "#1d4ed8"),
        "violet": ("#f1ecfe", "#6d28d9"), "orange": ("#fff1e6", "#b4410c"), "yellow": ("#fdf6d8", "#84590a"),
        "red": ("#fdecec", "#b91c1c"), "teal": ("#e2f7f5", "#0f6b66"), "pink": ("#fdebf4", "#b4246f"),
    },
    "dark": {
        "gray": ("#26272f", "#b9bac6"), "green": ("#12301f", "#5cd38a"), "blue": ("#17264a", "#8db2ff"),
        "violet": ("#2b1f4a", "#b79cff"), "orange": ("#3a2312", "#ffa66b"), "yellow": ("#352c0d", "#ecc94b"),
        "red": ("#3b1719", "#ff8f8f"), "teal": ("#0f302e", "#5ad1c8"), "pink": ("#3a1728", "#ff93c4"),
    },
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """One column: the key of its cells, its heading, and how it is shown.

    Attributes:
        numeric: Aligned to the right.
        sortable: Whether a click on the heading asks for the order.
        colors: Cell text → colour, for a column of statuses or options; its cells are badges then.
        width: The least width in pixels.
        share: How much of the room that is left it takes, against the others' 1.
    """

    key: str
    label: str
    numeric: bool = False
    sortable: bool = True
    colors: Mapping[str, str] = field(default_factory=dict)
    width: int = 110
    share: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What a browser sent of the grid, as far as it fits what was shown."""

    event: str
    selected: tuple[str, ...]
    sort: tuple[str, ...]
    opened: str | None


def record_grid(
    rows: Sequence[Mapping[str, str]],
    columns: Sequence[Column],
    *,
    key: str,
    total: int,
    page: int = 1,
    page_size: int = 50,
    sort: str = "",
    on_open: Callable[[str], None] | None = None,
    on_select: Callable[[tuple[str, ...]], None] | None = None,
    on_sort: Callable[[str], None] | None = None,
    on_page: Callable[[int], None] | None = None,
    noun: str = "record",
) -> None:
    """Draws one page of records and its page control.

    Args:
        rows: The cells of each record by column key, and its `id`.
        total: How many records there are on all pages.
        page: Which page this is, from 1.
        sort: The order of the rows: the key of a column, with `-` in front when it descends.
        on_open: Called with the id of the record whose row was clicked, or on which Enter was pressed.
        on_select: Called with the ids of the ticked records of this page; without it rows have no tick boxes.
        on_sort: Called with the order that a heading asks for, or "" when it asks for none.
        on_page: Called with the number of the page that is asked for.
    """
    offered = frozenset(row["id"] for row in rows)
    known = frozenset(column.key for column in columns)

    def heard() -> None:
        answer = read_answer(st.session_state.get(key), offered=offered, known=known)
        if answer is None:
            return
        if answer.opened and on_open is not None:
            on_open(answer.opened)
        elif answer.event == "selectionChanged" and on_select is not None:
            on_select(answer.selected)
        elif answer.event == "sortChanged" and on_sort is not None:
            on_sort(answer.sort[0] if answer.sort else "")

    _draw(rows, columns, key=key, sort=sort, ticks=on_select is not None, heard=heard)
    _draw_pages(key=key, total=total, page=page, page_size=page_size, on_page=on_page, noun=noun)


def read_answer(value: Any, *, offered: frozenset[str], known: frozenset[str]) -> Answer | None:
    """What the browser sent, without ids and columns that were not shown; None when it is none of ours."""
    if not isinstance(value, Mapping) or not isinstance(value.get("event"), str):
        return None
    selected = tuple(one for one in value.get("selected") or () if one in offered)
    sort = tuple(one for one in value.get("sort") or () if str(one).removeprefix("-") in known)
    opened = value.get("opened")
    return Answer(value["event"], selected, sort, opened if opened in offered else None)


def pages_of(total: int, page_size: int) -> int:
    """How many pages there are; one when there is nothing."""
    return max(1, -(-total // page_size))


def height_of(count: int) -> int:
    """The height in pixels that shows all rows of a page, or as many as have room."""
    return min(MAX_HEIGHT, HEADER_HEIGHT + ROW_HEIGHT * max(count, 1) + 4)


def _draw(
    rows: Sequence[Mapping[str, str]], columns: Sequence[Column], *, key: str, sort: str, ticks: bool,
    heard: Callable[[], None],
) -> None:  # fmt: skip
    # Imported here: an iframe component that the server module imports is not found by the browser.
    import pandas as pd
    from st_aggrid import AgGrid, JsCode
    from st_aggrid.shared import StAggridTheme

    code = {name: JsCode(text) for name, text in functions().items()}
    mode = style.theme()
    theme = StAggridTheme(base="quartz").withParams(
        fontFamily="Inter, system-ui, sans-serif", fontSize=13, headerFontSize=12, headerFontWeight=500,
        rowHeight=ROW_HEIGHT, headerHeight=HEADER_HEIGHT, wrapperBorderRadius=10, spacing=6, **_COLORS[mode],
    )  # fmt: skip
    AgGrid(
        pd.DataFrame([dict(row) for row in rows], columns=["id", *(column.key for column in columns)]),
        gridOptions=_options(columns, code, sort=sort, ticks=ticks),
        key=key,
        height=height_of(len(rows)),
        theme=theme,
        custom_css=_css(mode),
        allow_unsafe_jscode=True,
        enable_enterprise_modules=False,
        data_return_mode="CUSTOM",
        custom_jscode_for_grid_return=code["answer"],
        should_grid_return=code["worth"],
        update_on=["selectionChanged", "sortChanged", "cellClicked", "cellKeyDown"],
        show_toolbar=False,
        show_search=False,
        show_download_button=False,
        server_sync_strategy="server_wins",
        callback=lambda _: heard(),
    )


def _options(columns: Sequence[Column], code: Mapping[str, Any], *, sort: str, ticks: bool) -> dict[str, Any]:
    descending, by = sort.startswith("-"), sort.removeprefix("-")
    drawn: list[dict[str, Any]] = []
    for column in columns:
        options: dict[str, Any] = {
            "field": column.key, "colId": column.key, "headerName": column.label, "minWidth": column.width,
            "flex": column.share, "sortable": column.sortable, "filter": False, "editable": False, "resizable": True,
            "comparator": code["keep_order"],
        }  # fmt: skip
        if column.numeric:
            options |= {"type": "rightAligned"}
        if column.colors:
            options |= {"cellRenderer": code["badge"], "cellRendererParams": dict(column.colors)}
        if column.key == by:
            options |= {"sort": "desc" if descending else "asc"}
        drawn.append(options)
    options = {
        "columnDefs": drawn,
        "getRowId": code["row_id"],
        "suppressMenuHide": True,
        "tabToNextCell": code["leave"],
        "tabToNextHeader": code["leave"],
        "suppressCellFocus": False,
        "suppressMultiSort": True,
        "enableCellTextSelection": False,
        "suppressContextMenu": True,
        "animateRows": False,
    }
    if ticks:
        options |= {
            "rowSelection": {
                "mode": "multiRow",
                "checkboxes": True,
                "headerCheckbox": True,
                "enableClickSelection": False,
            }
        }
    return options


def _draw_pages(
    *, key: str, total: int, page: int, page_size: int, on_page: Callable[[int], None] | None, noun: str
) -> None:
    pages = pages_of(total, page_size)
    first, last = min(total, (page - 1) * page_size + 1), min(total, page * page_size)
    counted = (
        f"{first:,}–{last:,} of {total:,}" if pages > 1 else f"{total:,} {noun}{'' if total == 1 else 's'}"
    )
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.html(html.Html('<span class="m-sub">{}</span>').format(counted), width="content")
        if pages > 1:
            widget = f"{key}:page:{pages}"
            wanted = min(page, pages)
            if st.session_state.get(widget, 1) != wanted:
                st.session_state[widget] = wanted

            def turn() -> None:
                if on_page is not None:
                    on_page(int(st.session_state[widget]))

            st.pagination(pages, key=widget, on_change=turn)


@cache
def functions() -> dict[str, str]:
    """The functions of `grid.js` by name."""
    text = Path(__file__).with_name("grid.js").read_text(encoding="utf-8")
    parts = re.split(r"^// == (\w+):.*$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _css(mode: str) -> dict[str, dict[str, str]]:
    base = {
        "padding": "0 8px", "border-radius": "99px", "font-size": "11.5px", "font-weight": "550",
        "white-space": "nowrap", "display": "inline-block", "line-height": "20px", "vertical-align": "middle",
        "margin-top": "-2px",
    }  # fmt: skip
    face = {"font-family": "Inter", "src": "url(/app/static/inter.woff2)", "font-weight": "100 900"}
    colors = {
        f".badge.{name}": {"background": back, "color": front}
        for name, (back, front) in _BADGES[mode].items()
    }
    row = {".ag-row": {"cursor": "pointer"}, ".ag-cell": {"line-height": f"{ROW_HEIGHT - 2}px"}}
    return {"@font-face": face, ".badge": base, **colors, **row}
