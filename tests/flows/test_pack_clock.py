"""The flows of the freight forwarder's pack that wait for the clock, run end to end with a clock that is moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.access import Actor
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.records import create, update
from flows.notifications import list_notifications
from flows.outbox import OUTBOX
from flows.run_history import list_runs, show_run
from flows.runner import run_until_current
from lake import Lake, table
from tests.flows.delivering import say
from tests.flows.flows_of import ADMIN, rows
from tests.over_http import workspace_in

BERLIN = ZoneInfo("Europe/Berlin")
ANNA = User("anna", "Anna", teams=("sales",))
SINA = User("sina", "Sina", teams=("service",))


@pytest.fixture
def freight(tmp_path: Path, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """The freight forwarder's workspace, whose clock nobody has moved yet."""
    with workspace_in(tmp_path, new_catalog(tmp_path)) as opened:
        save_users(opened.lake, [ANNA, SINA], actor=Actor.system())
        yield opened.lake


def moment(day: str, clock: str) -> datetime:
    """A time in Berlin, as an instant."""
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN).astimezone(UTC)


def clock_at(lake: Lake, now: datetime) -> None:
    """Let everything happen that is due by then."""
    run_until_current(lake, now=now)


def customer(lake: Lake, name: str, **values: Any) -> str:
    given = {"name": name, "folder": "active", "owner": "anna", **values}
    return create(lake, module="customers", values=given, actor=ADMIN).id


def mails(lake: Lake) -> list[tuple[str, str]]:
    """To whom something goes out, and the first words of what it is about, in the order in which it was written."""
    messages = table("crm", "communications")
    return lake.read(
        f"SELECT o.recipient, array_to_string(string_split(m.subject, ' ')[:2], ' ') FROM {OUTBOX} o "
        f"JOIN {messages} m ON m.id = o.communication_id ORDER BY o.id"
    ).rows()


def invoice(lake: Lake, name: str, due: datetime, **values: Any) -> str:
    owner = customer(lake, name, email=f"{name.lower()}@x.example")
    bill = {
        "customer": owner,
        "status": "sent",
        "due_on": due.astimezone(BERLIN).date().isoformat(),
        **values,
    }
    return create(lake, module="invoices", values={"total": 900, "owner": "sina", **bill}, actor=ADMIN).id


def test_an_overdue_invoice_is_reminded_of_twice_and_then_called_about_unless_it_is_paid(
    freight: Lake,
) -> None:
    due = datetime.now(UTC) + timedelta(days=10)
    open_, paid = invoice(freight, "Open", due), invoice(freight, "Paid", due)
    invoice(freight, "Draft", due, status="draft")
    invoice(freight, "Dispute", due, folder="disputed")
    first = moment((due + timedelta(days=3)).astimezone(BERLIN).date().isoformat(), "09:00")
    clock_at(freight, first - timedelta(minutes=1))
    assert mails(freight) == []
    clock_at(freight, first)
    once = sorted(mails(freight))
    assert [to for to, _ in once] == ["open@x.example", "paid@x.example"]
    assert {row[0]: row[1] for row in rows(freight, "invoices", "id", "status")}[open_] == "overdue"
    update(freight, module="invoices", record_id=paid, values={"status": "paid"}, actor=ADMIN)
    clock_at(freight, first + timedelta(days=9))
    assert len(mails(freight)) == 2
    clock_at(freight, first + timedelta(days=11))
    [again] = mails(freight)[2:]
    assert again[0] == "open@x.example" and again not in once, "the second mail is another one"
    clock_at(freight, first + timedelta(days=22))
    assert len(mails(freight)) == 3
    assert rows(freight, "tasks", "kind", "priority", "owner") == [("call", "high", "sina")]
    [notice] = list_notifications(freight, actor=SINA.actor)
    assert notice.record_id == open_ and "open after two reminders" in notice.text
    clock_at(freight, first + timedelta(days=60))
    ran = {one.record_id: one.state for one in list_runs(freight, actor=ADMIN, flow="invoice-reminders")}
    assert (ran[open_], ran[paid], len(mails(freight))) == ("done", "done", 3)


def weekday_after(days: int) -> datetime:
    """Seven in the morning of the first working day but Friday that is so far away."""
    day = datetime.now(BERLIN).date() + timedelta(days=days)
    while day.weekday() > 3:
        day += timedelta(days=1)
    return moment(day.isoformat(), "07:00")


def calls(lake: Lake) -> list[tuple[str, str]]:
    """The calls that are to be made, with who makes them, the oldest first."""
    there = table("crm", "tasks")
    return lake.read(
        f"SELECT CAST(customer AS VARCHAR), owner FROM {there} WHERE kind = 'call' ORDER BY created_at"
    ).rows()


def test_a_customer_left_alone_for_60_days_is_called_once_until_that_is_done(freight: Lake) -> None:
    quiet, spoken, asked = (customer(freight, name) for name in ("Quiet", "Spoken", "Asked"))
    customer(freight, "Never", preferred_channel="none")
    customer(freight, "Lead", folder="leads")
    first = weekday_after(70)
    told = {"channel": "call", "direction": "in", "subject": "Hello", "customer": spoken}
    told["occurred_at"] = (first - timedelta(days=20)).isoformat()
    create(freight, module="communications", values=told, actor=ADMIN)
    create(freight, module="tasks", values={"title": "Send the offer", "customer": asked}, actor=ADMIN)
    clock_at(freight, first - timedelta(days=20))
    assert calls(freight) == [], "nobody is known for 60 days yet"
    clock_at(freight, first)
    assert calls(freight) == [(quiet, "anna")]
    clock_at(freight, first + timedelta(days=1))
    assert calls(freight) == [(quiet, "anna")], "not again the next day"
    for days, expected in ((70, 1), (71, 2), (72, 2)):
        clock_at(freight, first + timedelta(days=days))
        assert [who for who, _ in calls(freight)].count(quiet) == expected
        for task in rows(freight, "tasks", "id") if days == 70 else ():
            update(freight, module="tasks", record_id=task, values={"status": "done"}, actor=ADMIN)


@pytest.mark.parametrize(
    ("born", "greeted"),
    [
        pytest.param("1990-06-15", ["2029-06-15", "2030-06-15"], id="each year"),
        pytest.param("1992-02-29", ["2031-02-28", "2032-02-29"], id="a leap day"),
    ],
)
def test_who_has_agreed_is_greeted_on_the_day_of_birth_and_nobody_else(
    freight: Lake, born: str, greeted: list[str]
) -> None:
    clock_at(freight, moment(greeted[0], "07:00"))
    one = customer(freight, "Ann", email="ann@x.example", birthday=born)
    other = customer(freight, "Bob", email="bob@x.example", birthday=born)
    customer(freight, "Cid", birthday=born)
    customer(freight, "Day", email="day@x.example", birthday=born, preferred_channel="none")
    say(freight, "ann@x.example", "granted", purpose="marketing")
    for times, day in enumerate(greeted, start=1):
        clock_at(freight, moment(day, "07:59"))
        assert len(mails(freight)) == times - 1
        clock_at(freight, moment(day, "08:00"))
        assert mails(freight) == [("ann@x.example", "Happy birthday")] * times
    ran = list_runs(freight, actor=ADMIN, flow="birthday-greeting")
    assert sorted(run.record_id or "" for run in ran) == sorted([one, other] * 2)
    left_out = [run for run in ran if run.record_id == other]
    for run in left_out:
        [step] = show_run(freight, run.id, actor=ADMIN).effects
        assert step.outcome == "skipped" and "consent" in str(step.detail)
