"""Invoices paid, open and late."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from tests.crm_core.conftest import OTHER
from tests.crm_core.figures.conftest import NOW, Book


def test_invoices_are_paid_open_or_late(book: Book) -> None:
    for number, (total, late, paid) in enumerate(((100, -3, 100), (50, -3, 20), (70, 3, 0), (30, 300, 0))):
        due = (NOW - timedelta(days=late)).date().isoformat()
        made = book.add("invoices", total=f"{total} EUR", paid=f"{paid} EUR", due_on=due, status="sent",
                 external_id=f"{number} {book.customer}")  # fmt: skip
        if paid == total:
            book.change("invoices", made, status="paid")
    rows = [one for one in book.rows("invoices") if one["status"] != "draft"]
    left = {one["id"]: one["total"] - one["paid"] for one in rows}
    late = {one["id"] for one in rows if left[one["id"]] > 0 and one["due_on"] < NOW.date()}
    [told] = book.ask("invoices").currencies
    assert told.paid == sum(one["paid"] for one in rows)
    assert told.overdue == sum(left[one] for one in late) == 100
    assert told.unpaid == sum(value for key, value in left.items() if key not in late) == 30
    assert told.counts == (1, 1, 2)
    [unpaid] = [one for one in rows if one["total"] == 50]
    book.add("payments", reference=f"rest {unpaid['id']}", amount="50 EUR", invoice=str(unpaid["id"]))
    assert ("Unpaid", Decimal(0), "EUR") in book.shown("invoices")


def test_what_is_not_seen_does_not_count(book: Book) -> None:
    book.add("invoices", total="10 EUR", status="sent", folder="disputed")
    assert book.ask("invoices", actor=OTHER).currencies == ()
    assert len(book.ask("invoices").currencies) == 1
