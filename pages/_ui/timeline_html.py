"""A page of a timeline as HTML: its days, its entries with the time of day, and where one looked last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby, takewhile
from zoneinfo import ZoneInfo

from crm_core.model import Module
from crm_core.timeline import CHANGES, Entry
from pages._ui import html, words
from pages._ui.changes import tell_changes
from pages._ui.record_words import status_badge
from pages._ui.session import Here


@dataclass(frozen=True)
class Look:
    """How a timeline is looked at: on which day, what was new then, and whether one may pin."""

    today: date
    looked: datetime | None = None
    """When the reader looked last, where something is newer than that."""
    pins: bool = False


def page(
    here: Here, module: Module, entries: Sequence[Entry], look: Look, *, before: Entry | None
) -> html.Html:
    """The entries of one page under their days.

    Args:
        here: where, for whom.
        module: the module of the record whose timeline it is.
        entries: newest first.
        look: how it is looked at.
        before: the last entry of the page before: its day is not told again.
    """
    told = tell_changes(here, module, entries)
    last = day_of(here, before) if before else None
    passed = before is not None and _is_seen(before, look)
    parts: list[html.Html] = []
    for day, of_day in groupby(entries, lambda entry: day_of(here, entry)):
        rest = list(of_day)
        unseen = [] if passed else list(takewhile(lambda entry: not _is_seen(entry, look), rest))
        heading = html.Html('<h3 class="m-day">{}</h3>').format(words.day_heading(day, look.today))
        parts += [heading] if day != last and (unseen or passed) else []
        parts += [html.timeline([_event(here, entry, told, look) for entry in unseen])] if unseen else []
        seen = rest[len(unseen) :]
        if seen:
            # One looked last within this day, or before it began.
            parts += [] if passed else [_line(here, look)]
            parts += [heading] if day != last and not (unseen or passed) else []
            parts.append(html.timeline([_event(here, entry, told, look) for entry in seen]))
            passed = True
        last = day
    return html.Html('<div class="m-feed">{}</div>').format(html.join(parts))


def pinned(here: Here, module: Module, entries: Sequence[Entry], look: Look) -> html.Html:
    """What stands on top, each with its day."""
    told = tell_changes(here, module, entries)
    events = [_event(here, entry, told, look, day=True) for entry in entries]
    return html.timeline_card("Pinned", events, count=words.number(len(events)))


def day_of(here: Here, entry: Entry) -> date:
    """The day on which an entry stands, where its reader is."""
    zone = here.catalog.workspace.time_zone if _has_no_time(here, entry) else here.zone
    return entry.occurred_at.astimezone(ZoneInfo(zone)).date()


def newest_passed(entries: Sequence[Entry], now: datetime | None = None) -> datetime | None:
    """The instant of the newest entry that does not lie ahead."""
    instant = now or datetime.now(UTC)
    return next((entry.occurred_at for entry in entries if entry.occurred_at <= instant), None)


def _is_seen(entry: Entry, look: Look) -> bool:
    return look.looked is not None and entry.occurred_at <= look.looked


def _line(here: Here, look: Look) -> html.Html:
    when = words.moment(look.looked, zone=here.zone)
    return html.Html(
        '<div class="m-since" role="separator"><span>New since you looked, {}</span></div>'
    ).format(when)


def _has_no_time(here: Here, entry: Entry) -> bool:
    """Whether the date that an entry stands at is a day without a time."""
    if entry.kind == CHANGES:
        return False
    module = here.catalog.module(entry.kind)
    field = module.field(module.timeline.date) if module.timeline else None
    return field is not None and field.kind == "date"


def _event(
    here: Here, entry: Entry, told: dict[str, tuple[str, html.Html]], look: Look, *, day: bool = False
) -> html.Event:
    when = "" if _has_no_time(here, entry) else words.clock(entry.occurred_at, zone=here.zone)
    if day:
        when = words.day_heading(day_of(here, entry), look.today)
    if entry.kind == CHANGES:
        title, lines = told[entry.id]
        return html.Event("edit", "gray", title, when, lines)
    module = here.catalog.module(entry.kind)
    shown = module.timeline
    name = html.link(entry.title or module.one, click=html.click("open", entry.kind, entry.id))
    marks = [status_badge(module, None, entry.status), _pin(entry, look)]
    return html.Event(
        shown.icon if shown else "circle", shown.color if shown else "gray",
        html.join([name, " ", *marks]), when, entry.text,
    )  # fmt: skip


def _pin(entry: Entry, look: Look) -> html.Html:
    if not look.pins:
        return html.icon("push_pin") if entry.pinned else html.Html("")
    label, verb = ("Unpin", "unpin") if entry.pinned else ("Pin", "pin")
    return html.Html(
        '<a class="m-pin{}" role="button" tabindex="0" data-click="{}" title="{}" aria-label="{}">{}</a>'
    ).format(
        " on" if entry.pinned else "", html.click(verb, entry.kind, entry.id), label,
        f"{label} {entry.title}".strip(), html.icon("push_pin"),
    )  # fmt: skip
