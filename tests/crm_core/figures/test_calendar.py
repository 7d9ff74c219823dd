"""The next appointment and the time that is booked, beside what plain Python makes of the rows."""

from __future__ import annotations

from datetime import timedelta

from tests.crm_core.figures.conftest import NOW, Book

CLOSED = ("held", "missed", "cancelled")


def test_the_next_appointment_and_the_booked_time_are_those_of_the_rows(book: Book) -> None:
    made = {}
    for hours, lasts, status in (
        (-1, 3, "planned"), (5, 1, "confirmed"), (4, 2, "cancelled"), (6, None, "planned"),
        (24 * 29 + 23, 3, "planned"), (24 * 40, 1, "planned"), (-9, 1, "held"),
    ):  # fmt: skip
        begin = NOW + timedelta(hours=hours)
        end = {"ends_at": begin + timedelta(hours=lasts)} if lasts else {}
        made[hours] = book.add("appointments", title=f"In {hours}", starts_at=begin, status=status, **end)
    until = NOW + timedelta(days=30)
    rows = [row for row in book.rows("appointments") if row["status"] not in CLOSED]
    coming = [row for row in rows if row["starts_at"] >= NOW]
    first = min(coming, key=lambda row: row["starts_at"])
    spans = [
        min(row["ends_at"], until) - max(row["starts_at"], NOW)
        for row in rows
        if row["ends_at"] is not None and row["starts_at"] < until and row["ends_at"] > NOW
    ]
    told = book.ask("calendar")
    assert (told.coming, told.next_at, told.next_title) == (len(coming), first["starts_at"], first["title"])
    assert timedelta(minutes=told.minutes) == sum(spans, timedelta()) == timedelta(hours=4)
    book.change("appointments", made[5], status="cancelled")
    assert [value for _, value, _ in book.shown("calendar")] == ["In 6", 3, 180]
