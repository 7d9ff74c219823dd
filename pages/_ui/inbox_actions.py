"""What one does with an inquiry: take it, answer it, note something, put it off, make something of it, close it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core import records
from crm_core.conversations import MESSAGES, Conversations
from crm_core.converting import convert, targets
from crm_core.dependencies import read_states
from crm_core.drafts import Draft, drafts_of
from crm_core.model import Field, Module
from crm_core.model.modules import Status
from crm_core.profile import Head
from pages._ui import composer, feedback, html, mailing, record_fields, typing
from pages._ui.field_views import is_missing
from pages._ui.fields import edit_field
from pages._ui.inbox_list import SNOOZE
from pages._ui.keys import keys
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_CLOSING = "inbox:closing"
"""The inquiry that is asked for what a closed one must have."""

NOTE = "note"
"""The place of the draft of a note."""

SNOOZES = {
    "hour": "For an hour",
    "tomorrow": "Until tomorrow, 8:00",
    "monday": "Until Monday, 8:00",
    "week": "For a week",
}


def draw(now: Here, seen: Head, found: Conversations) -> None:
    """Draw the buttons, those first that are needed most; none for who only looks."""
    if now.actor.role == "viewer":
        return
    record = seen.record
    if MESSAGES in now.catalog.modules:
        answer = f"answer:{record['id']}"
        st.button("Reply", key=answer, icon=":material/reply:", type="primary", help="Shortcut R",
                  on_click=_answer, args=(now, seen, found))  # fmt: skip
        keys({"r": answer}, key="keys:inbox")
    if record["owner"] != now.actor.user:
        st.button("Take", key=f"take:{record['id']}", icon=":material/person_add:", shortcut="A",
                  on_click=_write, args=(now, seen, {"owner": now.actor.user}, "It is yours"))  # fmt: skip
    closed = [s for f in seen.module.folders for s in f.statuses if s.end]
    if closed and record["status"] not in {s.slug for s in closed}:
        st.button("Close", key=f"close:{record['id']}", icon=":material/check:", shortcut="E",
                  on_click=_close, args=(now, seen, closed[0]))  # fmt: skip
        if st.session_state.get(_CLOSING) == record["id"]:
            _ask_before_closing(now, seen, closed[0])
    _more(now, seen)
    draft = _note_draft(now, seen)
    if draft is not None:
        st.html(typing.kept(draft.kept_at, zone=now.zone, what="A note"), width="content")


def _more(now: Here, seen: Head) -> None:
    """What is done less often, behind one button."""
    record = seen.record
    # Its buttons are made when somebody opens it.
    opened = st.popover("More", icon=":material/more_horiz:", key=f"more:{record['id']}", on_change="rerun")
    if not opened.open:
        return
    with opened:
        made_of_it = targets(now.catalog, seen.module.slug)
        if made_of_it:
            st.html(html.section_header("Make of it"))
        for to in made_of_it:
            made = now.catalog.module(to)
            st.button(made.one, key=f"convert:{to}:{record['id']}", icon=f":material/{made.icon}:", width="stretch",
                      on_click=_convert, args=(now, seen, made))  # fmt: skip
        if seen.module.field(SNOOZE) is not None:
            st.html(html.section_header("Put off"))
            if is_asleep(seen):
                st.button("Wake it", key=f"wake:{record['id']}", icon=":material/alarm_on:", width="stretch",
                          on_click=_write, args=(now, seen, {SNOOZE: None}, "It is open again"))  # fmt: skip
            for slug, label in SNOOZES.items():
                st.button(label, key=f"snooze:{slug}:{record['id']}", icon=":material/snooze:", width="stretch",
                          on_click=_snooze, args=(now, seen, slug))  # fmt: skip
        if "notes" in now.catalog.modules:
            _note(now, seen)


def _note(now: Here, seen: Head) -> None:
    """The box for a note; what is typed there is kept for this person until it is added or thrown away."""
    record = str(seen.record["id"])
    key, drafts, draft = f"note:text:{record}", drafts_of(now.lake), _note_draft(now, seen)
    st.session_state.setdefault(key, str(draft.content.get("text") or "") if draft else "")
    with st.form(f"note:{record}", clear_on_submit=True, border=False):
        st.text_area("Note for colleagues", key=key, height=90)
        st.form_submit_button("Add note", icon=":material/sticky_note_2:", on_click=_make_note,
                              args=(now, seen, key))  # fmt: skip

    def kept_at() -> datetime | None:
        found = _note_draft(now, seen)
        return found.kept_at if found else None

    def keep(said: dict[str, str]) -> None:
        if said["text"].strip():
            feedback.run(lambda: drafts.keep(Draft(record, NOTE, said), actor=now.actor))
        else:
            drafts.drop(record, NOTE, actor=now.actor)

    typing.listen({"text": key}, key=f"note:ear:{record}", on_typed=keep, kept_at=kept_at, zone=now.zone)
    if draft is not None:
        st.button("Throw it away", key=f"note:drop:{record}", type="tertiary", on_click=_drop_note,
                  args=(now, record, key))  # fmt: skip


def _note_draft(now: Here, seen: Head) -> Draft | None:
    found = drafts_of(now.lake).read(str(seen.record["id"]), actor=now.actor)
    return next((one for one in found if one.place == NOTE), None)


def _drop_note(now: Here, record: str, key: str) -> None:
    drafts_of(now.lake).drop(record, NOTE, actor=now.actor)
    st.session_state[key] = ""
    redraw("centre")


def is_asleep(seen: Head) -> bool:
    """Whether it was put off, and its time has not come."""
    until = seen.record.get(SNOOZE)
    return isinstance(until, datetime) and until > datetime.now(UTC)


def wakes_at(choice: str, *, zone: str, now: datetime) -> datetime:
    """The instant (UTC) until which a choice puts something off, as the clock of a time zone (IANA) shows it."""
    if choice == "hour":
        return now + timedelta(hours=1)
    local = now.astimezone(ZoneInfo(zone))
    days = {"tomorrow": 1, "monday": 7 - local.weekday(), "week": 7}[choice]
    morning = (local + timedelta(days=days)).replace(hour=8, minute=0, second=0, microsecond=0)
    return morning.astimezone(UTC)


def _snooze(now: Here, seen: Head, choice: str) -> None:
    until = wakes_at(choice, zone=now.zone, now=datetime.now(UTC))
    _write(now, seen, {SNOOZE: until.isoformat()}, "Put off")


def _answer(now: Here, seen: Head, found: Conversations) -> None:
    """Answer the newest message that came in by mail or form; where there is none, write to the sender."""
    record_id = str(seen.record["id"])
    if composer.begun(now, record_id) is None:
        mailing.answer(now, seen, found, record=record_id)
    redraw("centre")


def _make_note(now: Here, seen: Head, key: str) -> None:
    text = str(st.session_state.get(key) or "")
    if feedback.given(text, "Write the note first."):
        made = feedback.run(
            lambda: records.create(
                now.lake, module="notes", values={"text": text, **_links(now, seen, "notes")}, actor=now.actor,
                door="browser",
            ),
            done="Note added",
        )  # fmt: skip
        if made is not None:
            drafts_of(now.lake).drop(str(seen.record["id"]), NOTE, actor=now.actor)
    redraw("centre")


def _links(now: Here, seen: Head, module: str) -> dict[str, Any]:
    """The references of a new record to what is open, and to its customer."""
    record, found = seen.record, {}
    for reference in now.catalog.references(module):
        if seen.module.slug in reference.targets:
            about = {"module": seen.module.slug, "id": record["id"]}
            found[reference.slug] = about if reference.polymorphic else record["id"]
        elif reference.targets == ("customers",) and record.get("customer"):
            found[reference.slug] = record["customer"]
    return found


def end_of(seen: Head) -> Status | None:
    """The status with which one closes it: the first end of its folder, else of any."""
    folder = seen.module.folder(seen.record["folder"] or "") or seen.module.default_folder
    known = [*folder.statuses, *(one for other in seen.module.folders for one in other.statuses)]
    return next((one for one in known if one.end), None)


def missing_to_close(now: Here, seen: Head, end: Status) -> list[Field]:
    """The fields that a closed inquiry must have, and this one has not."""
    record = {**seen.record, "status": end.slug}
    states = read_states(now.lake, now.catalog, module=seen.module.slug, record=record, actor=now.actor)
    return [f for f in seen.module.fields if f.slug in states.required and is_missing(record.get(f.slug))]


def _close(now: Here, seen: Head, end: Status) -> None:
    if missing_to_close(now, seen, end):
        st.session_state[_CLOSING] = seen.record["id"]
        redraw("centre")
    _write(now, seen, {"status": end.slug}, end.name)


def _ask_before_closing(now: Here, seen: Head, end: Status) -> None:
    def forget() -> None:
        st.session_state.pop(_CLOSING, None)

    @st.dialog(f"Close the {seen.module.one.lower()}", on_dismiss=forget)
    def draw() -> None:
        context = field_context(now)
        values = {
            field.slug: edit_field(
                field, None, key=f"closing:{seen.record['id']}:{field.slug}", context=context
            )
            for field in missing_to_close(now, seen, end)
        }
        if st.button("Close it", type="primary", key="closing:go", width="stretch"):
            given = {name: value for name, value in values.items() if not is_missing(value)}
            if record_fields.change(now, seen, {"status": end.slug, **given}, done=end.name):
                forget()
                st.rerun()

    draw()


def _write(now: Here, seen: Head, values: dict[str, Any], done: str) -> None:
    record_fields.change(now, seen, values, done=done)
    redraw("left", "centre", "right")


def _convert(now: Here, seen: Head, made: Module) -> None:
    feedback.run(
        lambda: convert(
            now.lake, now.catalog, module=seen.module.slug, record_id=seen.record["id"], to=made.slug,
            actor=now.actor, door="browser",
        ),
        done=f"{made.one} made",
    )  # fmt: skip
    st.session_state[f"more:{seen.record['id']}"] = False
    redraw("left", "centre", "right")
