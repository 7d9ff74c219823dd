"""What sets off a flow, and what it then does, from the change of a record to the effect."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.records import create, delete, restore
from flows.run_history import list_runs, show_run
from flows.runner import run_once, run_until_current
from lake import Change, Lake, table
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run, states


def test_a_created_record_sets_off_a_flow(crm: Lake) -> None:
    activate(crm, flow("seen", when=leaf("channel", "eq", "form")))
    inquiry(crm, channel="form")
    inquiry(crm, channel="api")
    run(crm)
    assert rows(crm, "inquiries", "channel", "note") == [("api", None), ("form", "seen")]
    assert sorted(states(crm)) == ["done", "not_matched"]


def test_what_was_there_before_a_flow_does_not_set_it_off(crm: Lake) -> None:
    inquiry(crm)
    activate(crm, flow("late"))
    inquiry(crm)
    run(crm)
    assert rows(crm, "inquiries", "note") == ["late", None]


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        pytest.param({}, True, id="any field"),
        pytest.param({"fields": ["status"]}, True, id="the field"),
        pytest.param({"fields": ["amount"]}, False, id="another field"),
        pytest.param({"fields": ["status"], "is": "won"}, True, id="to the value"),
        pytest.param({"fields": ["status"], "is": "closed"}, False, id="to another value"),
        pytest.param({"fields": ["status"], "was": "new"}, True, id="from the value"),
        pytest.param({"fields": ["status"], "was": None}, False, id="from a missing one"),
        pytest.param({"fields": ["status"], "was": "new", "is": ["won", "closed"]}, True, id="from and to"),
    ],
)
def test_a_changed_field_sets_off_a_flow(crm: Lake, trigger: dict[str, Any], expected: bool) -> None:
    activate(crm, flow("seen", on=trigger))
    change(crm, inquiry(crm), status="won")
    run(crm)
    assert rows(crm, "inquiries", "note") == ["seen" if expected else None]


def test_deleting_and_restoring_set_off_flows(crm: Lake) -> None:
    task = {"create_task": {"title": "{{ subject }} is gone"}}
    activate(
        crm,
        flow("gone", task, on="deleted"),
        flow("back", on="restored"),
        flow("changed", on={"fields": ["status"]}),
    )
    record = inquiry(crm, subject="A")
    delete(crm, module="inquiries", record_id=record, actor=ADMIN)
    run(crm)
    assert rows(crm, "tasks", "title", "about") == [("A is gone", None)]
    restore(crm, module="inquiries", record_id=record, actor=ADMIN)
    run(crm)
    assert rows(crm, "inquiries", "note") == ["back"]


def test_only_the_folders_of_a_flow_count(crm: Lake) -> None:
    activate(crm, flow("claim", folders=["claims"]))
    inquiry(crm, folder="claims")
    inquiry(crm)
    run(crm)
    assert rows(crm, "inquiries", "folder", "note") == [("claims", "claim"), ("inbox", None)]


def test_a_row_written_past_the_door_sets_off_flows(crm: Lake) -> None:
    activate(crm, flow("seen"))
    with crm.session() as outside:
        outside.execute(
            f"INSERT INTO {table('crm', 'inquiries')} (id, subject, folder, status) "
            "VALUES (uuidv7(), 'x', 'inbox', 'new')"
        )
    run(crm)
    assert rows(crm, "inquiries", "note") == ["seen"]


@pytest.mark.parametrize("door", ["load:silent", "undo"])
def test_a_silent_door_sets_off_nothing(crm: Lake, door: str) -> None:
    activate(crm, flow("seen"))
    create(crm, module="inquiries", values={"subject": "x"}, actor=ADMIN, change=Change(actor="a", door=door))
    run(crm)
    assert states(crm) == []


def test_values_are_those_of_the_commit(crm: Lake) -> None:
    activate(crm, flow("won", {"create_task": {"title": "{{ status }}"}}, on={"fields": ["status"]}))
    record = inquiry(crm)
    for status in ("acknowledged", "won", "closed"):
        change(crm, record, status=status)
    run(crm)
    assert rows(crm, "tasks", "title") == ["acknowledged", "closed", "won"]


def test_a_run_tells_what_each_leaf_saw(crm: Lake) -> None:
    customer = create(crm, module="customers", values={"name": "A", "country": "FR"}, actor=ADMIN).id
    activate(crm, flow("seen", when={"all": [leaf("amount", "gt", 5), leaf("customer.country", "eq", "DE")]}))
    inquiry(crm, amount=7, customer=customer)
    run(crm)
    [missed] = list_runs(crm, actor=ADMIN)
    assert [(one.field, one.true, one.seen) for one in missed.trace or ()] == [
        ("amount", True, "7"),
        ("customer.country", False, "FR"),
    ]


def test_steps_are_told_with_what_they_wrote(crm: Lake) -> None:
    do = ({"create_task": {"title": "T"}}, {"set_field": {"status": "won", "note": "n"}})
    activate(crm, flow("all", *do))
    record = inquiry(crm)
    run(crm)
    [one] = list_runs(crm, actor=ADMIN)
    effects = show_run(crm, one.id, actor=ADMIN).effects
    assert [(e.action, e.module, e.outcome, sorted(e.fields)) for e in effects] == [
        ("create_task", "tasks", "written", []),
        ("set_field", "inquiries", "written", ["note", "status"]),
    ]
    assert effects[1].record_id == record


def test_several_flows_on_one_record_are_one_write_and_the_last_wins(crm: Lake) -> None:
    activate(
        crm,
        flow("a-first", {"set_field": {"note": "a", "status": "won", "tags": {"add": ["a", "x"]}}}),
        flow("b-second", {"set_field": {"note": "b", "tags": {"add": ["b"], "remove": ["x"]}}}),
    )
    inquiry(crm, tags=["x", "old"])
    run(crm)
    assert rows(crm, "inquiries", "note", "status", "tags") == [("b", "won", ["old", "a", "b"])]
    first, second = sorted(list_runs(crm, actor=ADMIN), key=lambda one: one.flow)
    assert sorted(show_run(crm, first.id, actor=ADMIN).effects[0].fields) == ["status", "tags"]
    assert sorted(show_run(crm, second.id, actor=ADMIN).effects[0].fields) == ["note", "tags"]
    commits = crm.read(f"SELECT count(DISTINCT committed) AS n FROM {table('ops', 'flow_runs')}")["n"][0]
    assert commits == 1


def test_a_flow_does_not_set_off_itself(crm: Lake) -> None:
    activate(crm, flow("self", {"set_field": {"note": "{{ note }}x", "amount": 1}}, on={}))
    record = inquiry(crm)
    change(crm, record, subject="T")
    run(crm)
    assert rows(crm, "inquiries", "note") == ["x"] and states(crm) == ["done"]


def test_a_flow_that_creates_its_own_kind_does_not_set_off_itself(crm: Lake) -> None:
    activate(crm, flow("again", {"create_task": {"title": "next"}}, module="tasks"))
    create(crm, module="tasks", values={"title": "first"}, actor=ADMIN)
    run(crm)
    assert rows(crm, "tasks", "title") == ["first", "next"]


def test_in_one_write_of_two_flows_each_is_set_off_by_the_other_only(crm: Lake) -> None:
    activate(
        crm,
        flow("a", {"set_field": {"amount": 1}}, on={"fields": ["subject", "amount"]}),
        flow("b", {"set_field": {"note": "b"}}, on={"fields": ["subject", "note"]}),
        flow("c", {"create_task": {"title": "{{ note }}"}}, on={"fields": ["note"]}),
    )
    change(crm, inquiry(crm), subject="T")
    run(crm)
    assert states(crm, "a") == ["done"] and states(crm, "b") == ["done"]
    assert rows(crm, "tasks", "title") == ["b"]


def test_a_chain_stops_with_the_names_of_its_flows(crm: Lake) -> None:
    up = {"set_field": {"note": "{{ note }}x"}}
    activate(
        crm,
        flow("ping", {"set_field": {"code": "{{ note }}"}}, on={"fields": ["note"]}),
        flow("pong", up, on={"fields": ["code"]}),
    )
    change(crm, inquiry(crm), note="x")
    run(crm)
    *ran, stopped = sorted(list_runs(crm, actor=ADMIN), key=lambda one: one.depth)
    assert [one.depth for one in ran] == list(range(1, 9)) and {one.state for one in ran} == {"done"}
    assert stopped.state == "failed" and "ping → pong → ping" in str(stopped.error)


def test_a_failed_flow_harms_no_other(crm: Lake) -> None:
    activate(
        crm,
        flow(
            "a-bad",
            {"set_field": {"amount": 5}},
            {"set_field": {"note": "{{ subject }}" * 5}},
            {"create_task": {"title": "no"}},
        ),
        flow("b-good", {"create_task": {"title": "yes"}}),
    )
    inquiry(crm, subject="a long subject")
    run(crm)
    bad, good = sorted(list_runs(crm, actor=ADMIN), key=lambda one: one.flow)
    assert (bad.state, bad.failed_step, good.state) == ("failed", 1, "done")
    assert "note" in str(bad.error)
    # What came before the step that failed stands; what comes after it is not done.
    assert rows(crm, "inquiries", "amount", "note") == [(5, None)] and rows(crm, "tasks", "title") == ["yes"]


def test_a_taken_key_fails_only_its_own_run(crm: Lake) -> None:
    activate(crm, flow("keyed", {"create_task": {"title": "t", "code": "{{ channel }}"}}))
    for channel in ("form", "api", "form"):
        inquiry(crm, channel=channel)
    run(crm)
    assert rows(crm, "tasks", "code") == ["api", "form"]
    assert sorted(states(crm)) == ["done", "done", "failed"]


def test_a_record_that_is_gone_is_passed_over(crm: Lake) -> None:
    activate(crm, flow("late", on={}))
    record = inquiry(crm)
    change(crm, record, subject="T")
    delete(crm, module="inquiries", record_id=record, actor=ADMIN)
    run(crm)
    [one] = list_runs(crm, actor=ADMIN)
    [effect] = show_run(crm, one.id, actor=ADMIN).effects
    assert effect.outcome == "skipped" and "not there any more" in str(effect.detail)


def test_a_move_takes_the_start_status_of_the_new_folder(crm: Lake) -> None:
    activate(crm, flow("claim", {"set_field": {"folder": "claims"}}))
    inquiry(crm)
    run(crm)
    assert rows(crm, "inquiries", "folder", "status") == [("claims", "opened")]
    [one] = list_runs(crm, actor=ADMIN)
    assert sorted(show_run(crm, one.id, actor=ADMIN).effects[0].fields) == ["folder", "status"]


def test_relative_times_begin_at_the_event(crm: Lake) -> None:
    activate(crm, flow("due", {"set_field": {"due": {"today": "+3d"}, "answered_at": {"in": "4h"}}}))
    moment = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)  # the 25th in Berlin, the night the clocks go back
    create(
        crm, module="inquiries", values={"subject": "x"}, actor=ADMIN,
        change=Change(actor="a", door="t", occurred_at=moment),
    )  # fmt: skip
    run(crm)
    assert rows(crm, "inquiries", "due", "answered_at") == [
        (datetime(2026, 10, 28).date(), moment + timedelta(hours=4))
    ]


def test_nothing_to_do_stores_nothing(crm: Lake) -> None:
    activate(crm, flow("seen", module="tasks", when=None) | {"do": [{"set_field": {"notes": "x"}}]})
    run(crm)
    before = crm.snapshot()
    inquiry(crm)
    run(crm)
    assert crm.snapshot() == before + 1


def test_a_window_is_worked_through_once(crm: Lake) -> None:
    activate(crm, flow("seen", {"create_task": {"title": "T"}}))
    inquiry(crm)
    for _ in range(3):
        run(crm)
    assert rows(crm, "tasks", "title") == ["T"] and states(crm) == ["done"]


def test_changes_of_many_commits_are_seen_in_windows_of_any_size(crm: Lake) -> None:
    activate(crm, flow("seen", {"create_task": {"title": "{{ subject }}"}}))
    for number in range(5):
        inquiry(crm, subject=f"s{number}")
    after = 0
    while (report := run_once(crm, after=after, max_snapshots=2)) is not None:
        after = report.until
    assert rows(crm, "tasks", "title") == [f"s{number}" for number in range(5)]


def test_a_flow_that_broke_is_told_and_harms_no_other(crm: Lake) -> None:
    activate(crm, flow("good"))
    broken = flow("broken", {"set_field": {"note": "{{ nope }}"}})
    # As an older release, or a hand in the lake, may have left it.
    crm.commit(
        lambda tx: tx.execute(
            f"INSERT INTO {table('meta', 'definitions')} VALUES ('flow', 'b', 'broken', 1, 'active', ?, ?, now(), ?)",
            [json.dumps(broken), tx.change_id, tx.snapshot],
        ),
        Change(actor="a", door="t"),
    )
    inquiry(crm)
    run(crm)
    assert rows(crm, "inquiries", "note") == ["good"]
    [failed] = list_runs(crm, actor=ADMIN, state="failed")
    assert failed.flow == "broken" and "nope" in str(failed.error)


def test_definitions_count_from_the_moment_they_are_saved(crm: Lake) -> None:
    activate(crm, flow("v", {"create_task": {"title": "one"}}))
    inquiry(crm)
    activate(crm, flow("v", {"create_task": {"title": "two"}}))
    inquiry(crm)
    save(
        crm,
        [("flow", flow("v", {"create_task": {"title": "three"}}) | {"state": "paused"})],
        actor=Actor.system(),
    )
    inquiry(crm)
    reports = run_until_current(crm)
    assert rows(crm, "tasks", "title") == ["one", "two"]
    assert sum(report.runs for report in reports) == 2
    assert sorted(one.flow_version for one in list_runs(crm, actor=ADMIN)) == [1, 2]
