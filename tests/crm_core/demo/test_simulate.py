"""The simulated world by itself: the same for the same seed, and consistent."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm_core.demo import simulate
from crm_core.demo.people import countries
from crm_core.demo.world import World
from crm_core.demo.write import months_of

UNTIL = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(size=400, seed=7, until=UNTIL)


def fingerprint(world: World) -> str:
    return hashlib.sha256(repr(months_of(world)).encode()).hexdigest()


def test_the_same_seed_gives_the_same_world() -> None:
    one, other = (simulate(size=60, seed=3, until=UNTIL) for _ in range(2))
    assert fingerprint(one) == fingerprint(other)
    assert one.blobs == other.blobs
    assert fingerprint(one) != fingerprint(simulate(size=60, seed=4, until=UNTIL))


def test_everything_grows_with_the_number_of_customers(world: World) -> None:
    counts = {module: len(drafts) for module, drafts in world.records.items()}
    assert counts["customers"] == 400
    assert counts["business"] == 60
    assert counts["inquiries"] == 1000
    assert counts["contact_points"] > 2 * counts["customers"]
    assert counts["communications"] > 2 * counts["inquiries"]


def test_nothing_happens_before_the_start_or_after_the_present(world: World) -> None:
    for drafts in world.records.values():
        assert all(world.start <= draft.created_at <= UNTIL for draft in drafts)
        assert all(draft.created_at <= when <= UNTIL for draft in drafts for when, _ in draft.changes)


def test_answers_come_after_questions(world: World) -> None:
    for draft in world.all("inquiries"):
        state = draft.at(UNTIL)
        steps = [
            draft.created_at,
            state.get("acknowledged_at"),
            state.get("first_answer_at"),
            state.get("closed_at"),
        ]
        known = [step for step in steps if step]
        assert known == sorted(known)
        assert (state["status"] == "closed") == ("outcome" in state)


def test_every_reference_leads_to_something_that_was_there_before(world: World) -> None:
    born = {draft.id: draft.created_at for drafts in world.records.values() for draft in drafts}
    slugs = (
        "customer",
        "business",
        "inquiry",
        "deal",
        "quote",
        "shipment",
        "invoice",
        "about",
        "parent_business",
    )
    for drafts in world.records.values():
        for draft in drafts:
            targets = [draft.values[slug] for slug in slugs if draft.values.get(slug)]
            assert all(born[target] <= draft.created_at for target in targets), draft


def test_money_adds_up(world: World) -> None:
    paid: dict[str, Decimal] = {}
    for payment in world.all("payments"):
        paid[payment.values["invoice"]] = (
            paid.get(payment.values["invoice"], Decimal(0)) + payment.values["amount"]
        )
    for draft in world.all("invoices"):
        state = draft.at(UNTIL)
        assert state["net"] + state["tax"] == state["total"]
        assert state["paid"] == paid.get(draft.id, 0) <= state["total"]
        assert (state["status"] == "paid") == (state["paid"] == state["total"])
        assert state["issued_on"] < state["due_on"]


def test_a_won_deal_has_one_accepted_quote_of_its_amount(world: World) -> None:
    accepted: dict[str, list[Decimal]] = {}
    for quote in world.all("quotes"):
        if quote.at(UNTIL)["status"] == "accepted":
            accepted.setdefault(quote.values["deal"], []).append(quote.values["total"])
    for deal in world.all("deals"):
        won = deal.at(UNTIL)["status"] == "won"
        assert accepted.get(deal.id, []) == ([deal.values["amount"]] if won else [])


def test_there_is_dirt_like_life(world: World) -> None:
    points, customers = world.all("contact_points"), world.all("customers")
    assert any(point.values["invalid"] for point in points)
    typed = [point.values for point in points if point.values["kind"] == "email"]
    assert any(values["value"] != values["standardised"] for values in typed)
    emails = [draft.values["email"] for draft in customers if draft.values["email"]]
    assert len(set(emails)) < len(emails), "nobody is there twice"
    assert any(draft.values["phone"] is None for draft in customers)


def test_names_are_written_as_people_write_them() -> None:
    """The data set of names has some whose letters were read in another charset: `JÃ¸rgensen`."""
    danish = countries(World(seed=1, size=20, until=UNTIL, months=1))["DK"]
    names = {danish.name().full for _ in range(400)}
    assert any("ø" in name or "Ø" in name for name in names)
    assert not [name for name in names if "Ã" in name]


def test_who_calls_calls_a_number(world: World) -> None:
    calls = [one.values for one in world.all("communications") if one.values["channel"] == "call"]
    assert calls
    assert not [one for one in calls if "@" in f"{one['to']}{one['from']}"]


def test_every_address_ends_in_example(world: World) -> None:
    values = [
        value for drafts in world.records.values() for draft in drafts for value in draft.values.values()
    ]
    addresses = [value for value in values if isinstance(value, str) and "@" in value and " " not in value]
    assert addresses
    assert all(address.lower().rstrip(">").endswith((".example", "@")) for address in addresses)


@pytest.mark.parametrize("size", [20, 21, 45], ids=str)
def test_the_smallest_worlds_have_something_of_everything(size: int) -> None:
    world = simulate(size=size, seed=1, until=UNTIL)
    assert len(world.all("customers")) == size
    modules = ("inquiries", "deals", "quotes", "shipments", "invoices", "payments", "files", "notes")
    assert all(world.all(module) for module in modules)


@pytest.mark.parametrize(
    ("size", "until", "words"),
    [(5, UNTIL, "at least 20"), (50, datetime(2026, 1, 1), "no time zone")],
    ids=["too small", "a present without a zone"],
)
def test_what_cannot_be_simulated_is_refused(size: int, until: datetime, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        simulate(size=size, seed=1, until=until)
