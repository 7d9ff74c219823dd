"""What a press in the heading of a record does: another name or status, how available somebody is, what he said."""

from __future__ import annotations

import streamlit as st

from crm_core import consents
from crm_core.profile import Head
from pages._ui import call_log, edits, header_consents, header_photo, header_reach, html
from pages._ui.bases import Base
from pages._ui.components import Click
from pages._ui.header_html import TITLE, can_rename, statuses_of
from pages._ui.layout import Panel, redraw
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState

ALL: tuple[Panel, ...] = ("left", "centre", "right")


def clicked(now: Here, seen: Head, state: WorkspaceState, click: Click) -> bool:
    """Do what a press in the heading means; whether it was one."""
    match click.verb, click.values:
        case "leave", (part,) if part == TITLE:
            _close(state)
        case "status", (slug,):
            if slug in {one.slug for one in statuses_of(seen)} and slug != seen.record["status"]:
                edits.change(now, seen, {"status": slug})
            redraw(*ALL)
        case "call", (number,) if number in consents.addresses_of(seen.module, seen.record):
            if call_log.can_log(now):
                call_log.begin(str(seen.record["id"]), number)
        case _:
            return (
                header_consents.clicked(state, click)
                or header_reach.clicked(now, seen, state, click)
                or header_photo.clicked(now, seen, state, click)
            )
    return True


def _close(state: WorkspaceState) -> None:
    state.editing.discard(TITLE)
    state.within.pop(TITLE, None)


def rename(now: Here, seen: Head, state: WorkspaceState) -> None:
    """The name in a box: Enter writes it, Escape leaves it as it was."""
    if not can_rename(seen):
        _close(state)
        return
    field = seen.module.field(seen.module.title)
    shown = Base(seen.record["version"], seen.record.get(seen.module.title))
    base: Base = state.within.setdefault(TITLE, shown)
    key = f"title:{seen.record['id']}:{base.version}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"edit_{TITLE}"):
        st.html(html.avatar(seen.title, size=42), width="content")
        st.text_input(
            "Name", value=str(base.value or ""), key=key,
            label_visibility="collapsed", max_chars=getattr(field, "max_length", None),
            on_change=_renamed, args=(now, seen, state, base, key),
        )  # fmt: skip


def _renamed(now: Here, seen: Head, state: WorkspaceState, base: Base, key: str) -> None:
    # Who left with Escape meant to keep the name, whatever the browser still sends.
    if TITLE in state.editing:
        _close(state)
        name = " ".join(str(st.session_state.get(key) or "").split())
        if name != base.value:
            edits.change(now, seen, {seen.module.title: name or None}, base_version=base.version)
    redraw(*ALL)
