"""The two parts that need JavaScript of ours: the record list, and the ear for clicks on read-only HTML.

    record_list(rows, key="list", selected=state.selected, on_select=pick, search="q")
    clicks(open_record)          # once a page; hears every element that `html.click` marks

Both run in the page itself (components v2: no iframe, no build). What they send is checked here: an id that
was not offered, or a click that is too long, is dropped.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import streamlit as st

from pages._ui import html
from pages._ui.state import record_id

HERE = Path(__file__).parent
MAX_CLICK_LENGTH = 500
SORTABLE = "/api/vendor/sortable-1.15.7.js"
"""With which cards are dragged."""


@dataclass(frozen=True)
class ListRow:
    """One record of a list: its title with a note beside it, a line of text, and what stands at the end."""

    id: str
    title: str
    note: str = ""
    text: str = ""
    when: str = ""
    unread: int = 0
    status: str = ""
    color: str = "gray"
    icon: str = ""
    """A Material symbol instead of the initials."""
    picture: str = ""
    """The address of a small picture over the initials."""


@dataclass(frozen=True)
class ListWindow:
    """Which part of a long list the rows are, and what the browser needs to know to go on from there.

    `question` differs when the list is another one, `moment` when the same one may have changed. What is only
    `similar` stands below a `notice` after the rest; `marks` are the plain words that are marked in the rows.
    `rests` asks to be told (`on_rest`) when nothing was heard for so many milliseconds.
    """

    start: int
    total: int
    question: str
    moment: str
    similar: tuple[ListRow, ...] = ()
    notice: str = ""
    marks: tuple[str, ...] = ()
    rests: int = 0


@dataclass(frozen=True)
class Click:
    """A click on a marked element: the verb and its values, as `html.click` put them there."""

    verb: str
    values: tuple[str, ...]


def source(*names: str) -> str:
    """The text of files beside this one, one after the other: what a component shares with others, then its own."""
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in names)


_LIST = st.components.v2.component(
    "merganser_record_list",
    html='<div class="list" role="listbox" tabindex="0"></div>',
    css=source("record_list.css"),
    js=source("shared.js", "record_list.js"),
)
_CLICKS = st.components.v2.component("merganser_clicks", html="<span hidden></span>", js=source("clicks.js"))


def record_list(
    rows: Sequence[ListRow],
    *,
    key: str,
    selected: str | None,
    on_select: Callable[[str], None],
    window: ListWindow | None = None,
    on_window: Callable[[int], None] | None = None,
    on_rest: Callable[[], None] | None = None,
    search: str = "",
    height: str = "calc(100dvh - 132px - var(--phone-rest, 0px))",
    label: str = "Records",
    none: str = "Nothing found.",
) -> None:
    """Draws a list in which one record is selected, by mouse or keyboard.

    Args:
        rows: The records in order; some hundreds at most.
        selected: The id of the selected record, if any.
        on_select: Called with the id of the record that was chosen, before the rerun.
        window: Which part of a longer list the rows are; None when they are its beginning.
        on_window: Called with the number of a row that is missing where somebody scrolls to.
        on_rest: Called when somebody has stopped typing, where the window asks for it.
        search: The key of the search field: `/` goes there, and the down key comes back.
        height: A CSS length; the list scrolls within it.
        label: What a screen reader calls the list.
        none: What is said when there are no rows.
    """
    offered = frozenset(row.id for row in rows)

    def picked() -> None:
        # Of a list in windows the browser has rows of others as well: their ids are ids of records.
        one = heard(key, "selected")
        if isinstance(one, str) and (one in offered or (window is not None and record_id(one))):
            on_select(one)

    def missing() -> None:
        row = heard(key, "window")
        if on_window is not None and window is not None and row in range(window.total):
            on_window(int(row))

    def rested() -> None:
        if on_rest is not None and window is not None and heard(key, "rest") == window.question:
            on_rest()

    data = _list_data(rows, window) | {
        "selected": selected or "", "search": search, "height": height, "label": label, "none": none,
    }  # fmt: skip
    _LIST(
        data=data, key=key, on_selected_change=picked, on_window_change=missing, on_rest_change=rested,
    )  # fmt: skip


def _list_data(rows: Sequence[ListRow], window: ListWindow | None) -> dict[str, Any]:
    """The rows and where they stand, with a version that changes when any of it does."""
    own = ListWindow(0, len(rows), rows[0].id if rows else "", "") if window is None else window
    data = {
        "rows": [_row_data(row) for row in rows],
        "similar": [_row_data(row) for row in own.similar],
        "windowed": window is not None,
        "start": own.start,
        "total": own.total,
        "question": own.question,
        "moment": own.moment,
        "notice": own.notice,
        "marks": list(own.marks),
    }
    return data | {"version": version(data), "rests": own.rests}


def clicks(on_click: Callable[[Click], None], *, key: str = "clicks") -> None:
    """Calls `on_click` when a person clicks (or presses Enter on) an element that `html.click` marked."""

    def clicked() -> None:
        click = parse_click(heard(key, "click"))
        if click is not None:
            on_click(click)

    _CLICKS(key=key, on_click_change=clicked)


def heard(key: str, name: str) -> Any:
    """What a component of ours told last under a name, as a text, number or anything else; for its callbacks."""
    return st.session_state[key].get(name)


def parse(text: object, *, most: int = MAX_CLICK_LENGTH) -> Any:
    """What a browser sent as JSON of at most so many characters, or None when it is none of ours."""
    try:
        return json.loads(text) if isinstance(text, str) and len(text) <= most else None
    except ValueError:
        return None


def parse_click(value: Any) -> Click | None:
    """What a browser sent as a click, or None when it is none of ours."""
    if not isinstance(value, str) or not value or len(value) > MAX_CLICK_LENGTH or "\x00" in value:
        return None
    verb, *values = (unquote(part) for part in value.split(":"))
    return Click(verb, tuple(values))


def version(*parts: Any) -> str:
    """A short text that changes when what the list shows changes, so that the browser redraws only then."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _row_data(row: ListRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "note": row.note,
        "text": row.text,
        "when": row.when,
        "unread": row.unread,
        "status": row.status,
        "color": html.color_class(row.color).removeprefix("m-"),
        "initials": html.initials(row.title),
        "hue": html.hue(row.title),
        "icon": row.icon,
        "picture": row.picture,
    }
