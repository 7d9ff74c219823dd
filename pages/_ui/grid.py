"""A table of records with selection, sorting and pages: AG Grid behind one function of ours.

    record_grid(rows, columns, key="vehicles", total=1_248, page=1, sort="-updated_at",
                on_open=open_record, on_select=keep_selection, on_sort=order_by, on_page=turn_to, on_edit=write)

Rows are those of one page, in order, and their cells are text (`field_views.text_of`). The server pages,
sorts, filters and writes; the grid shows, and says what was clicked and typed. Community features only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import streamlit as st

from pages._ui import html, style, words
from pages._ui.components import source
from pages._ui.grid_look import COLORS, HEADER_HEIGHT, ROW_HEIGHT, css

MAX_HEIGHT = 656
BASE = "base__"
"""In a row: the version of the record, which an edit of its cells is based on."""
_WRONG, _TYPED, _WHY, _SINCE, _TICKED = "wrong__", "typed__", "why__", "since__", "ticked__"
LONGEST_EDIT = 10_000


def edit_key(column: str) -> str:
    """In a row: what stands in the editor of a cell at first, which may be another text than what it shows."""
    return f"{column}__edit"


@dataclass(frozen=True)
class Editor:
    """How the cells of a column are edited: as `text`, `number` or `date`, or as a `choice` of (value, label)."""

    way: str = "text"
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Edited:
    """A cell that was edited: the text in it, the version of the record that the editor began with, and when."""

    id: str
    column: str
    text: str
    version: int
    at: int


@dataclass(frozen=True)
class Refused:
    """An edit that was not taken: its cell, what was typed, why, and when, so that it is shown once."""

    id: str
    column: str
    text: str
    why: str
    at: int


@dataclass(frozen=True)
class Column:
    """One column: the key of its cells, its heading, and how it is shown.

    Attributes:
        numeric: Aligned to the right.
        sortable: Whether a click on the heading asks for the order.
        colors: Cell text → colour, for a column of statuses or options; its cells are badges then.
        width: The least width in pixels.
        share: How much of the room that is left it takes, against the others' 1.
        editor: How its cells are edited; None where they are only shown. Rows then carry `edit_key` and `BASE`.
    """

    key: str
    label: str
    numeric: bool = False
    sortable: bool = True
    colors: Mapping[str, str] = field(default_factory=dict)
    width: int = 110
    share: float = 1.0
    editor: Editor | None = None


@dataclass(frozen=True)
class Answer:
    """What a browser sent of the grid, as far as it fits what was shown."""

    event: str
    selected: tuple[str, ...]
    sort: tuple[str, ...]
    opened: str | None
    edited: Edited | None = None


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
    ticked: Collection[str] | None = None,
    on_sort: Callable[[str], None] | None = None,
    on_page: Callable[[int], None] | None = None,
    on_edit: Callable[[Edited], None] | None = None,
    refused: Refused | None = None,
    nouns: tuple[str, str] = ("record", "records"),
) -> None:
    """Draws one page of records and its page control.

    The first column opens the record by a click or Enter; so do cells that are not edited. The others are edited by
    F2, Enter, a double click or by typing, and sent by Enter or Tab, which goes on to the next one.

    Args:
        rows: The cells of each record by column key, and its `id`.
        total: How many records there are on all pages.
        page: Which page this is, from 1.
        sort: The order of the rows: the key of a column, with `-` in front when it descends.
        on_open: Called with the id of the record whose row was clicked, or on which Enter was pressed.
        on_select: Called with the ids of the ticked records of this page; without it rows have no tick boxes.
        ticked: Which records are ticked, of this page and others; None where the browser alone remembers them.
        on_sort: Called with the order that a heading asks for, or "" when it asks for none.
        on_page: Called with the number of the page that is asked for.
        on_edit: Called with a cell that was edited.
        refused: The edit that was not taken: its editor opens again, with why.
    """
    offered = frozenset(row["id"] for row in rows)
    known = frozenset(column.key for column in columns)
    editable = frozenset(column.key for column in columns if column.editor is not None)

    def heard() -> None:
        answer = read_answer(st.session_state.get(key), offered=offered, known=known, editable=editable)
        if answer is None:
            return
        if answer.edited is not None and on_edit is not None:
            on_edit(answer.edited)
        elif answer.opened and on_open is not None:
            on_open(answer.opened)
        elif answer.event == "selectionChanged" and on_select is not None:
            on_select(answer.selected)
        elif answer.event == "sortChanged" and on_sort is not None:
            on_sort(answer.sort[0] if answer.sort else "")

    _draw(
        _marked(rows, refused, ticked), columns, key=key, sort=sort, ticks=on_select is not None, heard=heard
    )
    _draw_pages(key=key, total=total, page=page, page_size=page_size, on_page=on_page, nouns=nouns)


def _marked(
    rows: Sequence[Mapping[str, str]], refused: Refused | None, ticked: Collection[str] | None
) -> Sequence[Mapping[str, str]]:
    """The rows, with the edit that was refused noted in its own, and whether each is ticked."""
    said: dict[str, str] = {}
    if refused is not None:
        said = {_WRONG: refused.column, _TYPED: refused.text, _WHY: refused.why, _SINCE: str(refused.at)}
    return [
        {
            **row,
            **(said if refused is not None and row["id"] == refused.id else {}),
            **({} if ticked is None else {_TICKED: "yes" if row["id"] in ticked else "no"}),
        }
        for row in rows
    ]


def read_answer(
    value: Any, *, offered: frozenset[str], known: frozenset[str], editable: frozenset[str] = frozenset()
) -> Answer | None:
    """What the browser sent, without ids and columns that were not shown; None when it is none of ours."""
    if not isinstance(value, Mapping) or not isinstance(value.get("event"), str):
        return None
    selected = tuple(one for one in value.get("selected") or () if one in offered)
    sort = tuple(one for one in value.get("sort") or () if str(one).removeprefix("-") in known)
    opened = value.get("opened")
    edited = _read_edited(value.get("edited"), offered, editable)
    return Answer(value["event"], selected, sort, opened if opened in offered else None, edited)


def _read_edited(value: Any, offered: frozenset[str], editable: frozenset[str]) -> Edited | None:
    if (
        not isinstance(value, Mapping)
        or value.get("id") not in offered
        or value.get("column") not in editable
    ):
        return None
    text, version, at = value.get("text"), value.get("version"), value.get("at")
    if not isinstance(text, str) or len(text) > LONGEST_EDIT or "\x00" in text:
        return None
    numbers = [int(one) if isinstance(one, int | float) else 0 for one in (version, at)]
    return Edited(str(value["id"]), str(value["column"]), text, *numbers)


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
        rowHeight=ROW_HEIGHT, headerHeight=HEADER_HEIGHT, wrapperBorderRadius=10, spacing=6, **COLORS[mode],
    )  # fmt: skip
    AgGrid(
        pd.DataFrame([dict(row) for row in rows], columns=_names(columns)),
        gridOptions=_options(columns, code, sort=sort, ticks=ticks),
        key=key,
        height=height_of(len(rows)),
        theme=theme,
        custom_css=css(mode),
        allow_unsafe_jscode=True,
        enable_enterprise_modules=False,
        data_return_mode="CUSTOM",
        custom_jscode_for_grid_return=code["answer"],
        should_grid_return=code["worth"],
        update_on=["selectionChanged", "sortChanged", "cellClicked", "cellKeyDown", "cellValueChanged"],
        show_toolbar=False,
        show_search=False,
        show_download_button=False,
        server_sync_strategy="server_wins",
        callback=lambda _: heard(),
    )


def _names(columns: Sequence[Column]) -> list[str]:
    """What each row carries: its cells, and for those that are edited what their editors begin with."""
    editable = [edit_key(column.key) for column in columns if column.editor is not None]
    more = [*editable, BASE, _WRONG, _TYPED, _WHY, _SINCE] if editable else []
    return ["id", _TICKED, *(column.key for column in columns), *more]


def _options(columns: Sequence[Column], code: Mapping[str, Any], *, sort: str, ticks: bool) -> dict[str, Any]:
    descending, by = sort.startswith("-"), sort.removeprefix("-")
    drawn: list[dict[str, Any]] = []
    for number, column in enumerate(columns):
        options: dict[str, Any] = {
            "field": column.key, "colId": column.key, "headerName": column.label, "minWidth": column.width,
            "flex": column.share, "sortable": column.sortable, "filter": False, "resizable": True,
            "comparator": code["keep_order"], "editable": column.editor is not None, "cellDataType": False,
            "context": {"opens": number == 0 or column.editor is None}, "suppressKeyboardEvent": code["keys"],
        }  # fmt: skip
        if column.editor is not None:
            choices = [{"value": value, "label": label} for value, label in column.editor.options]
            options |= {
                "cellEditor": code["editor"],
                "cellEditorPopup": True,
                "cellEditorParams": {"way": column.editor.way, "options": choices},
                "cellClass": ["edits", "ag-right-aligned-cell"] if column.numeric else "edits",
            }
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
        "stopEditingWhenCellsLoseFocus": True,
        "onGridReady": code["ready"],
        "onRowDataUpdated": code["resume"],
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
    *,
    key: str,
    total: int,
    page: int,
    page_size: int,
    on_page: Callable[[int], None] | None,
    nouns: tuple[str, str],
) -> None:
    pages = pages_of(total, page_size)
    first, last = min(total, (page - 1) * page_size + 1), min(total, page * page_size)
    counted = f"{first:,}–{last:,} of {total:,}" if pages > 1 else words.plural(total, *nouns)
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
    text = source("grid.js")
    parts = re.split(r"^// == (\w+):.*$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
