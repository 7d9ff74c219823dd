"""The flows that come with the freight forwarder's pack, at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.records import create, update
from crm_core.settings import read_settings
from crm_core.workspace import open_workspace
from flows import schema_sql
from flows.notifications import list_notifications
from flows.run_history import list_runs
from flows.runner import run_until_current
from flows.timers import resume_due
from lake import Lake, table
from tests.flows.flows_of import ADMIN, flow, leaf, rows
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
    """It stands first: a moved clock also finds the inquiries of the tests before it."""
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


def test_a_new_inquiry_is_acknowledged_by_mail_and_one_by_phone_is_not(freight: Lake) -> None:
    written = inquiry(freight, channel="form", email="ida@x.example", service="tracking")
    inquiry(freight, channel="form", email="")
    inquiry(freight, channel="phone", email="ivo@x.example")
    run_until_current(freight)
    messages, outbox = table("crm", "communications"), table("ops", "outbox")
    sent = freight.read(
        f"SELECT o.recipient, o.state, m.purpose, m.subject FROM {outbox} o JOIN {messages} m "
        "ON m.id = o.communication_id WHERE o.recipient LIKE 'i%@x.example'"
    ).rows()
    [(recipient, state, purpose, subject)] = sent
    assert (recipient, state, purpose) == ("ida@x.example", "queued", "service") and "20 pallets" in subject
    found = {row[0]: row[1:] for row in rows(freight, "inquiries", "id", "status", "acknowledged_at")}
    assert found[written][0] == "acknowledged" and found[written][1] is not None


@pytest.mark.parametrize(
    ("service", "team", "owner"),
    [
        ("air_freight", "sales", "anna"),
        ("customs", "operations", None),
        ("claim", "service", None),
        (None, "service", None),
    ],
)
def test_a_new_inquiry_becomes_a_task_of_the_right_team(
    freight: Lake, service: str | None, team: str, owner: str | None
) -> None:
    about = inquiry(freight, service=service, subject=f"For {service}")
    spam = inquiry(freight, service=service, status="spam")
    run_until_current(freight)
    made = rows(freight, "tasks", "about", "title", "team", "owner")
    [task] = [row[1:] for row in made if row[0] == about]
    assert task == (f"{'Quote' if team == 'sales' else 'Answer'} For {service}", team, owner)
    assert spam not in {row[0] for row in made}
    assert {row[0]: row[1] for row in rows(freight, "inquiries", "id", "team")}[about] == team


def test_the_shop_hears_of_a_payment_when_it_is_captured_at_once_or_later(
    tmp_path: Path, new_catalog: Callable[[Path], str]
) -> None:
    settings = read_settings({}, home=tmp_path, catalog=new_catalog(tmp_path), pack="ecommerce", threads=1)
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        lake = opened.lake
        thanks = {"flow": "thanks", "module": "payments", "trigger": {"event": "payment-received"}}
        save(lake, [("flow", {**thanks, "do": [{"add_tag": "thanked"}]})], actor=ADMIN)
        for reference, status in (("now", "captured"), ("later", "authorised"), ("never", "failed")):
            given = {"reference": reference, "amount": 10, "status": status}
            create(lake, module="payments", values=given, actor=ADMIN)
        run_until_current(lake)
        [later_] = [row[0] for row in rows(lake, "payments", "id", "reference") if row[1] == "later"]
        assert [row[0] for row in rows(lake, "payments", "reference", "tags") if row[1]] == ["now"]
        for status in ("captured", "refunded"):
            update(lake, module="payments", record_id=later_, values={"status": status}, actor=ADMIN)
        run_until_current(lake)
        tagged = [row[0] for row in rows(lake, "payments", "reference", "tags") if row[1]]
        assert tagged == ["later", "now"]
        assert [one.event for one in list_runs(lake, actor=ADMIN, flow="thanks")] == ["updated", "created"]


def test_a_flow_that_would_end_an_appointment_before_it_begins_fails_and_says_so(freight: Lake) -> None:
    hurry = flow(
        "hurry",
        {"set_field": {"ends_at": {"now": "-1d"}}},
        module="appointments",
        when=leaf("title", "eq", "Hurry"),
    )
    save(freight, [("flow", hurry)], actor=Actor.system())
    starts = datetime(2031, 5, 6, 9, tzinfo=UTC)
    times = {"starts_at": starts, "ends_at": starts + timedelta(hours=1)}
    made = create(freight, module="appointments", values={"title": "Hurry", **times}, actor=ADMIN).id
    run_until_current(freight)
    [failed] = list_runs(freight, actor=ADMIN, flow="hurry")
    assert failed.state == "failed" and "would end before it begins" in str(failed.error)
    assert dict(rows(freight, "appointments", "id", "ends_at"))[made] == times["ends_at"]
