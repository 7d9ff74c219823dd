"""Monthly income of subscriptions and the next billing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.crm_core.figures.conftest import Book

MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}


def test_income_a_month_is_by_currency(book: Book) -> None:
    trial = book.add("subscriptions", plan="A", price="10 EUR", next_billing_on="2026-11-25")
    for price, cycle in (("30 EUR", "monthly"), ("100 EUR", "quarterly"), ("1000 USD", "yearly")):
        book.add(
            "subscriptions",
            plan=cycle,
            price=price,
            cycle=cycle,
            status="active",
            next_billing_on="2026-12-01",
        )
    book.add("subscriptions", plan="Gone", price="99 EUR", status="cancelled", next_billing_on="2026-11-01")
    told, plain = book.ask("subscriptions"), dict.fromkeys(("EUR", "USD"), Decimal(0))
    for row in book.rows("subscriptions"):
        if row["status"] == "active":
            plain[row["price__currency"]] += row["price"] / MONTHS[row["cycle"]]
    assert told.monthly == {one: round(value, 2) for one, value in plain.items()}
    assert (told.active, told.next_billing) == (3, date(2026, 11, 25))
    book.change("subscriptions", trial, status="active")
    assert book.ask("subscriptions").monthly["EUR"] == told.monthly["EUR"] + 10
