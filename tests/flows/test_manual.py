"""Flows by hand, by command, tried without effect, and replayed for a load."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.errors import Conflict, Forbidden, RecordNotFound, ValuesInvalid
from crm_core.loading.errors import UnknownLoad
from crm_core.records import create
from flows import outbox
from flows.commands import execute_command
from flows.errors import CommandInvalid, UnknownFlow, UnknownRun
from flows.manual import replay_load, run_flow
from flows.run_history import list_runs
from flows.store import pause
from flows.trial import try_flow
from lake import Change, Lake, new_id
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run

TASK = {"create_task": {"title": "call {{ subject }}"}}
ANNA = Actor("anna", "agent", ("sales",))


def test_a_flow_runs_by_hand_on_the_records_whose_condition_holds(crm: Lake) -> None:
    activate(crm, flow("call", TASK, on="manual", when=leaf("amount", "gt", 5)))
    yes, no = inquiry(crm, subject="A", amount=9), inquiry(crm, subject="B", amount=1)
    done = run_flow(crm, "call", ids=[yes, no], actor=ANNA)
    assert {one.record_id: one.state for one in done.results} == {yes: "done", no: "not_matched"}
    assert rows(crm, "tasks", "title") == ["call A"]
    assert {one.actor for one in list_runs(crm, actor=ADMIN)} == {"anna"}
    run(crm)
    assert rows(crm, "tasks", "title") == ["call A"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param({"flow": "nope"}, UnknownFlow, id="no such flow"),
        pytest.param({"flow": "draft"}, Conflict, id="a draft"),
        pytest.param({"module": "tasks"}, CommandInvalid, id="another module"),
        pytest.param({"ids": []}, CommandInvalid, id="no record"),
        pytest.param({"ids": [new_id()]}, RecordNotFound, id="no such record"),
        pytest.param({"ids": ["x' OR 1=1"]}, RecordNotFound, id="no id"),
        pytest.param({"actor": Actor("v", "viewer")}, Forbidden, id="a viewer"),
    ],
)
def test_what_cannot_be_run_is_refused(crm: Lake, call: dict[str, Any], error: type[Exception]) -> None:
    activate(crm, flow("call", TASK), flow("draft") | {"state": "draft"})
    known: dict[str, Any] = {"flow": "call", "ids": [inquiry(crm)], "actor": ANNA, "module": None}
    wanted = known | call
    with pytest.raises(error):
        run_flow(crm, wanted["flow"], ids=wanted["ids"], actor=wanted["actor"], module=wanted["module"])
    assert rows(crm, "tasks", "id") == []


def test_a_record_that_one_may_not_see_is_not_there(crm: Lake) -> None:
    activate(crm, flow("call", TASK))
    secret = inquiry(crm, folder="secret")
    with pytest.raises(RecordNotFound):
        run_flow(crm, "call", ids=[secret], actor=ANNA)


def test_a_command_is_answered_once_for_its_key(crm: Lake) -> None:
    activate(crm, flow("call", TASK, id="pYmNCmrDNyS9pxyCmasuk"))
    command = {
        "command": "run",
        "flow": "pYmNCmrDNyS9pxyCmasuk",
        "record": inquiry(crm),
        "idempotency_key": "k",
    }
    first = execute_command(crm, command, actor=ANNA)
    assert first["state"] == "done" and first["results"][0]["run_id"] == first["run_id"]
    assert execute_command(crm, command, actor=ANNA) == first
    assert len(rows(crm, "tasks", "id")) == 1
    with pytest.raises(CommandInvalid, match="stands for another command"):
        execute_command(crm, command | {"record": inquiry(crm)}, actor=ANNA)
    assert execute_command(crm, command, actor=ADMIN)["run_id"] != first["run_id"], "a key is its actor's own"


def test_a_payload_becomes_a_record_and_the_flow_runs_on_it_once(crm: Lake) -> None:
    activate(crm, flow("call", TASK), flow("other", {"set_field": {"note": "seen"}}))
    done = execute_command(crm, {"command": "run", "flow": "call", "payload": {"subject": "P"}}, actor=ANNA)
    run(crm)
    assert done["state"] == "done"
    assert rows(crm, "tasks", "title") == ["call P"]
    assert rows(crm, "inquiries", "subject", "note") == [("P", "seen")]
    with pytest.raises(ValuesInvalid):
        execute_command(crm, {"command": "run", "flow": "call", "payload": {"amount": "x"}}, actor=ANNA)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        pytest.param({}, "command is one of", id="nothing"),
        pytest.param({"command": "fly"}, "command is one of", id="unknown"),
        pytest.param({"command": "run"}, "flow is", id="no flow"),
        pytest.param({"command": "run", "flow": "x"}, "exactly one of", id="no record"),
        pytest.param({"command": "run", "flow": "x", "record": 1}, "wrong kind", id="a number for a record"),
        pytest.param({"command": "run", "flow": "x", "record": "a", "payload": {}}, "exactly one", id="two"),
        pytest.param({"command": "cancel"}, "flow is", id="cancel of nothing"),
        pytest.param({"command": "run", "flow": "x", "record": "a", "key": 1}, "“key” is unknown", id="key"),
    ],
)
def test_an_incomplete_command_says_what_it_needs(crm: Lake, command: dict[str, Any], said: str) -> None:
    with pytest.raises(CommandInvalid, match=said):
        execute_command(crm, command, actor=ADMIN)


def test_cancelling_a_run_drops_what_has_not_left(crm: Lake) -> None:
    mail = {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B"}}
    activate(crm, flow("mail", mail))
    record = inquiry(crm, email="a@x.example")
    done = run_flow(crm, "mail", ids=[record], actor=ANNA)
    answer = execute_command(crm, {"command": "cancel", "run_id": done.run_id}, actor=ANNA)
    assert (answer["state"], answer["messages_dropped"]) == ("cancelled", 1)
    assert [message.state for message in outbox.list_messages(crm, actor=ADMIN)] == ["dropped"]
    assert rows(crm, "communications", "state") == ["failed"]
    with pytest.raises(UnknownRun):
        execute_command(crm, {"command": "cancel", "run_id": new_id()}, actor=ANNA)


def test_the_runs_of_a_flow_for_a_record_are_cancelled_without_their_ids(crm: Lake) -> None:
    activate(crm, flow("mail", {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B"}}))
    first, second = inquiry(crm, email="a@x.example"), inquiry(crm, email="b@x.example")
    run(crm)
    command = {"command": "cancel", "flow": "mail"}
    answer = execute_command(crm, command | {"record": first}, actor=ANNA)
    assert (answer["state"], answer["messages_dropped"]) == ("cancelled", 1)
    assert [one["record_id"] for one in answer["results"]] == [first]
    assert execute_command(crm, command | {"records": [second]}, actor=ANNA)["messages_dropped"] == 1
    with pytest.raises(UnknownRun):
        execute_command(crm, command | {"record": new_id()}, actor=ANNA)
    with pytest.raises(CommandInvalid, match="exactly one of record and records"):
        execute_command(crm, command | {"payload": {}}, actor=ANNA)


def test_a_trial_shows_everything_and_writes_nothing(crm: Lake) -> None:
    mail = {"send_email": {"to": "{{ email }}", "subject": "Re: {{ subject }}", "body": "B"}}
    activate(crm, flow("all", TASK, mail, {"set_field": {"status": "won", "tags": {"add": ["x"]}}}))
    record = inquiry(crm, subject="A", email="a@x.example")
    before = crm.snapshot()
    trial = try_flow(crm, "all", ids=[record], actor=ADMIN)
    assert crm.snapshot() == before
    [one] = trial.records
    task, message, fields = one.steps
    assert (one.state, task.values["title"], task.values["about"]) == ("done", "call A", record)
    assert (message.outcome, message.values["subject"]) == ("queued", "Re: A")
    assert fields.values == {"status": ("new", "won"), "tags": (None, ["x"])}


def test_a_draft_is_tried_on_values_that_are_no_record_yet(crm: Lake) -> None:
    activate(crm, flow("d", TASK, when=leaf("amount", "gt", 5)) | {"state": "draft"})
    answer = execute_command(
        crm, {"command": "test", "flow": "d", "payload": {"subject": "X", "amount": 3}}, actor=ADMIN
    )
    [one] = answer["results"]
    assert (answer["state"], one["state"], one["leaves"][0]["seen"]) == ("tested", "not_matched", "3")
    assert rows(crm, "inquiries", "id") == []
    with pytest.raises(Forbidden):
        try_flow(crm, "d", values={"subject": "X"}, actor=ANNA)


def test_a_silent_load_is_replayed_once(crm: Lake) -> None:
    activate(crm, flow("call", TASK, when=leaf("amount", "gt", 5)))
    load = new_id()
    silent = Change(actor="anna", door="load:silent", load_id=load)
    values = [{"subject": f"s{number}", "amount": number} for number in (4, 6, 7)]
    create(crm, module="inquiries", values=values, actor=ADMIN, change=silent)
    run(crm)
    assert rows(crm, "tasks", "title") == []
    assert replay_load(crm, load, actor=ADMIN).done == 2
    assert replay_load(crm, load, actor=ADMIN).done == 0
    run(crm)
    assert rows(crm, "tasks", "title") == ["call s6", "call s7"]
    assert {one.load_id for one in list_runs(crm, actor=ADMIN, state="done")} == {load}
    with pytest.raises(UnknownLoad, match="There is no load"):
        replay_load(crm, new_id(), actor=ADMIN)


def test_a_paused_flow_is_not_run(crm: Lake) -> None:
    activate(crm, flow("call", TASK))
    pause(crm, "call", actor=ADMIN)
    record = inquiry(crm)
    change(crm, record, subject="T")
    run(crm)
    assert rows(crm, "tasks", "id") == []
    with pytest.raises(Conflict, match="activate it first"):
        run_flow(crm, "call", ids=[record], actor=ADMIN)
