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

HERE = Path(__file__).parent
MAX_CLICK_LENGTH = 500


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
class Click:
    """A click on a marked element: the verb and its values, as `html.click` put them there."""

    verb: str
    values: tuple[str, ...]


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


_LIST = st.components.v2.component(
    "merganser_record_list",
    html='<div class="list" role="listbox" tabindex="0"></div>',
    css=_read("record_list.css"),
    js=_read("record_list.js"),
)
_CLICKS = st.components.v2.component("merganser_clicks", html="<span hidden></span>", js=_read("clicks.js"))


def record_list(
    rows: Sequence[ListRow],
    *,
    key: str,
    selected: str | None,
    on_select: Callable[[str], None],
    on_more: Callable[[int], None] | None = None,
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
        on_more: Called with how many rows there are when the end comes near; None when these are all.
        search: The key of the search field: `/` goes there, and the down key comes back.
        height: A CSS length; the list scrolls within it.
        label: What a screen reader calls the list.
        none: What is said when there are no rows.
    """
    offered = frozenset(row.id for row in rows)

    def picked() -> None:
        chosen = st.session_state[key].get("selected")
        if chosen in offered:
            on_select(chosen)

    def more() -> None:
        if on_more is not None and st.session_state[key].get("more") is not None:
            on_more(len(rows))

    drawn = [_row_data(row) for row in rows]
    data = {
        "rows": drawn,
        "version": version(drawn, on_more is not None),
        "selected": selected or "",
        "more": on_more is not None,
        "search": search,
        "height": height,
        "label": label,
        "none": none,
    }
    _LIST(data=data, key=key, on_selected_change=picked, on_more_change=more)


def clicks(on_click: Callable[[Click], None], *, key: str = "clicks") -> None:
    """Calls `on_click` when a person clicks (or presses Enter on) an element that `html.click` marked."""

    def clicked() -> None:
        click = parse_click(st.session_state[key].get("click"))
        if click is not None:
            on_click(click)

    _CLICKS(key=key, on_click_change=clicked)


def parse_click(value: Any) -> Click | None:
    """What a browser sent as a click, or None when it is none of ours."""
    if not isinstance(value, str) or not value or len(value) > MAX_CLICK_LENGTH or "\x00" in value:
        return None
    verb, *values = (unquote(part) for part in value.split(":"))
    return Click(verb, tuple(values))


def version(rows: Sequence[dict[str, Any]], more: bool) -> str:
    """A short text that changes when what the list shows changes, so that the browser redraws only then."""
    text = json.dumps([rows, more], ensure_ascii=False, sort_keys=True)
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
