"""What sets flows off, in words: events as sentences, and cron lines as people say them. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crm_core.model import Catalog
from flows import model
from flows.triggers import Trigger
from pages._ui.flow_paths import links_of
from pages._ui.flow_step_words import moment_words
from pages._ui.flows_told import a

if TYPE_CHECKING:
    from pages._ui.flows_words import FlowWords

EVENTS = {
    "created": "is created", "updated": "changes", "saved": "is created or changes",
    "deleted": "is deleted", "restored": "is restored",
    "linked": "is linked", "unlinked": "loses a link", "schedule": "is there at a set time",
    "date": "reaches a date", "webhook": "comes from another system", "manual": "is chosen by hand",
}  # fmt: skip
"""Event of a trigger → what happens to the record."""
SENTENCES = {
    "created": "{one} is created",
    "updated": "{one} changes",
    "saved": "{one} is created or changes",
    "deleted": "{one} is deleted",
    "restored": "{one} is restored",
    "linked": "{one} is linked",
    "unlinked": "a link of {one} is removed",
    "schedule": "it is time, for each of these records",
    "date": "a date of {one} comes",
    "webhook": "another system calls",
    "manual": "somebody runs it by hand",
}
"""Event → what happens; `{one}` is a record with its article."""
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SHORT = {day[:3].upper(): at for at, day in enumerate(_DAYS)}
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def event_names(catalog: Catalog, module: str) -> dict[str, str]:
    """Event → what people read, for everything that can set off a flow of a module: its own events first."""
    one = a(catalog.module(module).one.lower())
    found: dict[str, str] = {
        str(event): SENTENCES[event].format(one=one) for event in model.EVENTS if event in SENTENCES
    }
    named = {event.slug: event.title for event in catalog.events.values() if event.module == module}
    return {event: _capital(text) for event, text in {**found, **named}.items()}


def started_trigger(catalog: Catalog, module: str, event: str) -> dict[str, Any]:
    """A trigger of an event as plain data, with what it cannot do without."""
    one = catalog.module(module)
    match event:
        case "schedule":
            return {"event": event, "cron": "0 9 * * MON-FRI"}
        case "date":
            days = [field.slug for field in one.fields if field.kind in ("date", "datetime")]
            return {"event": event, "field": days[0] if days else "created_at"}
        case "linked" | "unlinked":
            return {"event": event, "link": next(iter(links_of(catalog, module)), "")}
        case "webhook":
            known = [
                field.slug for field in one.fields if field.kind != "auto_number" and not field.read_only
            ]
            first = one.title if one.title in known else next(iter(known), "tags")
            return {"event": event, "map": {first: first}}
    return {"event": event}


def trigger_words(told: FlowWords, trigger: Trigger, one: str) -> str:
    """What sets a flow off, as a clause about one record (with its article)."""
    match trigger.event:
        case "updated" | "saved" if trigger.fields:
            return _changed(told, trigger, one)
        case "linked" | "unlinked":
            label = links_of(told.catalog, told.flow.module).get(trigger.link, trigger.link)
            return (
                f"{one} is linked by {label}"
                if trigger.event == "linked"
                else f"{one} loses its link {label}"
            )
        case "schedule":
            zone = f" ({trigger.time_zone})" if trigger.time_zone else ""
            return f"it is time, {cron_words(trigger.cron)}{zone}, for {one}"
        case "date":
            every = ", every year" if trigger.yearly else ""
            return (
                f"it is {moment_words(trigger.offset, told.label(trigger.field), trigger.at)} of {one}{every}"
            )
        case "webhook":
            return f"another system sends {one}"
        case "manual":
            return f"{one} is chosen by hand"
    if trigger.named:
        event = told.catalog.events.get(trigger.named)
        return f"“{event.title if event else trigger.named}” happens to {one}"
    return f"{one} {EVENTS[trigger.event]}"


def _changed(told: FlowWords, trigger: Trigger, one: str) -> str:
    labels = [told.label(slug) for slug in trigger.fields]
    named = ", ".join(labels[:-1]) + " or " + labels[-1] if len(labels) > 1 else labels[0]
    slug, module = trigger.fields[0], told.flow.module
    was = f" from {told.value(module, slug, trigger.was)}" if trigger.asks_was else ""
    to = f" to {told.value(module, slug, trigger.is_)}" if trigger.asks_is else ""
    happens = "changes" if trigger.event == "updated" else "is set or changes"
    return f"{named} of {one} {happens}{was}{to}"


def cron_words(line: str) -> str:
    """A cron line as people say it: “every weekday at 09:00”; an unusual one is told part by part."""
    parts = line.upper().split()
    if len(parts) != 5:
        return f"at the times of “{line}”"
    minute, hour, day, month, weekday = parts
    if minute.isdigit() and hour.isdigit():
        when = f"at {int(hour):02}:{int(minute):02}"
    elif minute.isdigit() and hour == "*":
        return (
            f"{int(minute)} minutes past every hour{_on(day, month, weekday, every='')}"
            if int(minute)
            else f"every hour{_on(day, month, weekday, every='')}"
        )
    elif minute.startswith("*/") and hour == "*":
        return f"every {minute[2:]} minutes{_on(day, month, weekday, every='')}"
    else:
        return f"at the times of “{line}”"
    return f"{_on(day, month, weekday, every='every day').strip()} {when}"


def _on(day: str, month: str, weekday: str, *, every: str) -> str:
    """The days of a cron line."""
    if day == "*" and weekday == "*":
        days = every
    elif day == "*":
        days = _weekdays(weekday)
    elif weekday == "*":
        days = (
            f"on day {day} of the month" if not day.isdigit() else f"on the {_ordinal(int(day))} of the month"
        )
    else:
        days = f"on day {day} and {_weekdays(weekday)}"
    months = (
        ""
        if month == "*"
        else f" in {_MONTHS[int(month) - 1] if month.isdigit() and 0 < int(month) < 13 else month}"
    )
    return f" {days}{months}" if days or months else ""


def _weekdays(given: str) -> str:
    if given in ("MON-FRI", "1-5"):
        return "every weekday"
    names = [_DAYS[at % 7] if (at := _SHORT.get(part, int(part) if part.isdigit() else -1)) >= 0 else part.capitalize()
             for part in given.split(",")]  # fmt: skip
    return (
        f"every {' and '.join(names)}" if len(names) < 3 else f"every {', '.join(names[:-1])} and {names[-1]}"
    )


def _ordinal(number: int) -> str:
    last = number % 10 if number not in (11, 12, 13) else 0
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(last, 'th') }"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
