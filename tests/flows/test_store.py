"""Flows kept in the lake: applied from YAML, listed, switched, explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog, save
from crm_core.errors import DefinitionInvalid, Forbidden, RecordNotFound
from crm_core.records import create
from flows.errors import UnknownFlow, UnknownRun
from flows.run_history import count_runs, list_runs, show_run
from flows.store import activate as activate_flow
from flows.store import apply_flows, flow_versions, flow_yaml, list_flows, pause, retire, show_flow
from flows.why import why
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run

ANNA = Actor("anna", "agent", ("sales",))
YAML = """
flow: greet
module: customers
trigger: {event: created}
when: {field: country, op: eq, value: NO}
do:
  - set_field: {tags: {add: [north]}}
"""


def test_a_flow_applied_is_a_draft_until_it_is_activated(crm: Lake, tmp_path: Path) -> None:
    (tmp_path / "greet.yaml").write_text(YAML)
    assert apply_flows(crm, tmp_path, actor=ADMIN).flows == {"greet": "created"}
    [listed] = list_flows(crm)
    assert (listed.state, listed.version, listed.title) == ("draft", 1, "Greet") and listed.id
    activate_flow(crm, listed.id, actor=ADMIN)
    create(crm, module="customers", values={"name": "N", "country": "NO"}, actor=ADMIN)
    run(crm)
    assert rows(crm, "customers", "tags") == [["north"]]


def test_what_is_applied_again_stays_as_it_is(crm: Lake) -> None:
    apply_flows(crm, YAML, actor=ADMIN)
    assert apply_flows(crm, flow_yaml(crm, "greet"), actor=ADMIN).flows == {"greet": "unchanged"}


def test_an_active_flow_stays_active_when_it_changes(crm: Lake) -> None:
    apply_flows(crm, YAML, actor=ADMIN)
    activate_flow(crm, "greet", actor=ADMIN)
    apply_flows(crm, YAML.replace("NO", "SE"), actor=ADMIN)
    assert (show_flow(crm, "greet").state, show_flow(crm, "greet").version) == ("active", 3)
    assert [one.version for one in flow_versions(crm, "greet")] == [3, 2, 1]
    pause(crm, "greet", actor=ADMIN)
    assert show_flow(crm, "greet").state == "paused"
    retire(crm, "greet", actor=ADMIN)
    assert list_flows(crm) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(
            [flow("a", {"set_field": {"nope": 1}}), flow("b", module="x")], "a.*nope.*b.*x", id="two flows"
        ),
        pytest.param("flow: [", "YAML", id="no YAML"),
        pytest.param("just a text", "not an object", id="a text"),
        pytest.param(flow("a", {"set_field": {"owner": "ghost"}}), "the users are", id="a user that is not"),
    ],
)
def test_what_cannot_be_applied_is_said_and_nothing_is_saved(crm: Lake, source: Any, said: str) -> None:
    with pytest.raises(Exception, match=said):
        apply_flows(crm, source, actor=ADMIN)
    assert list_flows(crm) == []


def test_only_administrators_change_flows(crm: Lake) -> None:
    with pytest.raises(Forbidden):
        apply_flows(crm, YAML, actor=ANNA)
    apply_flows(crm, YAML, actor=ADMIN)
    with pytest.raises(Forbidden):
        activate_flow(crm, "greet", actor=ANNA)
    with pytest.raises(UnknownFlow, match="There are: greet"):
        show_flow(crm, "nope")


def test_a_draft_that_no_longer_fits_cannot_be_activated(crm: Lake) -> None:
    apply_flows(crm, flow("f", {"set_field": {"note": "x"}}), actor=ADMIN)
    module = dict(read_catalog(crm).stored["module", "inquiries"].document)
    module["fields"] = [field for field in module["fields"] if field["slug"] != "note"]
    save(crm, [("module", module)], actor=Actor.system())
    assert show_flow(crm, "f").problems
    with pytest.raises(DefinitionInvalid, match="no field “note”"):
        activate_flow(crm, "f", actor=ADMIN)


def test_activating_a_circle_warns(crm: Lake) -> None:
    apply_flows(crm, [
        flow("a", {"set_field": {"status": "won"}}, on={"fields": ["note"]}),
        flow("b", {"set_field": {"note": "x"}}, on={"fields": ["status"]}),
    ], actor=ADMIN)  # fmt: skip
    [warning] = activate_flow(crm, "a", actor=ADMIN).warnings
    assert "a → b → a" in warning


def test_runs_are_listed_only_for_records_that_one_sees(crm: Lake) -> None:
    activate(crm, flow("f"))
    seen, secret = inquiry(crm), inquiry(crm, folder="secret")
    run(crm)
    assert {one.record_id for one in list_runs(crm, actor=ADMIN)} == {seen, secret}
    [one] = list_runs(crm, actor=ANNA)
    assert one.record_id == seen
    hidden = next(run for run in list_runs(crm, actor=ADMIN) if run.record_id == secret)
    with pytest.raises(UnknownRun):
        show_run(crm, hidden.id, actor=ANNA)
    assert count_runs(crm, actor=ANNA)[one.flow_id]["done"] == 1
    assert count_runs(crm, actor=ADMIN)[one.flow_id]["done"] == 2


def test_why_tells_trigger_and_leaves(crm: Lake) -> None:
    activate(crm, flow("f", on={"fields": ["status"], "is": "won"}, when=leaf("amount", "gt", 5)))
    record = inquiry(crm, amount=3)
    change(crm, record, status="won")
    run(crm)
    told = why(crm, "f", record_id=record, actor=ANNA)
    assert (told.event, told.changed, told.fired, told.matched) == ("updated", ("status",), True, False)
    assert [(leaf.true, leaf.seen) for leaf in told.leaves] == [(False, "3")]
    assert [one.state for one in told.runs] == ["not_matched"]
    change(crm, record, amount=9)
    again = why(crm, "f", record_id=record, actor=ANNA)
    assert (again.fired, again.matched, again.changed) == (False, True, ("amount",))


def test_why_hides_what_one_may_not_see(crm: Lake) -> None:
    activate(crm, flow("f", when=leaf("customer.name", "eq", "canary")))
    customer = create(crm, module="customers", values={"name": "canary", "folder": "board"}, actor=ADMIN).id
    record = inquiry(crm, customer=customer)
    run(crm)
    [leaf_seen] = why(crm, "f", record_id=record, actor=ADMIN).leaves
    assert (leaf_seen.true, leaf_seen.seen) == (True, "canary")
    told = why(crm, "f", record_id=record, actor=ANNA)
    assert told.leaves[0].hidden and told.matched is None and "canary" not in repr(told.leaves[0].seen)
    assert all("canary" not in repr(one.trace[0].seen) for one in list_runs(crm, actor=ANNA) if one.trace)
    with pytest.raises(RecordNotFound):
        why(crm, "f", record_id=inquiry(crm, folder="secret"), actor=ANNA)
