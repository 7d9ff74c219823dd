"""Deals by stage and weighted."""

from __future__ import annotations

from decimal import Decimal

from tests.crm_core.figures.conftest import Book


def test_open_deals_weigh_what_is_probable(book: Book) -> None:
    moved = book.add("deals", title="A", amount="1000 EUR", probability=20)
    book.add("deals", title="B", amount="333.33 EUR", probability=33, status="proposal")
    book.add("deals", title="C", amount="50 USD", probability=None)
    book.add("deals", title="D", amount="9000 EUR", status="lost", lost_reason="price")
    plain: dict[str, Decimal] = {}
    for row in book.rows("deals"):
        if row["status"] not in ("won", "lost"):
            part = row["amount"] * (row["probability"] or 0) / 100
            plain[row["amount__currency"]] = plain.get(row["amount__currency"], Decimal(0)) + part
    told = book.ask("deals")
    assert told.weighted == plain
    assert [(one.status, one.currency, one.count) for one in told.stages] == [
        ("qualification", "EUR", 1), ("qualification", "USD", 1), ("proposal", "EUR", 1), ("lost", "EUR", 1),
    ]  # fmt: skip
    book.change("deals", moved, probability=80)
    assert book.ask("deals").weighted["EUR"] == plain["EUR"] + 600
