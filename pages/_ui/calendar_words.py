"""What calendars say: entries as events, when something takes place, which colour means what, what is double booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from crm_core import calendars
from crm_core.calendars import Entry
from crm_core.overlapping import Overlap
from pages._ui import html, words
from pages._ui.calendar import Event
from pages._ui.record_words import status_name
from pages._ui.session import Here
from pages._ui.span import whole_days
from pages._ui.surroundings import field_context


def events(now: Here, entries: Sequence[Entry]) -> list[Event]:
    """Entries as a calendar shows them to a person, by the clocks of his zone."""
    people = field_context(now).users
    return [_event(now, one, people) for one in entries]


def when(starts: datetime, ends: datetime | None, *, zone: str) -> str:
    """From when to when: `12 Feb 2027, 14:05 – 15:00`."""
    begins = words.moment(starts, zone=zone)
    if ends is None:
        return begins
    last = calendars.wall(ends, zone)
    same = last.date() == calendars.wall(starts, zone).date()
    return f"{begins} – {last:%H:%M}" if same else f"{begins} – {words.moment(ends, zone=zone)}"


def told_overlaps(
    now: Here, found: Sequence[Overlap], *, head: str = "Double booked. At the same time there is already:"
) -> html.Html:
    """What else takes the same time, as a warning."""
    lines = [f"{one.title}: {when(one.starts, one.ends, zone=now.zone)}" for one in found]
    return html.note(head, color="orange", lines=lines)


def legend(now: Here) -> html.Html:
    """Which colour stands for what, and whose clocks are meant."""
    badges = [
        html.badge(now.catalog.module(one.module).name, color=_color(now, one.module), dot=True)
        for one in calendars.sources(now.catalog)
    ]
    zone = html.Html('<span class="m-sub" title="Times are those of this zone">{}</span>').format(now.zone)
    return html.chips([*badges, zone])


def nothing_in(day: date, *, books: bool) -> html.Html:
    """That nothing stands in the month of a day, and how something would."""
    how = " Drag over an empty span to book it." if books else ""
    return html.Html('<span class="m-sub m-month-empty">Nothing in {}.{}</span>').format(f"{day:%B %Y}", how)


def _event(now: Here, one: Entry, people: Mapping[str, str]) -> Event:
    module = now.catalog.module(one.module)
    begins = calendars.wall(one.starts, now.zone)
    whole = whole_days(one.starts, one.ends, zone=now.zone)
    told = [
        module.one,
        one.title,
        words.day(begins)
        if one.all_day
        else _days(one, now.zone)
        if whole
        else when(one.starts, one.ends, zone=now.zone),
        one.place,
        status_name(module, one.folder, one.status),
        people.get(one.owner, ""),
        "double booked" if one.clashes else "",
    ]
    states = {"ended": one.ended, "clash": one.clashes}
    return Event(
        id=f"{one.module}:{one.id}",
        title=one.title or module.one,
        starts=begins,
        ends=calendars.wall(one.ends, now.zone) if one.ends is not None else None,
        all_day=one.all_day or whole,
        version=one.version,
        told=", ".join(part for part in told if part),
        classes=(f"c-{_color(now, one.module)}", *(state for state, holds in states.items() if holds)),
    )


def _days(one: Entry, zone: str) -> str:
    """The whole days from the first to the last; that which ends at midnight ends the day before."""
    assert one.ends is not None
    first, last = (calendars.wall(moment, zone) for moment in (one.starts, one.ends - timedelta(seconds=1)))
    return words.day(first) if first.date() == last.date() else f"{words.day(first)} – {words.day(last)}"


def _color(now: Here, module: str) -> str:
    timeline = now.catalog.module(module).timeline
    return html.color_class(timeline.color if timeline else "blue").removeprefix("m-")
