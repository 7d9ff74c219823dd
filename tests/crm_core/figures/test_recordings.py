"""Calls of a customer: how many and how long in this month, in the reader's time zone, and which were recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from crm_core.access import Actor
from tests.crm_core.figures.conftest import NOW, Book

LATE = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
"""November in Berlin, October in London."""


def test_calls_of_this_month_are_counted_and_timed(book: Book) -> None:
    assert book.shown("recordings") == [
        ("Calls this month", 0, ""),
        ("Spoken this month", 0, ""),
        ("Recorded", 0, ""),
    ]
    file = book.add("files", name="call.wav")
    for when, seconds, files in (
        (NOW, 95, [file]),
        (LATE, 400, []),
        (datetime(2026, 10, 3, tzinfo=UTC), 1200, [file]),
        (NOW, None, []),
    ):
        book.add(
            "communications", channel="call", subject="Call", occurred_at=when, duration=seconds, files=files
        )
    book.add("communications", channel="email", subject="Mail", occurred_at=NOW, files=[file])
    calls = [row for row in book.rows("communications") if row["channel"] == "call"]
    zone = ZoneInfo("Europe/Berlin")
    month = [row for row in calls if row["occurred_at"].astimezone(zone).strftime("%Y-%m") == "2026-11"]
    minutes = sum(row["duration"] or 0 for row in month) // 60
    recorded = len([row for row in calls if row["files"]])
    assert [value for _, value, _ in book.shown("recordings")] == [len(month), minutes, recorded] == [3, 8, 2]
    london = book.ask("recordings", actor=Actor("ann", "admin", time_zone="Europe/London"))
    assert (london.month, london.seconds, london.total) == (2, 95, 4)
    assert [row["duration"] for row in london.rows][-2:] == [400, 1200]
