"""What somebody changed after the change that a flow acts on stays; these run on PostgreSQL as well."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import read_catalog
from flows.active import active_flows
from flows.commit import prepare, store
from flows.manual import run_flow
from flows.run_history import list_runs, read_effects
from flows.runner import run_once
from flows.window import stage_window
from flows.windows import next_window
from lake import Change, Lake, table
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run, states


def told(lake: Lake, slug: str) -> list[tuple[str, list[str], str | None]]:
    """Outcome, fields and detail of each step of a flow's only run."""
    [one] = list_runs(lake, actor=ADMIN, flow=slug)
    return [
        (step.outcome, list(step.fields), step.detail)
        for step in read_effects(lake, [one.id]).get(one.id, [])
    ]


def test_what_a_person_set_after_the_change_is_not_overwritten(crm: Lake) -> None:
    activate(
        crm, flow("f", {"set_field": {"note": "by the flow", "amount": 7}}, when=leaf("note", "is_empty"))
    )
    record = inquiry(crm)
    change(crm, record, note="by Anna")
    run(crm)
    assert rows(crm, "inquiries", "note", "amount") == [("by Anna", 7)]
    assert told(crm, "f") == [("written", ["amount"], f"left as {ADMIN.user} changed it meanwhile: Note")]


def test_a_step_of_which_nothing_is_left_says_why(crm: Lake) -> None:
    activate(crm, flow("f", {"change_status": "acknowledged"}, {"set_field": {"note": "seen"}}))
    change(crm, inquiry(crm), status="closed")
    run(crm)
    assert rows(crm, "inquiries", "status", "note") == [("closed", "seen")]
    [status, note] = told(crm, "f")
    assert (status[0], note[0], states(crm)) == ("skipped", "written", ["done"])
    assert status[2] is not None and "changed it meanwhile: Status" in status[2]


def test_a_change_that_the_flow_waits_for_is_judged_by_itself(crm: Lake) -> None:
    set_high = {"set_field": {"note": "large {{ amount }}"}}
    large = flow("f", set_high, on={"fields": ["amount"]}, when=leaf("amount", "ge", 10))
    activate(crm, large)
    record = inquiry(crm)
    change(crm, record, amount=20)
    change(crm, record, note="small after all", amount=5)
    change(crm, record, amount=30)
    run(crm)
    assert states(crm) == ["done", "not_matched", "done"]
    assert rows(crm, "inquiries", "note") == ["large 30"]


def test_runs_of_flows_follow_one_another_in_the_order_of_their_changes(crm: Lake) -> None:
    activate(crm, flow("f", {"set_field": {"note": "{{ amount }}"}}, on={"fields": ["amount"]}))
    record = inquiry(crm)
    for amount in (1, 2, 3):
        change(crm, record, amount=amount)
    after = 0
    while (report := run_once(crm, after=after, max_snapshots=1)) is not None:
        after = report.until
    assert rows(crm, "inquiries", "note") == ["3"]


@pytest.mark.parametrize(
    ("step", "theirs", "stays"),
    [
        pytest.param(
            {"change_status": "won"}, {"folder": "claims"}, ("claims", "opened"), id="a move of folder"
        ),
        pytest.param({"move_folder": "secret"}, {"folder": "claims"}, ("claims", "opened"), id="two moves"),
        pytest.param(
            {"move_folder": "claims"}, {"status": "closed"}, ("claims", "closed"), id="a status that fits"
        ),
    ],
)
def test_a_folder_and_its_statuses_stay_together(
    crm: Lake, step: dict[str, Any], theirs: dict[str, Any], stays: tuple[str, str]
) -> None:
    activate(crm, flow("f", step))
    change(crm, inquiry(crm), **theirs)
    run(crm)
    assert rows(crm, "inquiries", "folder", "status") == [stays] and states(crm) == ["done"]


def test_an_amount_stays_whole_and_members_of_lists_add_up(crm: Lake) -> None:
    price = {"price": {"amount": 1, "currency": "USD"}}
    activate(crm, flow("f", {"set_field": price}, {"set_field": {"kinds": {"add": ["sea"]}}}))
    record = inquiry(crm)
    change(crm, record, price={"amount": 9, "currency": "EUR"}, kinds=["air"])
    run(crm)
    [(amount, currency, kinds)] = rows(crm, "inquiries", "price", "price__currency", "kinds")
    assert (int(amount), currency, sorted(kinds)) == (9, "EUR", ["air", "sea"])


def test_another_program_counts_as_somebody(crm: Lake) -> None:
    activate(crm, flow("f"))
    inquiry(crm)
    outside = f"UPDATE {table('crm', 'inquiries')} SET note = 'outside', change_id = NULL"
    crm.commit(lambda tx: tx.execute(outside), Change(actor="program", door="program"))
    run(crm)
    assert rows(crm, "inquiries", "note") == ["outside"]


def test_what_comes_between_working_out_and_storing_counts(crm: Lake) -> None:
    activate(crm, flow("f", {"set_field": {"note": "by the flow", "amount": 7}}))
    record = inquiry(crm)
    found = next_window(crm, after=read_catalog(crm).version)
    assert found is not None
    window, catalog = found
    with crm.session() as session:
        staged = stage_window(session, crm, catalog, active_flows(catalog), window)
        change(crm, record, note="before it is prepared")
        prepared = prepare(session, staged)
        change(crm, record, amount=1)
        session.commit(
            lambda tx: store(tx, prepared, hold_over=5), Change(actor="system", door="flow:window")
        )
    assert rows(crm, "inquiries", "note", "amount") == [("before it is prepared", 1)]
    [(outcome, fields, detail)] = told(crm, "f")
    assert (outcome, fields) == ("skipped", []) and detail is not None and "Amount" in detail


def test_a_run_by_hand_sets_what_stands_there(crm: Lake) -> None:
    activate(crm, flow("f", on="manual"))
    record = inquiry(crm)
    change(crm, record, note="old")
    run_flow(crm, "f", ids=[record], actor=ADMIN)
    assert rows(crm, "inquiries", "note") == ["f"]
