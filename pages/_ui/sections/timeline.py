"""Everything dated that belongs to a record, newest first: looked through, pinned, and added to from its top."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.conversations import MESSAGES
from crm_core.pins import pin
from crm_core.timeline import CHANGES, routes_to
from pages._ui import call_log, composer, feedback, mailing, timeline_feed
from pages._ui.components import Click
from pages._ui.sections.acting import Ask, Form, create, module_of, offer, users
from pages._ui.sections.base import ProfileSection, Spot

NOTHING = "Nothing yet. Inquiries, messages, tasks and whatever else is dated stand here as they come in."
NOT_FOUND = "Nothing here has these words."
NOTES, TASKS = "notes", "tasks"


def draw(spot: Spot) -> None:
    """Draw what can be added, what is looked for, and the entries."""
    _begin(spot)
    catalog = spot.here.catalog
    kinds = [*routes_to(catalog, spot.module), CHANGES]
    labels = {kind: catalog.module(kind).name for kind in kinds if kind != CHANGES} | {
        CHANGES: "Field changes"
    }
    words = st.text_input(
        "Search the timeline", key=spot.key("words"), type="search", live="150ms", label_visibility="collapsed",
        placeholder="Search titles and texts",
    )  # fmt: skip
    chosen = st.pills("Kinds", kinds, selection_mode="multi", format_func=labels.__getitem__, key="kinds",
                      label_visibility="collapsed")  # fmt: skip
    asked = bool(words or chosen)
    timeline_feed.draw(spot, kinds=tuple(chosen or ()), words=words, empty=NOT_FOUND if asked else NOTHING)


def _begin(spot: Spot) -> None:
    """The row on top: what one notes, plans, says and writes begins here."""
    writes = not spot.locked and module_of(spot, MESSAGES) is not None
    offer(spot, *_forms(spot), beside=partial(_talk, spot) if writes else None)
    if writes:
        composer.draw(spot.here, record=spot.record_id)


def _talk(spot: Spot) -> None:
    """A call opens with its timer above the section, a mail below the row."""
    here, record = spot.here, spot.record_id
    if call_log.can_log(here) and call_log.begun(record) is None:
        st.button(
            "Call",
            key=spot.key("call"),
            icon=":material/call:",
            on_click=call_log.begin_with,
            args=(spot.seen,),
        )
    if composer.begun(here, record) is None:
        st.button(
            "Mail", key=spot.key("mail"), icon=":material/mail:", on_click=mailing.write, args=(spot.seen,)
        )


def _forms(spot: Spot) -> list[Form]:
    me = spot.here.actor.user
    people = users(spot)
    owner = Ask("owner", me if me in people else None, people, "Owner")
    forms = [
        Form("note", "Note", NOTES, (Ask("text"), Ask("kind")), partial(create, spot, NOTES), "Note added",
             "sticky_note_2"),
        Form("task", "Task", TASKS, (Ask("title"), Ask("due"), owner), partial(create, spot, TASKS), "Task added",
             "add_task"),
    ]  # fmt: skip
    return [form for form in forms if module_of(spot, form.module) is not None]


def clicked(spot: Spot, click: Click) -> bool:
    """Pin an entry, or take it down."""
    if click.verb not in ("pin", "unpin") or len(click.values) != 2:
        return False
    kind, entry_id = click.values
    pinned = click.verb == "pin"
    if not spot.locked:
        feedback.run(
            lambda: pin(
                spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id, kind=kind,
                entry_id=entry_id, pinned=pinned, actor=spot.here.actor, door="browser",
            ),
            done="Pinned" if pinned else "Unpinned",
        )  # fmt: skip
    return True


SECTION = ProfileSection("timeline", draw, clicked)
