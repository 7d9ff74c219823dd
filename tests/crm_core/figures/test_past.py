"""Every figure as of a snapshot, and for people who see only a part."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.crm_core.conftest import AGENT, Crm
from tests.crm_core.figures.conftest import NOW, Book

SLUGS = ("payments", "invoices", "deals", "orders", "subscriptions", "loyalty", "insurance", "time", "tasks",
         "checklists", "reservations")  # fmt: skip


@pytest.fixture(scope="module")
def filled(freight: Crm) -> tuple[Book, int]:
    """A customer with a record of everything, and the snapshot before it had any."""
    book = Book(freight, freight.create(name="Everything"))
    then, soon = freight.lake.snapshot(), NOW + timedelta(hours=2)
    invoice = book.add("invoices", total="10 EUR", status="sent")
    book.add("payments", reference=invoice, amount="3 EUR", invoice=invoice)
    book.add("deals", title="x", amount="10 EUR")
    book.add("shipments", mode="road")
    book.add("subscriptions", plan="x", price="3 EUR", status="active")
    book.add("loyalty_entries", reason="x", points=3)
    book.add("policies", number=invoice, coverage="3 EUR")
    book.add("claims", title="x")
    book.add(
        "time_entries", title="x", started_at=NOW - timedelta(hours=900), ended_at=NOW - timedelta(hours=899)
    )
    book.add("tasks", title="x")
    freight.create("checklist_steps", title="x", checklist=book.add("checklists", title="x"))
    book.add("reservations", what="x", starts_at=soon, ends_at=soon + timedelta(hours=1))
    return book, then


@pytest.mark.parametrize("slug", SLUGS)
def test_a_figure_is_as_it_was_and_as_one_may_see_it(filled: tuple[Book, int], slug: str) -> None:
    book, then = filled
    stranger = Book(book.crm, "018f0000-0000-7000-8000-000000000000")
    nothing = stranger.ask(slug)
    assert book.ask(slug) == book.ask(slug, actor=AGENT) != nothing
    assert book.ask(slug, at=then) == book.ask(slug, at=then, actor=AGENT) == nothing
    assert all(one.label for one in (*nothing.figure, *book.ask(slug).figure))
