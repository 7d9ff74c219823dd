"""What sets a flow off, as an administrator describes it. Frozen data; `flows.check_triggers` looks at the rest."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_serializer, model_validator

from crm_core.model.base import DashedSlug, Definition
from flows.cron import cron_problem
from flows.moments import OFFSET_EXAMPLES, is_offset, is_time_of_day

Event = Literal[
    "created",
    "updated",
    "saved",
    "deleted",
    "restored",
    "linked",
    "unlinked",
    "schedule",
    "date",
    "webhook",
    "manual",
]
EVENTS: tuple[Event, ...] = (
    "created", "updated", "saved", "deleted", "restored", "linked", "unlinked", "schedule", "date", "webhook", "manual",
)  # fmt: skip
"""Every event that can set off a flow, beside the named events of a workspace."""

OF_THE_FEED: frozenset[str] = frozenset(
    ("created", "updated", "saved", "deleted", "restored", "linked", "unlinked")
)
"""Events that a change of a record is; the others come of the clock, from another system, or from a person."""

OF_THE_CLOCK: frozenset[str] = frozenset(("schedule", "date"))

OF_THE_PAST: frozenset[str] = OF_THE_FEED | OF_THE_CLOCK
"""Events of which the lake's history tells when they came."""

LINKS: frozenset[str] = frozenset(("linked", "unlinked"))

WATCHING: frozenset[str] = frozenset(("updated", "saved"))
"""Events that fields, was and is narrow; `saved` is a new record as well as a changed one."""

_NEEDED: dict[str, tuple[str, ...]] = {
    "linked": ("link",), "unlinked": ("link",), "schedule": ("cron",), "date": ("field",), "webhook": ("map",),
}  # fmt: skip
_ALLOWED: dict[str, tuple[str, ...]] = {
    "updated": ("fields", "was", "is"),
    "saved": ("fields", "was", "is"),
    "linked": ("link",),
    "unlinked": ("link",),
    "schedule": ("cron", "time_zone"),
    "date": ("field", "offset", "at", "yearly"),
    "webhook": ("key", "map"),
}
_PATH = re.compile(r"[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)*")
_MOST_MAPPED = 200


class Trigger(Definition):
    """What sets a flow off.

    Attributes:
        event: one of `EVENTS`, or the slug of a named event.
        fields: narrow `updated` and `saved` to changes of at least one of them; a new record changed from nothing.
        was, is_: narrow it to a change of the one field from such a value, or to one: a value, or a list of which any
            counts; null for “missing”.
        link: for `linked` and `unlinked`, a many-to-many as the module sees it, or a reference of the module.
        cron: for `schedule`, five fields as Debian's cron reads them.
        time_zone: that `cron` counts in (IANA); the workspace's by default.
        field: for `date`, a date or datetime field of the module.
        offset: how long after it (`3h`), or before (`-2d`); days and longer are those of the calendar.
        at: the time of that day, in the workspace's time zone; a date without one begins at 00:00.
        yearly: whether the date comes back each year, as a birthday does; of 29 February on the 28th in other years.
        key: for `webhook`, the field by which an existing record is found.
        map: field → where its value stands in the payload, such as `customer.email` or `items.0.sku`.
    """

    event: DashedSlug
    fields: tuple[str, ...] = ()
    was: Any = None
    is_: Any = Field(default=None, alias="is")
    link: str = ""
    cron: str = ""
    time_zone: str = ""
    field: str = ""
    offset: str = "0"
    at: str = ""
    yearly: bool = False
    key: str = ""
    map: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("offset", mode="before")
    @classmethod
    def _is_a_length_of_time(cls, offset: Any) -> str:
        written = str(offset).strip()
        if not is_offset(written):
            raise ValueError(f"{offset!r} is no length of time before or after; write {OFFSET_EXAMPLES}")
        return written

    @field_validator("at", mode="before")
    @classmethod
    def _is_a_time_of_day(cls, at: Any) -> str:
        written = str(at).strip()
        if written and not is_time_of_day(written):
            raise ValueError(f'{at!r} is no time of day; write it in quotes, as in "09:00"')
        return written

    @field_validator("cron")
    @classmethod
    def _fires(cls, cron: str) -> str:
        written = " ".join(cron.split())
        if written and (problem := cron_problem(written)):
            raise ValueError(problem)
        return written

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        try:
            if zone:
                ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"“{zone}” is no IANA time zone such as Europe/Berlin") from error
        return zone

    @field_validator("map")
    @classmethod
    def _names_places(cls, places: Mapping[str, str]) -> Mapping[str, str]:
        if len(places) > _MOST_MAPPED:
            raise ValueError(f"{len(places)} fields are mapped; {_MOST_MAPPED} are the most")
        for field, place in places.items():
            if not _PATH.fullmatch(place):
                raise ValueError(
                    f"{field} is to come from {place!r}, which is no place such as customer.email"
                )
        return places

    @model_validator(mode="after")
    def _parts_fit_the_event(self) -> "Trigger":
        narrowed = self.asks_was or self.asks_is
        said = {"is" if name == "is_" else name for name in self.model_fields_set} - {"event"}
        if self.event not in WATCHING and (self.fields or narrowed):
            raise ValueError(
                f"fields, was and is belong to the event updated (or saved), not to {self.event}"
            )
        if wrong := sorted(said - {"fields"} - set(_ALLOWED.get(self.event, ()))):
            allowed = ", ".join(_ALLOWED.get(self.event, ())) or "nothing beside the event"
            raise ValueError(
                f"{', '.join(wrong)} cannot stand with the event {self.event}: it takes {allowed}"
            )
        if missing := [name for name in _NEEDED.get(self.event, ()) if not getattr(self, name)]:
            raise ValueError(
                f"the event {self.event} needs {' and '.join(missing)}, as in {_EXAMPLES[self.event]}"
            )
        if narrowed and len(self.fields) != 1:
            raise ValueError("was and is ask about one field: name it, as in fields: [status]")
        if self.key and self.key not in self.map:
            raise ValueError(f"key is “{self.key}”, which map does not say the place of")
        return self

    @property
    def asks_was(self) -> bool:
        """Whether the old value counts; `was: null` asks for a missing one."""
        return "was" in self.model_fields_set

    @property
    def asks_is(self) -> bool:
        """Whether the new value counts."""
        return "is_" in self.model_fields_set

    @property
    def named(self) -> str:
        """The slug of the named event that it waits for; empty when it is an event of its own."""
        return "" if self.event in EVENTS else self.event

    @model_serializer
    def _only_what_was_said(self) -> dict[str, Any]:
        document: dict[str, Any] = {"event": self.event}
        if self.fields:
            document["fields"] = list(self.fields)
        if self.asks_was:
            document["was"] = self.was
        if self.asks_is:
            document["is"] = self.is_
        for name in ("link", "cron", "time_zone", "field", "at", "key"):
            if getattr(self, name):
                document[name] = getattr(self, name)
        if "offset" in self.model_fields_set:
            document["offset"] = self.offset
        if self.yearly:
            document["yearly"] = True
        if self.map:
            document["map"] = dict(self.map)
        return document


_EXAMPLES = {
    "linked": "{event: linked, link: customer}",
    "unlinked": "{event: unlinked, link: customer}",
    "schedule": '{event: schedule, cron: "0 9 * * MON-FRI"}',
    "date": "{event: date, field: due, offset: -2d}",
    "webhook": "{event: webhook, key: email, map: {email: contact.email}}",
}
