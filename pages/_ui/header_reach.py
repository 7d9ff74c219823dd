"""How available somebody is, in the heading: a mark that opens the choices of the folder, and asks until when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import streamlit as st

from crm_core.availability import AWAY, FIELD, FROM, QUIET, availability_of, keeps, today_in
from crm_core.model import Option
from crm_core.profile import Head
from pages._ui import edits, html, words
from pages._ui.components import Click
from pages._ui.header_html import Choice, menu
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState

_ASKING = "reach"
_ENDS = (AWAY, QUIET)


def mark(now: Here, seen: Head, state: WorkspaceState, *, locked: bool) -> html.Html | None:
    """What counts today, or counted on the day that is looked at; None where nothing is known of it."""
    today = state.as_of or today_in(now.catalog, datetime.now(UTC))
    found = availability_of(seen.module, seen.record, today=today)
    if found is None or FIELD in seen.states.hidden:
        return None
    option = next((one for one in options_of(seen) if one.value == found.state), Option(value=found.state))
    label = f"{option.text} until {words.day(found.until)}" if found.until else option.text
    face = html.badge(label, color=option.color or "gray", dot=True)
    if locked or FIELD in seen.states.read_only:
        return face
    choices = [
        Choice(
            html.badge(one.text, color=one.color or "gray", dot=True), html.click("reach", one.value),
            one.value == found.state,
        )
        for one in options_of(seen)
    ]  # fmt: skip
    return menu(face, choices, label="Availability")


def options_of(seen: Head) -> tuple[Option, ...]:
    """What can be chosen for the record: the options of its folder, where a dependency says so, else all."""
    field = seen.module.field(FIELD)
    return tuple(seen.states.options.get(FIELD) or getattr(field, "options", None) or ())


def clicked(now: Here, seen: Head, state: WorkspaceState, click: Click) -> bool:
    """Choose another availability; one that ends asks first until when."""
    if click.verb != "reach" or len(click.values) != 1 or not keeps(seen.module):
        return False
    [value] = click.values
    if value in {one.value for one in options_of(seen)}:
        state.head = f"{_ASKING}:{value}" if value in _ENDS else ""
        if value not in _ENDS:
            _write(now, seen, value, None)
    return True


def draw(now: Here, seen: Head, state: WorkspaceState) -> None:
    """The question until when, where it is asked."""
    asking, _, value = state.head.partition(":")
    if asking != _ASKING or value not in _ENDS:
        return
    option = next((one for one in options_of(seen) if one.value == value), Option(value=value))
    key = f"reach:{seen.record['id']}:{value}"
    tomorrow = today_in(now.catalog, datetime.now(UTC)) + timedelta(days=1)
    known: date | None = seen.record.get(FROM)
    with st.form(f"form:{key}", border=True):
        st.html(html.section_header(f"{option.text} until"))
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.date_input(
                "Until", value=known if known and known >= tomorrow else None, min_value=tomorrow, key=key,
                label_visibility="collapsed", width=160, format="YYYY-MM-DD",
            )  # fmt: skip
            st.form_submit_button(
                "Save", type="primary", key=f"save:{key}", help="Without a day it holds until somebody changes it.",
                on_click=_save, args=(now, seen, state, value, key),
            )  # fmt: skip
            st.form_submit_button(
                "Cancel", type="tertiary", key=f"cancel:{key}", on_click=_cancel, args=(state,)
            )


def _save(now: Here, seen: Head, state: WorkspaceState, value: str, key: str) -> None:
    state.head = ""
    _write(now, seen, value, st.session_state.get(key))


def _cancel(state: WorkspaceState) -> None:
    state.head = ""


def _write(now: Here, seen: Head, value: str, until: date | None) -> None:
    edits.change(now, seen, {FIELD: value, FROM: until})
    redraw("left", "centre", "right")
