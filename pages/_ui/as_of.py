"""Time travel: a profile as it was at the end of a day, told above it, with nothing that can be changed.

view = view_of(now, slug, state)        # the definitions and the snapshot to read, or why there are none
banner(slug, state, view)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core.past import Past, read_past
from pages._ui import html, words
from pages._ui.layout import redraw
from pages._ui.nothing import Action, nothing
from pages._ui.session import Here
from pages._ui.state import set_url
from pages._ui.workspace_state import WorkspaceState

AS_OF = "as_of"
EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class View:
    """What is looked at: by which definitions, as of which snapshot (None for now), or why there is nothing."""

    here: Here
    at: int | None = None
    missing: str = ""


def follow_url(now: Here, state: WorkspaceState) -> None:
    """Look at the day that the address names, and at now when it names none that is over."""
    given = st.query_params.get(AS_OF)
    chosen = words.to_date(given) if given else None
    if chosen != state.as_of:
        _look_at(now, state, chosen)


def in_url(state: WorkspaceState) -> dict[str, str]:
    """What the address of another record gets, so that it is looked at as of the same day."""
    return {AS_OF: state.as_of.isoformat()} if state.as_of else {}


def view_of(now: Here, slug: str, state: WorkspaceState) -> View:
    """The view of the chosen day; what was found of it is kept until something is written."""
    if state.as_of is None:
        return View(now)
    key = (state.as_of, now.lake.known_snapshot())
    if state.past is None or state.past[0] != key:
        state.past = (key, read_past(now.lake, end_of(state.as_of, now.zone)))
    past: Past = state.past[1]
    day = words.day(state.as_of)
    if past.kept_since is not None:
        since = words.moment(past.kept_since, zone=now.zone)
        return View(now, missing=f"What stood here on {day} is no longer kept. One can look back to {since}.")
    if past.empty or slug not in past.catalog.modules:
        return View(now, missing=f"There were no {now.catalog.module(slug).name.lower()} yet on {day}.")
    return View(replace(now, catalog=past.catalog), past.snapshot)


def control(now: Here, slug: str, state: WorkspaceState) -> None:
    """The choice of a day, in the heading."""
    key = f"as_of:{slug}:{state.as_of}"
    # The words are for those who do not see the icon; others have them as its help.
    with st.container(width="content", key="as_of_control"):
        opened = st.popover(
            "As of a day", icon=":material/history:", type="tertiary", help="As of a day", on_change="rerun",
            key=f"open:{key}",
        )  # fmt: skip
    if opened.open:
        with opened:
            st.date_input(
                "As it was at the end of", value=state.as_of, min_value=EARLIEST, max_value=_today(now),
                format="YYYY-MM-DD", key=key, on_change=_chosen, args=(now, state, key),
            )  # fmt: skip


def banner(now: Here, state: WorkspaceState, view: View, *, found: bool) -> None:
    """Says that this is the past, or why there is none, and offers the way back; nothing while one looks at now."""
    if state.as_of is None:
        return
    day = words.day(state.as_of)
    if not found:
        text = view.missing or f"This was not there yet on {day}, or not for you to see."
        back = Action("Back to today", "today", _back, (now, state))
        nothing("Nothing to show of that day", text, icon_name="history", actions=[back], key="nothing:then")
        return
    text = f"As it was at the end of {day}. Nothing can be changed here."
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="as_of_banner"):
        st.html(html.note(text, color="orange"))
        st.button("Back to today", icon=":material/today:", type="tertiary", key="as_of:back",
                  on_click=_back, args=(now, state))  # fmt: skip


def _chosen(now: Here, state: WorkspaceState, key: str) -> None:
    _look_at(now, state, st.session_state.get(key))
    redraw("centre", "right")


def _back(now: Here, state: WorkspaceState) -> None:
    _look_at(now, state, None)
    redraw("centre", "right")


def _look_at(now: Here, state: WorkspaceState, day: date | None) -> None:
    """Another day; one that is not over yet, or before any, is now."""
    state.as_of = day if day is not None and EARLIEST <= day < _today(now) else None
    state.editing.clear()
    state.within.clear()
    state.head = ""
    set_url(**{AS_OF: state.as_of.isoformat() if state.as_of else None})


def _today(now: Here) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(now.zone)).date()


def end_of(day: date, zone: str) -> datetime:
    """The last instant of a day in a zone."""
    begins = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    return begins.astimezone(UTC) - timedelta(microseconds=1)
