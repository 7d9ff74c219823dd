"""A request becomes a task, a deal or a quote: one commit, linked both ways."""

from __future__ import annotations

import pytest

from crm_core.converting import convert, targets
from crm_core.errors import Conflict, Forbidden, UnknownModule
from crm_core.related import read_related
from crm_core.whose import give_to_customer
from tests.crm_core.conftest import ADMIN, AGENT, VIEWER, Crm


def of(crm: Crm, inquiry: str, to: str, **more: object) -> str:
    return convert(
        crm.lake, crm.catalog, module="inquiries", record_id=inquiry, to=to, actor=more.pop("actor", ADMIN), **more
    )  # type: ignore[arg-type]  # fmt: skip


@pytest.fixture
def inquiry(freight: Crm) -> str:
    """An inquiry of a customer that nobody has."""
    customer = freight.create(name="Ida")
    return freight.create(
        "inquiries", subject="Oslo", message="How much?", customer=customer, email="i@d.example"
    )


@pytest.mark.parametrize("to", ["tasks", "deals", "quotes"])
def test_what_is_made_belongs_to_the_request_and_comes_with_it_in_one_commit(
    freight: Crm, inquiry: str, to: str
) -> None:
    before = freight.lake.snapshot()
    made = of(freight, inquiry, to)
    assert freight.lake.snapshot() == before + 1
    new, old = freight.read(made, to), freight.read(inquiry, "inquiries")
    assert (new["customer"], new["owner"], "Oslo" in new["title"]) == (old["customer"], "ann", True)
    assert (old["status"], old["owner"]) == ("in_progress", "ann")
    about = new["about"]["id"] if to == "tasks" else new["inquiry"]
    related = read_related(freight.lake, freight.catalog, module="inquiries", record_id=inquiry, actor=ADMIN)
    assert about == inquiry
    assert made in [row.id for link in related if link.link.module == to for row in link.rows]


def test_a_quote_belongs_to_the_deal_that_was_made_before(freight: Crm, inquiry: str) -> None:
    deal = of(freight, inquiry, "deals")
    assert freight.read(of(freight, inquiry, "quotes"), "quotes")["deal"] == deal


def test_a_second_deal_is_refused_and_nothing_is_written(freight: Crm, inquiry: str) -> None:
    of(freight, inquiry, "deals")
    before = freight.lake.snapshot()
    with pytest.raises(Conflict, match="already"):
        of(freight, inquiry, "deals")
    assert freight.lake.snapshot() == before


def test_what_is_given_counts_before_what_the_request_says(freight: Crm, inquiry: str) -> None:
    made = of(freight, inquiry, "deals", values={"title": "A large one"}, actor=AGENT)
    assert freight.read(made, "deals")["title"] == "A large one"


def test_who_may_only_look_and_what_refers_to_no_request_are_refused(freight: Crm, inquiry: str) -> None:
    assert targets(freight.catalog, "inquiries") == ("tasks", "deals", "quotes")
    with pytest.raises(Forbidden):
        of(freight, inquiry, "tasks", actor=VIEWER)
    with pytest.raises(UnknownModule):
        of(freight, inquiry, "loyalty_entries")


def test_what_came_before_its_customer_was_known_is_given_to_him_with_it_in_one_commit(freight: Crm) -> None:
    request = freight.create("inquiries", subject="Riga", email="new@d.example")
    about = {"module": "inquiries", "id": request}
    other, ida = freight.create(name="Other"), freight.create(name="Ida")
    message = freight.create("communications", channel="email", direction="in", about=about)
    theirs = freight.create("communications", channel="email", direction="in", about=about, customer=other)
    before = freight.lake.snapshot()
    given = {"module": "inquiries", "record_id": request, "customer": ida}
    give_to_customer(freight.lake, freight.catalog, **given, actor=ADMIN)
    assert freight.lake.snapshot() == before + 1
    assert freight.read(request, "inquiries")["customer"] == ida
    assert freight.read(message, "communications")["customer"] == ida
    assert freight.read(theirs, "communications")["customer"] == other
    with pytest.raises(Forbidden):
        give_to_customer(freight.lake, freight.catalog, **given, actor=VIEWER)
