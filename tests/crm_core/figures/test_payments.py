"""The balance per currency and its ageing, against plain Python over the rows."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.crm_core.figures.conftest import NOW, Book

TODAY = NOW.date()


def plain(book: Book) -> dict[str, Any]:
    """Currency → (balance, ageing), invoice by invoice."""
    pays = [one for one in book.rows("payments") if one["status"] == "received"]
    balance: defaultdict[str, Decimal] = defaultdict(Decimal)
    ageing: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 5)
    for bill in book.rows("invoices"):
        if bill["status"] in ("draft", "cancelled"):
            continue
        currency = bill["total__currency"]
        own = [p["amount"] for p in pays if p["invoice"] == bill["id"] and p["amount__currency"] == currency]
        left = bill["total"] - (sum(own) if own else bill["paid"] or 0)
        balance[currency] += left
        days = (TODAY - bill["due_on"]).days
        place = 0 if days <= 0 else 1 + min(3, days // 30)
        ageing[currency][place] += left
    for pay in pays:
        if pay["invoice"] is None:
            balance[pay["amount__currency"]] -= pay["amount"]
    return {one: (balance[one], tuple(ageing[one])) for one in balance}


def bill(book: Book, total: str, late: int, **more: Any) -> str:
    due = TODAY - timedelta(days=late)
    return book.add("invoices", total=total, due_on=due.isoformat(), status="sent", **more)


def told(book: Book) -> dict[str, Any]:
    return {one.currency: (one.balance, (one.not_due, *one.ageing)) for one in book.ask("payments").accounts}


@pytest.mark.parametrize("late", [-5, 0, 1, 29, 30, 59, 60, 89, 90, 400])
def test_what_is_late_stands_under_its_age(book: Book, late: int) -> None:
    bill(book, "100 EUR", late)
    assert told(book) == plain(book)


def test_currencies_are_never_mixed_and_a_payment_counts_at_once(book: Book) -> None:
    first = bill(book, "100 EUR", 40)
    bill(book, "70.5 USD", 0)
    bill(book, "30 EUR", 95, paid="10 EUR")
    book.add("invoices", total="999 EUR", status="draft")
    assert told(book) == plain(book)
    assert book.shown("payments") == [
        ("Balance", Decimal("120.00"), "EUR"),
        ("Balance", Decimal("70.50"), "USD"),
    ]
    book.add("payments", reference=f"a {first}", amount="60 EUR", invoice=first)
    book.add("payments", reference=f"b {first}", amount="5 EUR")
    book.add("payments", reference=f"c {first}", amount="8 EUR", invoice=first, status="returned")
    assert told(book) == plain(book)
    assert book.shown("payments")[0] == ("Balance", Decimal("55.00"), "EUR")


def test_a_payment_that_names_only_the_invoice_counts_and_one_in_another_currency_is_a_credit(
    book: Book,
) -> None:
    first = bill(book, "100 EUR", 10)
    book.add("payments", reference=f"only {first}", amount="40 EUR", invoice=first, customer=None)
    book.add("payments", reference=f"other {first}", amount="20 USD", invoice=first)
    assert [(one.currency, one.balance) for one in book.ask("payments").accounts] == [
        ("EUR", Decimal(60)),
        ("USD", Decimal(-20)),
    ]


def test_the_past_is_as_it_was(book: Book) -> None:
    first = bill(book, "100 EUR", 10)
    then = book.crm.lake.snapshot()
    book.add("payments", reference=f"past {first}", amount="100 EUR", invoice=first)
    assert [one.balance for one in book.ask("payments").accounts] == [Decimal(0)]
    assert [one.balance for one in book.ask("payments", at=then).accounts] == [Decimal(100)]


def test_a_shop_is_owed_what_orders_come_to(buyer: Book) -> None:
    order = buyer.add(
        "orders", number=f"o {buyer.customer}", total="80 EUR", ordered_at="2026-11-01T10:00:00Z"
    )
    assert [(one.balance, one.ageing[0]) for one in buyer.ask("payments").accounts] == [(80, 80)]
    buyer.add("payments", reference=f"p {order}", amount="80 EUR", order=order, status="captured")
    assert [one.balance for one in buyer.ask("payments").accounts] == [Decimal(0)]
