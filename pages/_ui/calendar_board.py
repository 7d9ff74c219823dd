"""A calendar, as it stands in a profile and on the page Calendar: what is in it, and what one does there.

    draw(Board(here, key="calendar:…", within=state.within, locked=False, about=("customers", record_id)))

Appointments are booked where one drags over an empty span, everything is moved by dragging it, and both by a form too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import streamlit as st

from crm_core import calendars, records
from crm_core.errors import CrmError, VersionConflict
from crm_core.overlapping import read_overlaps
from crm_core.query import read_record
from pages._ui import calendar_forms, calendar_words, feedback, html
from pages._ui.calendar import MONTH, Ears, Look, Moved, View, calendar
from pages._ui.session import Here

_VIEW = "calendar:view"
"""How this person looks at calendars: the same in every one."""
FIRST_HOUR, LAST_HOUR = 9, 17
"""When a working day begins, and its last full hour that is offered."""
DAY, DRAGS, WARNED = "calendar_day", "calendar_drags", "calendar_warned"


@dataclass(frozen=True)
class Board:
    """A calendar: whose, of which record or which people, and what it may remember (`within`).

    `given` is what a new appointment belongs to, `then` the day of the past that is looked at.
    """

    here: Here
    key: str
    within: dict[str, Any]
    locked: bool
    at: int | None = None
    then: date | None = None
    about: tuple[str, str] | None = None
    people: tuple[str, ...] | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def books(self) -> bool:
        """Whether appointments can be made here."""
        return not self.locked and calendar_forms.BOOKED_IN in self.here.catalog.modules

    @property
    def today(self) -> date:
        """The day it is for who looks, or that he looks at."""
        return self.then or calendars.wall(datetime.now(UTC), self.here.zone).date()


def draw(board: Board) -> None:
    """Draw the button to book, what is double booked, the calendar, and the form that is open."""
    now = board.here
    day = board.within.get(DAY) or board.today
    starts, ends = calendars.month_span(day, now.zone)
    entries = calendars.read_entries(
        now.lake, now.catalog, actor=now.actor, starts=starts, ends=ends, about=board.about,
        people=board.people, at=board.at, most=calendars.MOST + 1,
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="calendar_bar"):
        if board.books:
            label = f"New {now.catalog.module(calendar_forms.BOOKED_IN).one.lower()}"
            st.button(
                label, icon=":material/event:", key=f"{board.key}:new",
                on_click=_book, args=(board, *_next_hour(now.zone)),
            )  # fmt: skip
        st.html(calendar_words.legend(now), width="content")
        if not entries:
            st.html(calendar_words.nothing_in(day, books=board.books), width="content")
    _draw_warning(board)
    if len(entries) > calendars.MOST:
        st.html(
            html.note(f"Only the first {calendars.MOST:,} are shown. Choose fewer people.", color="orange")
        )
    calendar(
        calendar_words.events(now, entries[: calendars.MOST]),
        key=f"{board.key}:grid",
        look=Look(now.zone, day, st.session_state.get(_VIEW, MONTH), now.catalog.workspace.first_weekday),
        editable=board.books,
        drags=board.within.get(DRAGS, 0),
        ears=Ears(
            partial(_created, board), partial(move, board), partial(_opened, board), partial(_shown, board)
        ),
    )
    calendar_forms.draw(
        now, board.within, locked=board.locked, at=board.at, given=board.given, on_saved=partial(warn, board)
    )


def move(board: Board, moved: Moved) -> None:
    """Put a record to another time; what is refused goes back to where it stood, and says why."""
    board.within[DRAGS] = board.within.get(DRAGS, 0) + 1
    module, _, record_id = moved.id.partition(":")
    now, source = board.here, calendars.source_of(board.here.catalog, module)
    if board.locked or source is None:
        return

    def write() -> object:
        record = read_record(now.lake, now.catalog, module=module, record_id=record_id, actor=now.actor)
        values = calendars.moved(source, record, starts=moved.starts, ends=moved.ends, zone=now.zone)
        return records.update(
            now.lake, module=module, record_id=record_id, values=values, actor=now.actor, door="browser",
            base_version=moved.version,
        )  # fmt: skip

    def conflict(_: VersionConflict) -> None:
        title = "Somebody else moved this in the meantime. It stands where they put it."
        feedback.show(feedback.Message(title), at="toast")

    if feedback.run(write, done="Moved", on_conflict=conflict) is not None:
        warn(board, module, record_id)


def warn(board: Board, module: str, record_id: str) -> None:
    """Remember what else takes the time of a record, to be said above the calendar."""
    now = board.here
    try:
        record = read_record(now.lake, now.catalog, module=module, record_id=record_id, actor=now.actor)
        found = read_overlaps(now.lake, now.catalog, module=module, record=record, actor=now.actor)
    except CrmError:
        found = ()  # it is gone, or nobody sees it any more: nothing to warn of
    board.within[WARNED] = tuple(found)


def _draw_warning(board: Board) -> None:
    found = board.within.get(WARNED)
    if not found:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="calendar_warned"):
        st.html(calendar_words.told_overlaps(board.here, found))
        st.button(
            "Keep both",
            type="tertiary",
            key=f"{board.key}:warned",
            on_click=board.within.pop,
            args=(WARNED, None),
        )


def _book(board: Board, starts: datetime, ends: datetime) -> None:
    if board.books:
        board.within.pop(WARNED, None)
        calendar_forms.ask_new(board.within, starts, ends)


def _created(board: Board, starts: datetime, ends: datetime, whole: bool) -> None:
    """Book the span that was chosen; of one day of a month, its morning."""
    month = st.session_state.get(_VIEW, MONTH) == MONTH
    if whole and month and ends - starts <= timedelta(days=1):
        starts = starts.replace(hour=FIRST_HOUR, minute=0)
        ends = starts + timedelta(hours=1)
    zone = board.here.zone
    _book(board, calendars.instant(starts, zone), calendars.instant(ends, zone))


def _opened(board: Board, event: str) -> None:
    module, _, record_id = event.partition(":")
    board.within.pop(WARNED, None)
    calendar_forms.ask_change(board.within, module, record_id)


def _shown(board: Board, view: View, day: date) -> None:
    st.session_state[_VIEW] = view
    board.within[DAY] = day


def _next_hour(zone: str) -> tuple[datetime, datetime]:
    """The next full hour of a working day, or the next morning."""
    begins = calendars.wall(datetime.now(UTC), zone).replace(minute=0, second=0, microsecond=0) + timedelta(
        hours=1
    )
    if begins.hour > LAST_HOUR:
        begins += timedelta(days=1)
    if not FIRST_HOUR <= begins.hour <= LAST_HOUR:
        begins = begins.replace(hour=FIRST_HOUR)
    starts = calendars.instant(begins, zone)
    return starts, starts + timedelta(hours=1)
