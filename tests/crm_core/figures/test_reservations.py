"""The next reservation, and how many of each state."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from tests.crm_core.figures.conftest import NOW, Book


def test_the_next_is_the_first_that_still_stands(book: Book) -> None:
    made = {}
    for hours, status in ((-5, "held"), (2, "cancelled"), (4, "booked"), (3, "confirmed"), (-1, "booked")):
        begin = NOW + timedelta(hours=hours)
        made[hours] = book.add("reservations", what=f"Slot {hours}", starts_at=begin, status=status,
                               ends_at=begin + timedelta(minutes=30))  # fmt: skip
    rows = book.rows("reservations")
    coming = [r for r in rows if r["starts_at"] >= NOW and r["status"] in ("booked", "confirmed")]
    first = min(coming, key=lambda row: row["starts_at"])
    told = book.ask("reservations")
    assert told.by_state == Counter(row["status"] for row in rows)
    assert (told.coming, told.next_at, told.next_what) == (2, first["starts_at"], first["what"])
    book.change("reservations", made[3], status="cancelled")
    assert book.shown("reservations") == [("To come", 1, ""), ("Next", "Slot 4", "")]
