"""Before a flow is activated one is told what it closes, touches and does; nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Forbidden
from crm_core.records import delete
from crm_core.telling import as_document
from flows.activation import ActivationPreview, preview_activation
from flows.cycles import cycle_warnings, explain_cycles
from flows.model import parse_flow
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, flow, inquiry, leaf

MAIL = {"send_email": {"to": "{{ email }}", "subject": "Hello", "body": "Dear", "purpose": "service"}}


def _preview(lake: Lake, *do: dict[str, Any], **more: Any) -> ActivationPreview:
    return preview_activation(lake, parse_flow(flow("draft", *do, **more)), actor=ADMIN)


def test_it_counts_and_tries_the_records_for_which_the_condition_holds(crm: Lake) -> None:
    ids = [inquiry(crm, amount=amount, email="a@x.example") for amount in range(30)]
    delete(crm, module="inquiries", record_id=ids[29], actor=ADMIN)
    end = crm.snapshot()
    told = _preview(crm, {"set_field": {"note": "big"}}, MAIL, when=leaf("amount", "ge", 5))
    assert (told.holds, len(told.records), told.messages) == (24, 20, 20)
    assert told.meaning.startswith(
        "24 records for which the condition holds now; only new ones set the flow off"
    )
    [note, mail] = told.records[0].steps
    assert note.values == {"note": (None, "big")} and mail.outcome in ("queued", "held")
    assert crm.snapshot() == end and as_document(told)


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ({"on": {"fields": ["status"], "is": "won"}}, 1),
        ({"on": {"fields": ["note"], "is": None}}, 3),
        ({"on": {"fields": ["amount"]}, "when": leaf("amount", "changed")}, 3),
        ({"on": {"fields": ["amount"]}, "when": {"not": leaf("amount", "changed")}}, 3),
        ({"folders": ["claims"]}, 1),
    ],
    ids=["the value it waits for", "a missing value", "changed", "not changed", "in a folder"],
)
def test_what_is_asked_of_a_change_does_not_stand_in_the_way(
    shared: Lake, more: dict[str, Any], count: int
) -> None:
    if not read_catalog(shared).flows and not shared.read("SELECT 1 FROM lake.crm.inquiries").height:
        inquiry(shared, status="won")
        inquiry(shared, folder="claims")
        inquiry(shared)
    assert _preview(shared, **more).holds == count


def test_a_circle_is_told_with_the_fields_that_close_it(crm: Lake) -> None:
    activate(crm, flow("other", {"set_field": {"note": "x"}}, on={"fields": ["status"], "is": "won"}))
    told = _preview(crm, {"set_field": {"status": "won"}}, on={"fields": ["note"]})
    [cycle] = told.cycles
    assert [(link.flow, link.sets_off, link.by) for link in cycle.links] == [
        ("draft", "other", ("status",)),
        ("other", "draft", ("note",)),
    ]
    assert (
        "draft → other → draft can set each other off in a circle (draft by status; other by note)"
        in cycle.words
    )


def test_circles_over_calls_and_lists_are_found_too(shared: Lake) -> None:
    each = {"for_each": "tasks", "do": [{"set_field": {"priority": "high"}}]}
    flows = [
        parse_flow(flow("a", each)),
        parse_flow(flow("b", {"call": "a", "on": "about"}, module="tasks", on={"fields": ["priority"]})),
        parse_flow(flow("c", {"set_field": {"note": "x"}}, on={"fields": ["status"]})),
    ]
    [cycle] = explain_cycles(read_catalog(shared), flows)
    assert [link.by for link in cycle.links] == [("priority",), ("a call",)]
    assert cycle_warnings(read_catalog(shared), flows, about=["c"]) == []


def test_a_flow_that_cannot_run_is_told_its_problems_and_is_not_tried(shared: Lake) -> None:
    told = _preview(shared, {"set_field": {"colour": "red"}})
    assert "colour" in told.problems[0] and told.records == () and told.holds == 0


def test_more_than_the_flow_may_touch_at_once_is_told(shared: Lake) -> None:
    inquiry(shared), inquiry(shared)
    assert "held until a person has looked" in _preview(shared, limit=1).notes[0]


def test_only_an_administrator_is_told(shared: Lake) -> None:
    with pytest.raises(Forbidden):
        preview_activation(shared, "anything", actor=Actor("anna"))
