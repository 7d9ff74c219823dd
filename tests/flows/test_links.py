"""Flows that wait for a link to come or go, seen from either end."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import save
from crm_core.records import create, delete, link, unlink
from flows.run_history import list_runs
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run


def customer(lake: Lake, name: str, **values: Any) -> str:
    return create(lake, module="customers", values={"name": name, **values}, actor=ADMIN).id


def on(event: str, to: str, **more: Any) -> dict[str, Any]:
    return {"trigger": {"event": event, "link": to}, **more}


def join(lake: Lake, one: str, *others: str) -> None:
    link(lake, module="inquiries", record_id=one, relationship="partners", to=others, actor=ADMIN)


def part(lake: Lake, one: str, *others: str) -> None:
    unlink(lake, module="inquiries", record_id=one, relationship="partners", to=others, actor=ADMIN)


def seen(lake: Lake, slug: str) -> list[tuple[str | None, str]]:
    """The records and events of the runs of a flow, in their order."""
    found = list_runs(lake, actor=ADMIN, flow=slug)
    return [(one.record_id, one.event) for one in sorted(found, key=lambda one: (one.snapshot, one.event))]


def test_a_link_sets_off_the_flows_of_both_ends(crm: Lake) -> None:
    one, ann, bob = inquiry(crm), customer(crm, "Ann"), customer(crm, "Bob")
    activate(
        crm,
        flow("near") | on("linked", "partners"),
        flow("far", {"set_field": {"tags": {"add": ["partner"]}}}, module="customers")
        | on("linked", "partner_of"),
        flow("gone", module="inquiries") | on("unlinked", "partners"),
    )
    join(crm, one, ann, bob)
    run(crm)
    assert seen(crm, "near") == [(one, "linked")], "two links of one commit are one change of the record"
    assert sorted(seen(crm, "far")) == sorted([(ann, "linked"), (bob, "linked")])
    assert rows(crm, "customers", "tags") == [["partner"], ["partner"]]
    part(crm, one, ann)
    run(crm)
    assert seen(crm, "gone") == [(one, "unlinked")] and len(seen(crm, "near")) == 1
    join(crm, one, ann)
    run(crm)
    assert len(seen(crm, "near")) == 2, "a link that came back came"


def test_a_reference_that_is_set_or_cleared_counts_as_a_link(crm: Lake) -> None:
    ann, bob = customer(crm, "Ann"), customer(crm, "Bob")
    activate(crm, flow("came") | on("linked", "customer"), flow("went") | on("unlinked", "customer"))
    one = inquiry(crm, customer=ann)
    bare = inquiry(crm)
    run(crm)
    assert seen(crm, "came") == [(one, "linked")]
    change(crm, one, note="other")
    change(crm, bare, customer=bob)
    change(crm, one, customer=bob)
    run(crm)
    assert seen(crm, "came") == [(one, "linked"), (bare, "linked"), (one, "linked")]
    assert seen(crm, "went") == [(one, "unlinked")]
    change(crm, one, customer=None)
    run(crm)
    assert seen(crm, "went") == [(one, "unlinked"), (one, "unlinked")]


def test_a_condition_sees_the_record_as_its_commit_left_it(crm: Lake) -> None:
    one, two, ann = inquiry(crm, amount=1), inquiry(crm, amount=1), customer(crm, "Ann")
    activate(crm, flow("rich", when=leaf("amount", "ge", 5)) | on("linked", "partners"))
    run(crm)
    join(crm, one, ann)
    change(crm, one, amount=9)
    change(crm, two, amount=9)
    join(crm, two, ann)
    change(crm, two, amount=1)
    run(crm)
    held = {(run.record_id, run.state) for run in list_runs(crm, actor=ADMIN, flow="rich")}
    assert held == {(one, "not_matched"), (two, "done")}, (
        "both in one window, each with the value of its commit"
    )


def test_a_change_and_a_link_of_one_commit_set_off_each_their_own(crm: Lake) -> None:
    ann = customer(crm, "Ann")
    activate(
        crm,
        flow("made", {"set_field": {"note": "made"}}),
        flow("tied", {"set_field": {"tags": {"add": ["tied"]}}}) | on("linked", "customer"),
    )
    inquiry(crm, customer=ann)
    run(crm)
    assert rows(crm, "inquiries", "note", "tags") == [("made", ["tied"])]
    assert {one.event for one in list_runs(crm, actor=ADMIN)} == {"created", "linked"}


def test_a_record_that_was_deleted_in_the_same_window_had_its_link_before(crm: Lake) -> None:
    one, ann, bob = inquiry(crm), customer(crm, "Ann"), customer(crm, "Bob")
    activate(crm, flow("near") | on("unlinked", "partners"))
    join(crm, one, ann, bob)
    run(crm)
    part(crm, one, ann)
    delete(crm, module="inquiries", record_id=one, actor=ADMIN)
    run(crm)
    assert seen(crm, "near") == [(one, "unlinked")], "it was there when the link went"


@pytest.mark.parametrize("event", ["linked", "unlinked"])
def test_where_no_flow_waits_for_links_none_is_staged(crm: Lake, event: str) -> None:
    one, ann = inquiry(crm), customer(crm, "Ann")
    activate(crm, flow("plain", on="updated"))
    run(crm)
    join(crm, one, ann)
    if event == "unlinked":
        part(crm, one, ann)
    run(crm)
    assert list_runs(crm, actor=ADMIN) == []


def test_a_step_that_would_link_a_record_below_itself_fails_and_the_others_stand(crm: Lake) -> None:
    kin = {
        "module": "customers", "slug": "kin", "kind": "many_to_many", "to": "customers", "inverse": "kin_of",
        "fields": [{"slug": "type", "kind": "select", "required": True, "options": ["branch", "family"]}],
        "tree": {"by": "type", "below": ["branch"]},
    }  # fmt: skip
    save(crm, [("relationship", kin)], actor=ADMIN)
    head, branch = customer(crm, "Head"), customer(crm, "Branch")
    activate(
        crm,
        flow(
            "fill", {"set_field": {"tags": {"add": ["seen"]}}},
            {"link": {"relationship": "kin", "to": head, "values": {"type": "branch"}}},
            module="customers", on={"fields": ["vip"]},
        ),
    )  # fmt: skip
    for one in (branch, head):
        change(crm, one, "customers", vip=True)
    run(crm)
    ran = {one.record_id: (one.state, one.failed_step, one.error) for one in list_runs(crm, actor=ADMIN)}
    assert ran[branch] == ("done", None, None)
    assert ran[head][:2] == ("failed", 1) and "lead in a circle" in str(ran[head][2])
    assert rows(crm, "customers", "tags") == [["seen"], ["seen"]]
    assert crm.read("SELECT count(*) AS n FROM lake.crm.customers__kin").item() == 1
