"""Orders net of returns; shipments where there are no orders."""

from __future__ import annotations

from decimal import Decimal

from tests.crm_core.figures.conftest import Book


def test_returns_are_taken_off(buyer: Book) -> None:
    key = buyer.customer
    first = buyer.add("orders", number=f"1 {key}", total="100 EUR", status="delivered")
    buyer.add("orders", number=f"2 {key}", total="40 EUR")
    buyer.add("orders", number=f"3 {key}", total="40 USD")
    buyer.add("orders", number=f"4 {key}", total="500 EUR", status="cancelled")
    buyer.add("returns", order=first, refund="15.50 EUR", customer=None)
    buyer.add("returns", order=first, refund="9 EUR", status="refused")
    told = buyer.ask("orders")
    ordered = [one for one in buyer.rows("orders") if one["status"] != "cancelled"]
    in_euro = sum(one["total"] for one in ordered if one["total__currency"] == "EUR")
    assert [(one.currency, one.net) for one in told.totals] == [
        ("EUR", in_euro - Decimal("15.50")),
        ("USD", Decimal(40)),
    ]
    assert (told.count, told.open) == (3, 2)
    buyer.add("returns", order=first, refund="4.50 EUR")
    assert ("Net of returns", Decimal("120.00"), "EUR") in buyer.shown("orders")


def test_a_forwarder_has_shipments(book: Book) -> None:
    first = book.add("shipments", mode="road")
    book.add("shipments", mode="sea", status="cancelled")
    book.add("shipments", mode="sea", status="delivered")
    assert book.shown("orders") == [("On the way", 1, ""), ("In all", 2, "")]
    book.change("shipments", first, status="delivered")
    assert book.ask("orders").open == 0
