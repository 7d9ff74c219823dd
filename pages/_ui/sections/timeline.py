"""Everything dated that belongs to a record, newest first: looked through, pinned, and added to from its top."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from crm_core.conversations import MESSAGES
from crm_core.pins import pin
from crm_core.timeline import CHANGES, routes_to
from pages._ui import composer, feedback, mailing, timeline_feed
from pages._ui.components import Click
from pages._ui.sections.acting import Ask, Form, Values, create, module_of, offer, users
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
    offer(spot, *_forms(spot), beside=partial(_mail_button, spot) if writes else None)
    if writes:
        composer.draw(spot.here, record=spot.record_id)


def _mail_button(spot: Spot) -> None:
    if composer.begun(spot.here, spot.record_id) is None:
        st.button(
            "Mail", key=spot.key("mail"), icon=":material/mail:", on_click=mailing.write, args=(spot.seen,)
        )


def _forms(spot: Spot) -> list[Form]:
    me = spot.here.actor.user
    people = users(spot)
    owner = Ask("owner", me if me in people else None, people, "Owner")
    called = (Ask("subject"), Ask("direction"), Ask("text"), Ask("duration"))
    forms = [
        Form("note", "Note", NOTES, (Ask("text"), Ask("kind")), partial(create, spot, NOTES), "Note added",
             "sticky_note_2"),
        Form("task", "Task", TASKS, (Ask("title"), Ask("due"), owner), partial(create, spot, TASKS), "Task added",
             "add_task"),
        Form("call", "Call", MESSAGES, called, partial(_log_call, spot), "Call noted", "call"),
    ]  # fmt: skip
    return [form for form in forms if module_of(spot, form.module) is not None]


def _log_call(spot: Spot, values: Values) -> object:
    took_place = {"channel": "call", "state": "sent", "occurred_at": datetime.now(UTC)}
    return create(spot, MESSAGES, {**took_place, "subject": "Call", **values})


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
