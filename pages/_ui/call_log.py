"""A call that is being had: its timer, how it went, what was said, and what comes next; kept in one commit.

    begin(record_id, number)                 # in a callback, when somebody calls
    draw(here, seen)                         # above the record, whichever section is open, until it is kept

The call stays open while one looks at other sections or records; it belongs to the session of whoever had it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Literal
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core.calls import MESSAGES, OUTCOMES, TASKS, Call, log_call
from crm_core.consents import addresses_of
from crm_core.profile import Head
from pages._ui import feedback, html, words
from pages._ui.components import heard, source
from pages._ui.layout import redraw
from pages._ui.session import Here

_KEY = "call:"
LONGEST = 86_400
"""Seconds that a call takes at most; a timer that was forgotten says no more than that."""
_CSS = """
div { display: flex; align-items: center; gap: 10px; font: 600 15px/1 Inter, sans-serif; }
time { font-variant-numeric: tabular-nums; }
button { font: 500 12px/1 Inter, sans-serif; padding: 6px 10px; border-radius: 7px; cursor: pointer; color: inherit;
  border: 1px solid color-mix(in srgb, currentColor 25%, transparent); background: transparent; }
button:hover { background: color-mix(in srgb, currentColor 8%, transparent); }
button[hidden] { display: none; }
"""
_TIMER = st.components.v2.component(
    "merganser_call_timer",
    html='<div><time role="timer" aria-label="Length of the call"></time><button>End the call</button></div>',
    css=_CSS,
    js=source("call_log.js"),
)


@dataclass
class Calling:
    """A call that is not kept yet: the number, when it began, and how long it took once it is over."""

    number: str
    began: datetime
    seconds: int | None = None


def begin(record: str, number: str, *, now: datetime | None = None) -> None:
    """Begin a call at a record; one that is going on there already goes on."""
    st.session_state.setdefault(_KEY + record, Calling(number, now or datetime.now(UTC)))


def begin_with(seen: Head) -> None:
    """Begin a call with whom a record is about, by the first number that it has."""
    known = addresses_of(seen.module, seen.record)
    begin(str(seen.record["id"]), next((number for number, kind in known.items() if kind == "phone"), ""))


def begun(record: str) -> Calling | None:
    """The call that is going on, or waits to be kept, at a record."""
    found = st.session_state.get(_KEY + record)
    return found if isinstance(found, Calling) else None


def can_log(here: Here) -> bool:
    """Whether the workspace keeps calls, and this person may write."""
    return MESSAGES in here.catalog.modules and here.actor.role != "viewer"


def draw(here: Here, seen: Head) -> None:
    """The call at this record, where there is one."""
    record = str(seen.record["id"])
    call = begun(record)
    if call is None:
        return
    key = f"{_KEY}{record}:{call.began.timestamp()}"
    with st.container(border=True, key="call_log"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            told = f"Call · {words.phone(call.number)}" if call.number else "Call"
            st.html(html.title(told, small=True), width="content")
            _TIMER(
                data={"began": call.began.timestamp() * 1000, "seconds": call.seconds}, key=f"{key}:timer",
                on_seconds_change=lambda: _ended(call, heard(f"{key}:timer", "seconds")),
                width="content",
            )  # fmt: skip
        with st.form(f"{key}:form", border=False):
            _ask(here, key)
            with st.container(horizontal=True, gap="small"):
                st.form_submit_button(
                    "Keep", type="primary", key=f"{key}:keep", on_click=_keep, args=(here, seen, call, key)
                )
                st.form_submit_button(
                    "Throw away", type="tertiary", key=f"{key}:drop", on_click=_drop, args=(record,)
                )


def _ask(here: Here, key: str) -> None:
    with st.container(horizontal=True, gap="small"):
        st.selectbox("Outcome", list(OUTCOMES), format_func=OUTCOMES.__getitem__, key=f"{key}:outcome")
        st.selectbox(
            "Direction", ("out", "in"), key=f"{key}:direction", width=150,
            format_func={"out": "We called", "in": "They called"}.__getitem__,
        )  # fmt: skip
        st.number_input("Minutes", min_value=0, max_value=1440, value=None, step=1, key=f"{key}:minutes",
                        placeholder="As timed", width=130)  # fmt: skip
    st.text_area("Notes", key=f"{key}:notes", height=90, placeholder="What was said")
    if TASKS in here.catalog.modules:
        with st.container(horizontal=True, gap="small"):
            st.text_input("Next step", key=f"{key}:next", placeholder="Makes a task, such as: Send the quote")
            st.date_input("Due", value=None, key=f"{key}:due", width=150, format="YYYY-MM-DD")


def _ended(call: Calling, seconds: Any) -> None:
    if isinstance(seconds, int | float) and 0 <= seconds <= LONGEST:
        call.seconds = int(seconds)


def _keep(here: Here, seen: Head, call: Calling, key: str) -> None:
    record = str(seen.record["id"])
    kept = feedback.run(
        lambda: log_call(here.lake, _call(here, seen, call, key), actor=here.actor, door="browser"),
        done="Call kept",
    )
    if kept is not None:
        st.session_state.pop(_KEY + record, None)
    redraw("left", "centre", "right")


def _call(here: Here, seen: Head, call: Calling, key: str) -> Call:
    given = {
        name: st.session_state.get(f"{key}:{name}")
        for name in ("outcome", "direction", "minutes", "notes", "next", "due")
    }
    if given["minutes"] is not None:
        seconds = int(given["minutes"]) * 60
    else:
        seconds = (
            call.seconds
            if call.seconds is not None
            else int((datetime.now(UTC) - call.began).total_seconds())
        )
    direction: Literal["in", "out"] = "in" if given["direction"] == "in" else "out"
    task: dict[str, Any] | None = None
    if str(given["next"] or "").strip():
        task = {"title": str(given["next"]).strip()}
        if given["due"] is not None:
            # Due at the end of the working day where the person is.
            task["due"] = datetime.combine(given["due"], time(17), ZoneInfo(here.zone)).astimezone(UTC)
    return Call(
        (seen.module.slug, str(seen.record["id"])), number=call.number, outcome=given["outcome"] or "reached",
        direction=direction, seconds=min(seconds, LONGEST), notes=given["notes"] or "",
        task=task,
    )  # fmt: skip


def _drop(record: str) -> None:
    st.session_state.pop(_KEY + record, None)
    redraw("centre")
