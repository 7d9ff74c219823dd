"""Calendars for other programs: one appointment as a file, and a private address that gives somebody's own.

Whoever knows the address reads what its person may see, so only its SHA-256 is kept, and the person can take it back.
Files follow RFC 5545: times are UTC, days those of the reader's zone, the UID is the record's id, SEQUENCE its version.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Calendar, Event

from crm_core import people
from crm_core.access import Actor
from crm_core.calendars import Entry, Source, exclusive_rule, read_entries, source_of, sources, wall
from crm_core.errors import CrmError
from crm_core.model import Catalog
from crm_core.query import read_record
from lake import Change, Lake, Transaction, table

BEFORE, AFTER = timedelta(days=31), timedelta(days=366)
"""How much of the past and of the future an address gives."""
PATH = "/api/v1/calendar/"
"""Where private addresses lie on a server."""
PRODUCT = "-//Merganser//Calendar//EN"
MOST = 5000
_FEEDS = table("access", "calendar_feeds")
_UNTOLD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class NoSuchFeed(CrmError):
    """No calendar has this address, or it was taken back."""

    status = 404

    def __init__(self) -> None:
        super().__init__("There is no calendar at this address. Whoever made it can make another one.")


class NoCalendar(CrmError):
    """A record that stands in no calendar, or somebody who has none."""

    status = 422


@dataclass(frozen=True)
class Feed:
    """What a private address gives: a calendar as a file, and a tag that changes with it."""

    body: bytes
    tag: str


def record_file(lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor) -> bytes:
    """A record as a calendar of one event.

    Raises:
        RecordNotFound: There is no such record, or none that the actor may see.
        NoCalendar: Records of this module stand in no calendar, or this one has no time.
    """
    record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    source = source_of(catalog, module)
    if source is None or record.get(source.starts) is None:
        known = ", ".join(one.module for one in sources(catalog)) or "none"
        raise NoCalendar(f"This record of {module} has no time. Modules that stand in calendars: {known}.")
    return to_file(
        catalog, [_entry(catalog, source, record)], zone=actor.time_zone or catalog.workspace.time_zone
    )


def make_feed(lake: Lake, *, actor: Actor) -> str:
    """Make a private address for the actor's own calendar and return its token; an earlier one ends.

    The token is told this once.

    Raises:
        NoCalendar: The actor is no user of the workspace, such as a program with a key of its own.
    """
    if not _is_user(lake, actor):
        who = actor.name or actor.user
        raise NoCalendar(f"{who} is no user here, and only users have a calendar of their own.")
    token = secrets.token_urlsafe(32)

    def work(tx: Transaction) -> None:
        _end(tx, actor)
        tx.execute(
            f"INSERT INTO {_FEEDS} VALUES (?, ?, ?, NULL, ?, ?)",
            [_digest(token), actor.user, tx.occurred_at, tx.change_id, tx.snapshot],
        )

    lake.commit(work, Change(actor=actor.user, door="people", reason="calendar address made"))
    return token


def feed_path(token: str) -> str:
    """Where the calendar of a token lies on a server."""
    return f"{PATH}{token}.ics"


def revoke_feed(lake: Lake, *, actor: Actor) -> bool:
    """Take the actor's private address back; returns whether there was one."""

    def work(tx: Transaction) -> int:
        ended = _end(tx, actor)
        if not ended:
            tx.cancel()
        return ended

    return (
        lake.commit(work, Change(actor=actor.user, door="people", reason="calendar address revoked")).value
        > 0
    )


def feed_since(lake: Lake, *, actor: Actor) -> datetime | None:
    """Since when (UTC) the actor has a private address; None without one."""
    sql = f"SELECT max(created_at) AS since FROM {_FEEDS} WHERE user_slug = ? AND revoked_at IS NULL"
    since: datetime | None = lake.read(sql, [actor.user]).item()
    return since


def read_feed(lake: Lake, catalog: Catalog, token: str, *, now: datetime | None = None) -> Feed:
    """What the address of a token gives: what its person works on, as far as he may see it, by today's rights.

    Tasks are left out: other programs would show each as a day that is taken.

    Raises:
        NoSuchFeed: There is no such address any more, or its person is no active user.
    """
    sql = f"SELECT user_slug FROM {_FEEDS} WHERE sha256 = ? AND revoked_at IS NULL"
    found = lake.read(sql, [_digest(token)])
    user = people.read_directory(lake).users.get(found.item()) if found.height else None
    if user is None or not user.active:
        raise NoSuchFeed
    # Whole days: what is asked for again within a day is the same as long as nothing changed.
    today = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    timed = [source.module for source in sources(catalog) if not source.all_day]
    entries = read_entries(
        lake, catalog, actor=user.actor, starts=today - BEFORE, ends=today + AFTER, people=(user.slug,), modules=timed,
        most=MOST,
    )  # fmt: skip
    zone = user.actor.time_zone or catalog.workspace.time_zone
    body = to_file(catalog, entries, zone=zone, name=f"{catalog.workspace.name}: {user.name}")
    return Feed(body, hashlib.sha256(body).hexdigest()[:32])


def to_file(catalog: Catalog, entries: Iterable[Entry], *, zone: str, name: str = "") -> bytes:
    """Entries as an iCalendar file; the same entries give the same bytes.

    What takes a whole day takes that which the clocks of the zone (IANA) show.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if name:
        calendar.add("x-wr-calname", _told(name))
        calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for entry in entries:
        calendar.add_component(_event(catalog, entry, zone))
    return bytes(calendar.to_ical())


def _event(catalog: Catalog, entry: Entry, zone: str) -> Event:
    event = Event()
    event.add("uid", entry.id)
    event.add("sequence", entry.version)
    event.add("dtstamp", entry.changed_at.astimezone(UTC))
    if entry.all_day:
        event.add("dtstart", wall(entry.starts, zone).date())
    else:
        event.add("dtstart", entry.starts.astimezone(UTC))
        if entry.ends is not None and entry.ends > entry.starts:
            event.add("dtend", entry.ends.astimezone(UTC))
    event.add("summary", _told(entry.title) or catalog.module(entry.module).one)
    if entry.place:
        event.add("location", _told(entry.place))
    event.add("status", "CANCELLED" if _called_off(catalog, entry) else "CONFIRMED")
    return event


def _called_off(catalog: Catalog, entry: Entry) -> bool:
    """Whether its status takes no time, by the rule of its module about times that exclude each other."""
    source = source_of(catalog, entry.module)
    rule = exclusive_rule(catalog, source) if source is not None else None
    return rule is not None and entry.status in rule.ignore


def _entry(catalog: Catalog, source: Source, record: dict[str, Any]) -> Entry:
    def text(slug: str) -> str:
        return str(record.get(slug) or "") if slug else ""

    ends = record.get(source.ends) if source.ends else None
    return Entry(
        module=source.module, id=record["id"], title=text(catalog.module(source.module).title),
        starts=record[source.starts], ends=ends, all_day=source.all_day, place=text(source.place), owner=text("owner"),
        status=text("status"), folder=text("folder"), version=record["version"], changed_at=record["updated_at"],
        ended=False, clashes=False,
    )  # fmt: skip


def _end(tx: Transaction, actor: Actor) -> int:
    return tx.execute(
        f"UPDATE {_FEEDS} SET revoked_at = ?, change_id = ?, version = ? WHERE user_slug = ? AND revoked_at IS NULL",
        [tx.occurred_at, tx.change_id, tx.snapshot, actor.user],
    )


def _is_user(lake: Lake, actor: Actor) -> bool:
    user = people.read_directory(lake).users.get(actor.user)
    return user is not None and user.active


def _told(text: str) -> str:
    """A text without the signs that no calendar file may hold."""
    return _UNTOLD.sub("", text)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
