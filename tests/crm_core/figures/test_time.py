"""Minutes of this week and in all, and the timer that runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm_core import records
from crm_core.model import All
from tests.crm_core.conftest import ADMIN
from tests.crm_core.figures.conftest import NOW, Book

WEEK = datetime(2026, 11, 15, 23, tzinfo=UTC)
"""Monday at midnight in Berlin."""


@pytest.fixture(autouse=True)
def _nobody_worked_yet(book: Book) -> None:
    records.delete_where(book.crm.lake, module="time_entries", condition=All(), actor=ADMIN)


def test_minutes_are_those_of_the_entries(book: Book) -> None:
    for begin, minutes in ((WEEK, 30), (WEEK - timedelta(hours=1), 45), (WEEK + timedelta(days=2), 7)):
        book.add("time_entries", title="x", started_at=begin, ended_at=begin + timedelta(minutes=minutes),
                 billable=minutes != 7)  # fmt: skip
    rows = book.rows("time_entries")
    spans = [(row["started_at"], (row["ended_at"] - row["started_at"]).total_seconds() / 60) for row in rows]
    told = book.ask("time")
    assert told.in_all == sum(minutes for _, minutes in spans) == 82
    assert told.this_week == sum(minutes for begin, minutes in spans if begin >= WEEK) == 37
    assert told.billable == 75


def test_a_timer_runs_until_it_is_stopped(book: Book) -> None:
    begun = NOW - timedelta(minutes=12)
    made = book.add("time_entries", title="Call", started_at=begun)
    told = book.ask("time")
    assert [(one.id, one.title, one.owner, one.started_at) for one in told.running] == [
        (made, "Call", "ann", begun)
    ]
    assert (told.this_week, book.ask("time", now=NOW + timedelta(hours=1)).this_week) == (12, 72)
    book.change("time_entries", made, ended_at=NOW - timedelta(minutes=2))
    told = book.ask("time")
    assert (told.in_all, told.running) == (10, ())
