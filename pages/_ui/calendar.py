"""A calendar in the page: month, week, day or list, in which one drags to book and to move.

    calendar(events, key=…, zone=here.zone, day=today, editable=True, on_create=…, on_move=…, on_open=…, on_show=…)

It knows wall clocks of one zone only. What comes from the browser is checked here: ids that were not shown, and times
that are none, are dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, cast, get_args

import streamlit as st

from pages._ui.components import version

HERE = Path(__file__).parent
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
    css=(HERE / "calendar.css").read_text(encoding="utf-8"),
    js=(HERE / "calendar.js").read_text(encoding="utf-8"),
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


def calendar(
    events: Sequence[Event],
    *,
    key: str,
    zone: str,
    day: date,
    view: View,
    first_weekday: int,
    editable: bool,
    heard: int,
    on_create: Callable[[datetime, datetime, bool], None],
    on_move: Callable[[Moved], None],
    on_open: Callable[[str], None],
    on_show: Callable[[View, date], None],
) -> None:
    """Draw the calendar.

    Args:
        events: What takes place in the month of `day`, and in the weeks at its edges.
        key: The key of the component.
        zone: The zone whose clocks are meant (IANA).
        day: The day that is shown at first.
        view: How it is shown at first; a phone begins with the list.
        first_weekday: With which day weeks begin, 0 for Monday.
        editable: Whether spans can be chosen and events dragged.
        heard: How often something was dragged: the events are put where they stand after each time.
        on_create: Called with the span that was chosen, and whether it is of whole days.
        on_move: Called when an event was dragged or made longer.
        on_open: Called with the id of the event that was chosen.
        on_show: Called when another view, or another day, is looked at.
    """
    offered = frozenset(event.id for event in events)

    def given(name: str) -> Any:
        return _parsed(st.session_state[key].get(name))

    def created() -> None:
        match given("created"):
            case {"start": start, "end": end, "allDay": bool(whole)} if clock(start) and clock(end):
                on_create(cast(datetime, clock(start)), cast(datetime, clock(end)), whole)

    def moved() -> None:
        match given("moved"):
            case {"id": str(one), "version": int(seen), "start": start, "end": end} if one in offered:
                if (starts := clock(start)) is not None:
                    on_move(Moved(one, seen, starts, clock(end)))

    def opened() -> None:
        if (one := given("opened")) in offered:
            on_open(one)

    def shown() -> None:
        match given("shown"):
            case {"view": chosen, "day": str(looked)} if chosen in get_args(View) and clock(looked):
                on_show(chosen, cast(datetime, clock(looked)).date())

    drawn = [_drawn(event, editable) for event in events]
    data = {
        "library": LIBRARY, "zone": zone, "day": day.isoformat(), "view": view, "editable": editable,
        "firstDay": (first_weekday + 1) % 7, "events": drawn,
        "version": f"{heard} {version(drawn, editable)}",
    }  # fmt: skip
    _CALENDAR(
        data=data, key=key, on_created_change=created, on_moved_change=moved, on_opened_change=opened,
        on_shown_change=shown,
    )  # fmt: skip


def clock(text: Any) -> datetime | None:
    """What a browser sent as a time on the clocks, or None when it is none."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=None) if found is not None and 1900 <= found.year <= 2200 else None


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) and len(text) < 1000 else None
    except ValueError:
        return None


def _drawn(event: Event, editable: bool) -> dict[str, Any]:
    whole = event.all_day
    return {
        "id": event.id,
        "title": event.title,
        "start": event.starts.date().isoformat() if whole else event.starts.isoformat(),
        "end": None if whole or event.ends is None else event.ends.isoformat(),
        "allDay": whole,
        "editable": editable,
        "durationEditable": editable and not whole,
        "classNames": list(event.classes),
        "extendedProps": {"version": event.version, "told": event.told},
    }
