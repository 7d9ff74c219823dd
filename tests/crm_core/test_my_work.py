"""What waits for one person: what is due, what takes place, what is to be answered, what came in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_core import my_work, people
from crm_core.access import Actor
from crm_core.people import User
from crm_core.reading import marks_of
from tests.crm_core.conftest import ADMIN, Crm

NOW = datetime.now(UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def mine(freight: Crm) -> Iterator[tuple[Crm, Actor, str]]:
    """Somebody new in the house, and a customer of his."""
    name = f"mia{len(people.read_directory(freight.lake).users)}"
    user = User(name, "Mia", f"{name}@tests.example", "agent", ("sales",))
    people.save_users(freight.lake, [user], actor=Actor.system())
    yield freight, user.actor, freight.create(name="Ada Rivers", owner=name)


def titles(card: my_work.Card) -> list[str]:
    return [item.title for item in card.items]


def test_what_is_due_stands_by_when_it_is_due_and_late_ones_are_counted(mine: Any) -> None:
    crm, mia, ada = mine
    for title, due in (("later", NOW + DAY), ("late", NOW - DAY), ("any time", None)):
        crm.create("tasks", title=title, due=due, owner=mia.user, customer=ada)
    crm.create("tasks", title="done", due=NOW, owner=mia.user, status="done")
    crm.create("tasks", title="of another", due=NOW, owner="bob")
    card = my_work.read_due(crm.lake, crm.catalog, actor=mia, now=NOW)
    assert (titles(card), card.total, card.flagged) == (["late", "later", "any time"], 3, 1)
    assert (card.items[0].whose, card.items[0].flagged) == ("Ada Rivers", True)
    assert my_work.read_due(crm.lake, crm.catalog, actor=mia, now=NOW, limit=1).total == 3
    assert "of another" in titles(
        my_work.read_due(crm.lake, crm.catalog, actor=ADMIN, everybody=True, limit=500)
    )


def test_what_is_long_overdue_leaves_room_for_today(mine: Any) -> None:
    crm, mia, _ = mine
    for days in range(1, 6):
        crm.create("tasks", title=f"late {days}", due=NOW - days * DAY, owner=mia.user)
    for hours in (1, 2):
        crm.create("tasks", title=f"in {hours}", due=NOW + hours * HOUR, owner=mia.user)
    card = my_work.read_due(crm.lake, crm.catalog, actor=mia, now=NOW, limit=4)
    assert (titles(card), card.total, card.flagged) == (["late 2", "late 1", "in 1", "in 2"], 7, 5)


def test_appointments_are_those_of_today_and_of_the_next_days(mine: Any) -> None:
    crm, mia, ada = mine
    today = my_work.day_begins(crm.catalog, mia, NOW)
    for title, at in (
        ("now", today + HOUR),
        ("soon", today + 3 * DAY),
        ("far", today + 9 * DAY),
        ("gone", today - HOUR),
    ):
        crm.create("appointments", title=title, starts_at=at, ends_at=at + HOUR, owner=mia.user, customer=ada)
    card = my_work.read_appointments(crm.lake, crm.catalog, actor=mia, now=NOW)
    assert (titles(card), card.flagged) == (["now", "soon"], 1)
    assert card.items[0].until == today + 2 * HOUR


def test_a_request_waits_until_it_is_answered_and_again_when_the_customer_writes(mine: Any) -> None:
    crm, mia, ada = mine
    asked = crm.create("inquiries", subject="20 pallets", owner=mia.user, customer=ada)
    crm.create("inquiries", subject="asleep", owner=mia.user, snoozed_until=NOW + DAY)

    def waits() -> list[str]:
        return titles(my_work.read_waiting(crm.lake, crm.catalog, actor=mia, now=datetime.now(UTC)))

    def said(direction: str, minute: int) -> None:
        about = {"module": "inquiries", "id": asked}
        moment = NOW + timedelta(minutes=minute)
        crm.create(
            "communications", channel="email", direction=direction, text="x", about=about, occurred_at=moment
        )

    assert waits() == ["20 pallets"]
    said("out", 1)
    assert waits() == []
    said("in", 2)
    assert waits() == ["20 pallets"]


def test_what_a_customer_wrote_is_unread_until_his_team_has_looked(mine: Any) -> None:
    crm, mia, ada = mine
    when = NOW - HOUR
    crm.create(
        "communications",
        subject="Where is it?",
        direction="in",
        channel="email",
        text="t",
        customer=ada,
        occurred_at=when,
    )
    stranger = crm.create(name="Somebody else")
    crm.create(
        "communications",
        subject="Not mine",
        direction="in",
        channel="email",
        customer=stranger,
        occurred_at=when,
    )
    crm.create("inquiries", subject="A call", customer=ada)
    card = my_work.read_activity(crm.lake, crm.catalog, actor=mia)
    assert (titles(card), card.flagged) == (["A call", "Where is it?"], 2)
    marks_of(crm.lake).mark(record_id=ada, actor=mia, now=NOW)
    marks_of(crm.lake).flush()
    read = my_work.read_activity(crm.lake, crm.catalog, actor=mia)
    assert [item.title for item in read.items if not item.flagged] == ["Where is it?"]


def test_nobody_is_told_of_what_he_may_not_see(mine: Any) -> None:
    crm, mia, _ = mine
    bob = Actor("bob", "agent", ("service",), "Bob")
    secret = crm.create(name="Closed to Bob", folder="key_accounts", owner=mia.user)
    crm.create(
        "communications", subject="S", direction="in", channel="email", customer=secret, occurred_at=NOW
    )
    assert "S" not in titles(my_work.read_activity(crm.lake, crm.catalog, actor=bob))


def test_modules_take_part_by_what_they_have(freight: Crm) -> None:
    catalog = freight.catalog
    assert [module.slug for module in my_work.due_modules(catalog)] == ["tasks"]
    assert {module.slug for module in my_work.dated_modules(catalog)} == {"appointments", "reservations"}
    assert ("crm", "tasks") in my_work.tables_of(catalog)["due"]


def test_a_workspace_is_empty_until_somebody_makes_a_customer(crm: Crm) -> None:
    assert not my_work.has_records(crm.lake, crm.catalog)
    crm.create(name="First", actor=ADMIN)
    assert my_work.has_records(crm.lake, crm.catalog)
