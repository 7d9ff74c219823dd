"""The flows that come with the freight forwarder's pack, at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.records import create, update
from flows.notifications import list_notifications
from flows.runner import run_until_current
from flows.timers import resume_due
from lake import Lake, table
from tests.flows.flows_of import ADMIN, rows
from tests.over_http import workspace_in

ANNA = User("anna", "Anna", teams=("sales",))
OLAF = User("olaf", "Olaf", teams=("operations",))


@pytest.fixture(scope="module")
def freight(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """The freight forwarder's workspace with one in sales and one in operations; each test makes what it looks at."""
    home = tmp_path_factory.mktemp("freight")
    with workspace_in(home, new_catalog(home)) as opened:
        save_users(opened.lake, [ANNA, OLAF], actor=Actor.system())
        yield opened.lake


def later(lake: Lake, **span: float) -> None:
    """Let the flows see what there is, and go on with what is due by then."""
    run_until_current(lake)
    resume_due(lake, now=datetime.now(UTC) + timedelta(**span))
    run_until_current(lake)


def tasks(lake: Lake, customer: str) -> list[tuple[Any, ...]]:
    """Title start, owner and team of the tasks for a customer."""
    there = table("crm", "tasks")
    return lake.read(
        f"SELECT left(title, 8), owner, team FROM {there} WHERE customer = CAST(? AS UUID) ORDER BY title",
        [customer],
    ).rows()


def inquiry(lake: Lake, **values: Any) -> str:
    given = {"subject": "20 pallets", "service": "sea_freight", "channel": "phone", **values}
    return create(lake, module="inquiries", values=given, actor=Actor.system()).id


def test_a_late_first_answer_makes_the_inquiry_urgent_and_its_team_hears_of_it(freight: Lake) -> None:
    late, taken = inquiry(freight), inquiry(freight, subject="taken")
    run_until_current(freight)
    update(freight, module="inquiries", record_id=taken, values={"status": "in_progress"}, actor=ADMIN)
    later(freight, hours=5)
    found = {row[0]: row[1] for row in rows(freight, "inquiries", "id", "priority")}
    assert (found[late], found[taken]) == ("urgent", "normal")
    told = list_notifications(freight, actor=ANNA.actor)
    assert [one.record_id for one in told] == [late] and "four hours: 20 pallets" in told[0].text
    assert list_notifications(freight, actor=OLAF.actor) == ()


def test_an_accepted_quote_gives_work_to_operations_and_to_whoever_has_the_customer(freight: Lake) -> None:
    customer = create(freight, module="customers", values={"name": "C", "owner": "anna"}, actor=ADMIN).id
    given = {"title": "Oslo", "customer": customer, "status": "sent"}
    quote = create(freight, module="quotes", values=given, actor=Actor.system()).id
    update(freight, module="quotes", record_id=quote, values={"status": "accepted"}, actor=ADMIN)
    run_until_current(freight)
    assert tasks(freight, customer) == [("Book the", "olaf", "operations"), ("Welcome ", "anna", "sales")]


def test_a_customer_who_has_paid_enough_in_our_currency_becomes_a_vip(freight: Lake) -> None:
    customer = create(freight, module="customers", values={"name": "D", "owner": "anna"}, actor=ADMIN).id
    for currency, expected in (("EUR", []), ("USD", []), ("EUR", ["vip"])):
        given = {"customer": customer, "status": "sent", "total": {"amount": 60000, "currency": currency}}
        bill = create(freight, module="invoices", values=given, actor=Actor.system()).id
        paid = {"paid": {"amount": 60000, "currency": currency}, "status": "paid"}
        update(freight, module="invoices", record_id=bill, values=paid, actor=ADMIN)
        run_until_current(freight)
        found = {row[0]: row[1] for row in rows(freight, "customers", "id", "tags")}
        assert (found[customer] or []) == expected
    assert tasks(freight, customer) == [("Greet D ", "anna", "sales")]
