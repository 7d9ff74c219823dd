"""A calendar in the page: month, week, day or list, in which one drags to book and to move.

    calendar(events, key="…", look=Look(zone, today, MONTH, 0), editable=True, drags=0, ears=Ears(…))

It knows wall clocks of one zone only. What comes from the browser is checked here: ids that were not shown, and times
that are none, are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast

import streamlit as st

from pages._ui.components import heard, parse, source, version

LIBRARY = "/api/vendor/fullcalendar-6.1.20.js"
View = Literal["dayGridMonth", "timeGridWeek", "timeGridDay", "listMonth"]
MONTH: View = "dayGridMonth"
_VIEWS = {"dayGridMonth": "Month", "timeGridWeek": "Week", "timeGridDay": "Day", "listMonth": "List"}
_BUTTONS = "".join(
    f'<button data-view="{view}" aria-pressed="false">{label}</button>' for view, label in _VIEWS.items()
)
_CALENDAR = st.components.v2.component(
    "merganser_calendar",
    html='<div class="calendar"><div class="bar"><button data-go="today">Today</button>'
    '<button data-go="prev" aria-label="Earlier">‹</button><button data-go="next" aria-label="Later">›</button>'
    f'<h3 aria-live="polite"></h3><div class="views" role="group">{_BUTTONS}</div></div>'
    '<div class="grid"></div></div>',
    css=source("calendar.css"),
    js=source("shared.js", "calendar.js"),
)


@dataclass(frozen=True)
class Event:
    """One event: times are what the clocks show; `told` is read aloud, `classes` say colour and state."""

    id: str
    title: str
    starts: datetime
    ends: datetime | None
    all_day: bool
    version: int
    told: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Moved:
    """An event that was dragged: to when, by the version that was shown."""

    id: str
    version: int
    starts: datetime
    ends: datetime | None


@dataclass(frozen=True)
class Look:
    """How a calendar looks at first: a phone begins with the list.

    `zone` is the zone whose clocks are meant (IANA), `first_weekday` the day with which weeks begin (0: Monday).
    """

    zone: str
    day: date
    view: View
    first_weekday: int


@dataclass(frozen=True)
class Ears:
    """What is called when a span is chosen (of whole days or not), an event dragged or chosen, another month shown."""

    create: Callable[[datetime, datetime, bool], None]
    move: Callable[[Moved], None]
    open: Callable[[str], None]
    show: Callable[[View, date], None]


def calendar(
    events: Sequence[Event], *, key: str, look: Look, editable: bool, drags: int, ears: Ears
) -> None:
    """Draw the calendar.

    Args:
        events: What takes place in the month of the day that is shown, and in the weeks at its edges.
        key: The key of the component.
        look: How it looks at first.
        editable: Whether spans can be chosen and events dragged.
        drags: How often something was dragged: the events are put where they stand after each time.
        ears: What is called.
    """
    offered = frozenset(event.id for event in events)

    def given(name: str) -> Any:
        return parse(heard(key, name))

    def created() -> None:
        match given("created"):
            case {"start": start, "end": end, "allDay": bool(whole)}:
                starts, ends = clock(start), clock(end)
                if starts is not None and ends is not None:
                    ears.create(starts, ends, whole)

    def moved() -> None:
        match given("moved"):
            case {"id": str(one), "version": int(seen), "start": start, "end": end} if one in offered:
                if (starts := clock(start)) is not None:
                    ears.move(Moved(one, seen, starts, clock(end)))

    def opened() -> None:
        match given("opened"):
            case str(one) if one in offered:
                ears.open(one)

    def shown() -> None:
        match given("shown"):
            case {"view": str(chosen), "day": str(text)} if chosen in _VIEWS:
                if (looked := clock(text)) is not None:
                    ears.show(cast(View, chosen), looked.date())

    _CALENDAR(
        data=_data(events, look, editable, drags), key=key, on_created_change=created, on_moved_change=moved,
        on_opened_change=opened, on_shown_change=shown,
    )  # fmt: skip


def _data(events: Sequence[Event], look: Look, editable: bool, drags: int) -> dict[str, Any]:
    drawn = [_drawn(event, editable) for event in events]
    return {
        "library": LIBRARY,
        "zone": look.zone,
        "day": look.day.isoformat(),
        "view": look.view,
        "editable": editable,
        "firstDay": (look.first_weekday + 1) % 7,
        "events": drawn,
        "version": f"{drags} {version(drawn, editable)}",
    }


def clock(text: Any) -> datetime | None:
    """What a browser sent as a time on the clocks, or None when it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=None) if found is not None and 1900 <= found.year <= 2200 else None


def _drawn(event: Event, editable: bool) -> dict[str, Any]:
    whole = event.all_day
    return {
        "id": event.id,
        "title": event.title,
        "start": event.starts.date().isoformat() if whole else event.starts.isoformat(),
        "end": None
        if event.ends is None
        else event.ends.date().isoformat()
        if whole
        else event.ends.isoformat(),
        "allDay": whole,
        "editable": editable,
        "durationEditable": editable and (not whole or event.ends is not None),
        "classNames": list(event.classes),
        "extendedProps": {"version": event.version, "told": event.told},
    }
