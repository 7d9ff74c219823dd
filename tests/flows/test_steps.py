"""Steps beyond actions: branches, waits, lists, calls and ends, from the change to the effect."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_core.errors import Conflict
from crm_core.records import create, delete
from flows.cancelling import cancel_runs
from flows.holding import count_held, drop_runs, release_runs
from flows.retry import retry_run
from flows.run_history import list_runs, show_run
from flows.run_steps import read_run_steps
from flows.runner import run_until_current
from lake import Lake, table
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run, states

LATER = datetime.now(UTC) + timedelta(days=400)


def note(text: str) -> dict[str, Any]:
    return {"set_field": {"note": text}}


def branch(*arms: tuple[Any, list[Any]], other: list[Any] | None = None) -> dict[str, Any]:
    (first, then), *more = arms
    document: dict[str, Any] = {"if": first, "then": then}
    if more:
        document["else_if"] = [{"if": when, "then": some} for when, some in more]
    return document | ({"else": other} if other else {})


def later(lake: Lake) -> None:
    """Let everything go on that waits for any time."""
    run_until_current(lake, now=LATER)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        pytest.param(5000, "large", id="the first arm"),
        pytest.param(500, "middle", id="the second arm"),
        pytest.param(5, "small", id="none of them"),
        pytest.param(None, "small", id="a missing value"),
    ],
)
def test_a_branch_takes_the_first_arm_that_holds(crm: Lake, amount: int | None, expected: str) -> None:
    fork = branch(
        (leaf("amount", "ge", 1000), [note("large")]),
        (leaf("amount", "ge", 100), [note("middle")]),
        other=[note("small")],
    )
    activate(crm, flow("a", fork, {"set_field": {"score": 1}}))
    inquiry(crm, amount=amount)
    run(crm)
    assert rows(crm, "inquiries", "note", "score") == [(expected, 1)]


def test_a_stop_ends_the_way_it_stands_on_and_no_other(crm: Lake) -> None:
    fork = branch((leaf("amount", "ge", 10), [note("enough"), {"stop": "nothing more to do"}]))
    activate(crm, flow("a", fork, {"set_field": {"score": 1}}))
    inquiry(crm, amount=50)
    inquiry(crm, amount=5)
    run(crm)
    assert rows(crm, "inquiries", "amount", "note", "score") == [(5, None, 1), (50, "enough", None)]
    [stopped] = [e for one in list_runs(crm, actor=ADMIN) for e in show_run(crm, one.id, actor=ADMIN).effects
                 if e.action == "stop"]  # fmt: skip
    assert (stopped.outcome, stopped.detail) == ("stopped", "nothing more to do")


def test_a_wait_survives_and_goes_on_with_the_record_as_it_is_then(crm: Lake) -> None:
    activate(crm, flow("a", note("first"), {"wait": {"for": "3d"}}, {"set_field": {"note": "{{ subject }}"}}))
    record = inquiry(crm)
    run(crm)
    assert (states(crm), rows(crm, "inquiries", "note")) == (["waiting"], ["first"])
    change(crm, record, subject="renamed")
    run_until_current(crm, now=datetime.now(UTC) + timedelta(days=2))
    assert states(crm) == ["waiting"]
    later(crm)
    assert (states(crm), rows(crm, "inquiries", "note")) == (["done"], ["renamed"])
    [done] = list_runs(crm, actor=ADMIN)
    assert [(e.step, e.outcome) for e in show_run(crm, done.id, actor=ADMIN).effects] == [
        (0, "written"), (1, "waiting"), (2, "written"),
    ]  # fmt: skip


def test_a_wait_within_a_branch_holds_up_only_those_that_take_it(crm: Lake) -> None:
    fork = branch((leaf("amount", "ge", 10), [{"wait": {"for": "1d"}}, {"set_field": {"score": 2}}]))
    activate(crm, flow("a", fork, note("end")))
    inquiry(crm, amount=50)
    inquiry(crm, amount=5)
    run(crm)
    assert rows(crm, "inquiries", "amount", "note", "score") == [(5, "end", None), (50, None, None)]
    later(crm)
    assert rows(crm, "inquiries", "amount", "note", "score") == [(5, "end", None), (50, "end", 2)]


def test_a_wait_for_a_date_counts_days_in_the_zone_of_the_workspace(crm: Lake) -> None:
    activate(crm, flow("a", {"wait": {"until": "due", "offset": "-2d", "at": "09:00"}}, note("due soon")))
    inquiry(crm, due="2027-03-29")
    run(crm)
    [due] = crm.read(f"SELECT due_at FROM {table('ops', 'flow_timers')}")["due_at"]
    assert due == datetime(2027, 3, 27, 8, 0, tzinfo=UTC)  # 09:00 in Berlin, before summer time begins


def test_a_date_that_is_missing_fails_the_run_and_can_be_retried(crm: Lake) -> None:
    activate(crm, flow("a", note("began"), {"wait": {"until": "due"}}, note("over")))
    record = inquiry(crm)
    run(crm)
    [failed] = list_runs(crm, actor=ADMIN)
    assert (failed.state, failed.failed_step, "missing" in str(failed.error)) == ("failed", 1, True)
    change(crm, record, due="2026-01-01", note="mended")
    assert retry_run(crm, failed.id, actor=ADMIN).state == "waiting"
    later(crm)
    assert (states(crm), rows(crm, "inquiries", "note")) == (["done"], ["over"])


@pytest.mark.parametrize(
    ("paid", "expected"),
    [pytest.param(True, "thanks", id="it comes"), pytest.param(False, "reminded", id="it does not come")],
)
def test_a_wait_for_an_event_ends_with_it_or_times_out(crm: Lake, paid: bool, expected: str) -> None:
    wait = {
        "wait": {"event": "updated", "fields": ["status"], "is": "won", "within": "7d"},
        "on_timeout": [note("reminded"), {"stop": "no answer"}],
    }
    activate(crm, flow("a", wait, note("thanks")))
    record = inquiry(crm)
    run(crm)
    if paid:
        change(crm, record, status="won")
        run(crm)
    later(crm)
    assert (states(crm), rows(crm, "inquiries", "note")) == (["done"], [expected])


def test_a_wait_can_be_for_a_record_that_links_to_this_one(crm: Lake) -> None:
    wait = {
        "wait": {"event": "created", "of": "tasks", "when": leaf("priority", "eq", "high"), "within": "7d"}
    }
    activate(crm, flow("a", wait, note("a task came")))
    record, other = inquiry(crm), inquiry(crm)
    run(crm)
    for about, priority in ((record, "high"), (other, "low")):
        task = {"title": "T", "priority": priority, "about": {"module": "inquiries", "id": about}}
        create(crm, module="tasks", values=task, actor=ADMIN)
    run(crm)
    assert rows(crm, "inquiries", "note") == ["a task came", None]


def test_steps_are_done_for_each_related_record(crm: Lake) -> None:
    customer = create(crm, module="customers", values={"name": "Ada"}, actor=ADMIN).id
    for title, priority in (("one", "low"), ("two", "high")):
        create(
            crm,
            module="tasks",
            values={"title": title, "priority": priority, "about": {"module": "customers", "id": customer}},
            actor=ADMIN,
        )
    each = {"for_each": "customer.tasks", "when": leaf("priority", "eq", "low"), "do": [
        {"set_field": {"notes": "seen: {{ title }}", "priority": "normal"}}
    ]}  # fmt: skip
    activate(crm, flow("a", each, note("done")))
    inquiry(crm, customer=customer)
    run(crm)
    assert rows(crm, "tasks", "title", "priority", "notes") == [
        ("one", "normal", "seen: one"), ("two", "high", None),
    ]  # fmt: skip
    assert rows(crm, "inquiries", "note") == ["done"]
    child = next(one for one in list_runs(crm, actor=ADMIN) if one.module == "tasks")
    assert (child.flow, child.state, child.event) == ("a", "done", "called")


def test_a_flow_calls_another_on_a_linked_record(crm: Lake) -> None:
    vip = flow(
        "vip", {"set_field": {"vip": True}}, module="customers", on="manual", when=leaf("country", "eq", "DE")
    )
    activate(crm, vip)
    activate(crm, flow("a", {"call": "vip", "on": "customer"}, note("called")))
    for country in ("DE", "FR"):
        customer = create(
            crm, module="customers", values={"name": country, "country": country}, actor=ADMIN
        ).id
        inquiry(crm, customer=customer)
    run(crm)
    assert rows(crm, "customers", "name", "vip") == [("DE", True), ("FR", None)]
    assert sorted(states(crm, "vip")) == ["done", "not_matched"]
    assert rows(crm, "inquiries", "note") == ["called", "called"]


def test_a_flow_that_calls_itself_is_stopped_with_the_names(crm: Lake) -> None:
    again = flow("again", {"set_field": {"amount": 1}}, on="manual")
    activate(crm, again)
    activate(crm, again | {"do": [{"set_field": {"amount": 2}}, {"call": "again"}]})
    activate(crm, flow("a", {"call": "again"}))
    inquiry(crm)
    run(crm)
    failed = [one for one in list_runs(crm, actor=ADMIN) if one.state == "failed"]
    assert len(failed) == 1
    assert "again → again" in str(failed[0].error)


def test_what_stands_behind_a_failed_step_is_not_begun(crm: Lake) -> None:
    activate(crm, flow("vip", {"set_field": {"vip": True}}, module="customers", on="manual"))
    activate(crm, flow("a", {"set_field": {"code": "taken"}}, {"call": "vip", "on": "customer"}))
    customer = create(crm, module="customers", values={"name": "Ada"}, actor=ADMIN).id
    inquiry(crm, code="taken")
    inquiry(crm, customer=customer)
    run(crm)
    assert rows(crm, "customers", "vip") == [None]
    assert states(crm, "vip") == []


def test_a_run_is_retried_from_its_failed_step_alone(crm: Lake) -> None:
    task = {"create_task": {"title": "{{ subject }}", "code": "{{ note }}"}}
    activate(crm, flow("a", {"create_task": {"title": "first"}}, task, {"set_field": {"score": 1}}))
    create(crm, module="tasks", values={"title": "there", "code": "taken"}, actor=ADMIN)
    record = inquiry(crm, note="taken")
    run(crm)
    [failed] = list_runs(crm, actor=ADMIN, state="failed")
    change(crm, record, note="free")
    assert retry_run(crm, failed.id, actor=ADMIN).state == "done"
    assert rows(crm, "tasks", "title") == ["S", "first", "there"]
    assert rows(crm, "inquiries", "score") == [1]
    with pytest.raises(Conflict, match="is done"):
        retry_run(crm, failed.id, actor=ADMIN)


def test_a_waiting_run_ends_with_its_record_or_when_it_is_cancelled(crm: Lake) -> None:
    activate(crm, flow("a", {"wait": {"for": "1d"}}, note("too late")))
    gone, kept = inquiry(crm), inquiry(crm)
    run(crm)
    delete(crm, module="inquiries", record_id=gone, actor=ADMIN)
    [waiting] = list_runs(crm, actor=ADMIN, record_id=kept)
    cancel_runs(crm, waiting.id, actor=ADMIN)
    later(crm)
    assert states(crm) == ["cancelled", "cancelled"]
    assert rows(crm, "inquiries", "note") == [None]


def test_more_records_than_the_limit_are_held_until_somebody_has_looked(crm: Lake) -> None:
    activate(crm, flow("a", limit=2))
    activate(crm, flow("b", {"set_field": {"score": 1}}))
    for _ in range(3):
        inquiry(crm)
    run(crm)
    assert (count_held(crm, actor=ADMIN), rows(crm, "inquiries", "note", "score")) == (
        {"a": 3},
        [(None, 1)] * 3,
    )
    one = list_runs(crm, actor=ADMIN, state="held")[0]
    assert drop_runs(crm, "a", actor=ADMIN, ids=[one.id]) == 1
    assert release_runs(crm, "a", actor=ADMIN) == 2
    assert sorted(states(crm, "a")) == ["cancelled", "done", "done"]
    assert sorted(rows(crm, "inquiries", "note"), key=str) == [None, "a", "a"]


def test_a_wait_goes_on_under_the_version_it_began_with(crm: Lake) -> None:
    activate(crm, flow("a", {"wait": {"for": "1d"}}, note("old")))
    inquiry(crm)
    run(crm)
    activate(crm, flow("a", note("new")))
    later(crm)
    assert rows(crm, "inquiries", "note") == ["old"]


def test_a_run_tells_what_each_step_was_given_found_and_made(crm: Lake) -> None:
    activate(crm, flow("a", {"set_field": {"note": "new"}}, {"create_task": {"title": "T {{ subject }}"}}))
    inquiry(crm, note="old")
    run(crm)
    [done] = list_runs(crm, actor=ADMIN)
    first, second = read_run_steps(crm, done.id, actor=ADMIN)
    assert (first.given, first.before, first.after) == (
        {"set_field": {"note": "new"}}, {"note": "old"}, {"note": "new"},
    )  # fmt: skip
    assert (second.outcome, second.before, second.after["title"]) == ("written", {}, "T S")
    assert all(step.attempt == 1 and step.seconds is not None for step in (first, second))
