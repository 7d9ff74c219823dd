"""Before a flow is run by hand one sees what it would do, as far as one sees the records that it touches."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.errors import Conflict, Forbidden, RecordNotFound
from crm_core.records import create, link
from flows.errors import CommandInvalid, UnknownFlow
from flows.trial import preview_flow
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf, rows

ANNA, EVE, VERA = Actor("anna", "agent", ("sales",)), Actor("eve", "agent"), Actor("vera", "viewer")
DO = (
    {"set_field": {"note": "seen"}},
    {"create_task": {"title": "Answer {{ subject }}"}},
    {"send_email": {"to": "{{ email }}", "subject": "S", "body": "B", "purpose": "service"}},
)


def preview(lake: Lake, record: str, actor: Actor, slug: str = "try", module: str = "inquiries") -> Any:
    return preview_flow(lake, slug, module=module, record_id=record, actor=actor)


def test_an_agent_sees_fields_tasks_and_who_gets_a_message_and_nothing_is_written(crm: Lake) -> None:
    asked = inquiry(crm, email="bob@x.example", note="old")
    activate(crm, flow("try", *DO, on="manual"))
    before = crm.snapshot()
    found = preview(crm, asked, ANNA)
    changed, task, mail = found.steps
    assert changed.values["note"] == ("old", "seen") and task.values["title"] == "Answer S"
    assert mail.values["to"] == "bob@x.example" and mail.outcome == "queued"
    assert crm.snapshot() == before and rows(crm, "tasks", "id") == []


def test_of_what_one_does_not_see_only_that_it_would_be_done_is_told(crm: Lake) -> None:
    secret = create(crm, module="customers", values={"name": "Board", "folder": "board"}, actor=ADMIN).id
    asked = inquiry(crm, email="bob@x.example")
    link(crm, module="inquiries", record_id=asked, relationship="partners", to=secret, actor=ADMIN)
    each = {"for_each": "partners", "do": [{"set_field": {"vip": True}}]}
    steps = ({"move_folder": {"folder": "secret"}}, each)
    activate(crm, flow("try", *steps, on="manual"))
    shown = preview(crm, asked, ANNA).steps
    assert shown[0].values["folder"] == ("inbox", "secret"), "it is still hers when it is moved away"
    theirs = [step.values for step in shown if step.module == "customers"]
    assert theirs and not any(theirs)
    assert {"vip": (None, True)} in [step.values for step in preview(crm, asked, ADMIN).steps]


def test_a_condition_that_does_not_hold_does_nothing(crm: Lake) -> None:
    activate(crm, flow("try", on="manual", when=leaf("note", "eq", "never")))
    found = preview(crm, inquiry(crm), ANNA)
    assert found is None or (not found.steps and not found.leaves)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"actor": VERA}, Forbidden),
        ({"actor": ANNA, "slug": "none"}, UnknownFlow),
        ({"actor": ANNA, "slug": "draft"}, Conflict),
        ({"actor": ANNA, "module": "tasks"}, CommandInvalid),
        ({"actor": EVE}, RecordNotFound),
    ],
    ids=["viewer", "no flow", "a draft", "another module", "a record he does not see"],
)
def test_who_could_not_run_it_does_not_see_what_it_would_do(
    crm: Lake, given: dict[str, Any], error: type[Exception]
) -> None:
    activate(crm, flow("try", on="manual"), {**flow("draft", on="manual"), "state": "draft"})
    asked = inquiry(crm, folder="secret") if given["actor"] is EVE else inquiry(crm)
    with pytest.raises(error):
        preview(crm, asked, **given)
