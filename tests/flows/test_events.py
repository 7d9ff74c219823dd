"""Named events: data on top of the events there are, which flows wait for by their names."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definitions import check_definition, read_catalog, save
from crm_core.errors import DefinitionInvalid
from crm_core.model import All
from crm_core.pack_files import read_pack
from flows.events import expand
from flows.model import parse_flow
from flows.run_history import list_runs
from flows.why import why
from lake import Lake
from tests.flows.flows_of import ADMIN, activate, change, flow, inquiry, leaf, rows, run, states

EIGHT = {
    "customer-created", "status-changed", "folder-changed", "payment-received", "appointment-booked",
    "message-sent", "message-opened", "inquiry-received",
}  # fmt: skip


def event(slug: str, on: dict[str, Any], when: Any = None, module: str = "inquiries") -> tuple[str, Any]:
    document = {"event": slug, "name": slug.title(), "module": module, "trigger": on}
    return "event", document | ({"when": when} if when else {})


@pytest.fixture
def named(crm: Lake) -> Lake:
    """A workspace that knows what it is when a large inquiry is won."""
    won = {"event": "updated", "fields": ["status"], "is": "won"}
    save(crm, [event("large-win", won, leaf("amount", "ge", 100))], actor=ADMIN)
    return crm


@pytest.mark.parametrize("pack", ["logistics", "ecommerce"])
def test_a_pack_names_what_happens_to_customers(pack: str) -> None:
    assert {document["event"] for kind, document in read_pack(pack) if kind == "event"} >= EIGHT


def test_a_flow_waits_for_the_event_and_for_its_condition(named: Lake) -> None:
    activate(named, flow("cheer", on="large-win", when=leaf("channel", "eq", "form")))
    large, small, other = (
        inquiry(named, amount=n, channel=c) for n, c in ((500, "form"), (5, "form"), (500, "api"))
    )
    for one in (large, small, other):
        change(named, one, status="won")
    change(named, large, note="")
    run(named)
    assert {(one.record_id, one.state) for one in list_runs(named, actor=ADMIN)} == {
        (large, "done"), (small, "not_matched"), (other, "not_matched"),
    }  # fmt: skip
    assert rows(named, "inquiries", "amount", "note") == [(5, None), (500, "cheer"), (500, None)]
    told = why(named, "cheer", record_id=small, actor=ADMIN)
    assert [(one.field, one.true) for one in told.leaves] == [("amount", False), ("channel", True)]


def test_an_event_can_be_a_value_that_is_there_from_the_start_or_comes_later(named: Lake) -> None:
    save(named, [event("is-won", {"event": "saved", "fields": ["status"], "is": "won"})], actor=ADMIN)
    activate(named, flow("cheer", {"set_field": {"note": "hooray", "status": "closed"}}, on="is-won"))
    later, born, never = inquiry(named), inquiry(named, status="won"), inquiry(named)
    run(named)
    change(named, later, status="won")
    change(named, never, note="other")
    run(named)
    ran = list_runs(named, actor=ADMIN)
    assert {(one.record_id, one.event) for one in ran} == {(born, "created"), (later, "updated")}
    change(named, born, status="won")
    change(named, born, note="once more")
    run(named)
    assert len(list_runs(named, actor=ADMIN)) == 3


def test_an_event_that_changes_its_meaning_changes_what_flows_wait_for(named: Lake) -> None:
    activate(named, flow("cheer", on="large-win"))
    save(named, [event("large-win", {"event": "created"})], actor=ADMIN)
    inquiry(named)
    run(named)
    assert states(named) == ["done"]


def test_a_flow_that_names_none_stays_as_it_is(named: Lake) -> None:
    plain, waiting = parse_flow(flow()), parse_flow(flow(on="large-win"))
    catalog = read_catalog(named)
    assert expand(catalog, plain) is plain
    assert expand(catalog, waiting).trigger.is_ == "won" and waiting.when == All()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param(flow(on="exploded"), "there is no event “exploded”: there are created, .*large-win", id="none"),
        pytest.param(flow(on="large-win", module="tasks"), "happens to inquiries, not to tasks", id="module"),
        pytest.param(
            flow() | {"trigger": {"event": "large-win", "fields": ["status"]}}, "belong to the event", id="parts"
        ),
    ],
)  # fmt: skip
def test_a_flow_cannot_wait_for_an_event_that_is_not_its_own(named: Lake, document: Any, said: str) -> None:
    with pytest.raises(DefinitionInvalid, match=said):
        activate(named, document)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        pytest.param(event("created", {"event": "updated"}), "the name of an event that there is", id="name"),
        pytest.param(event("a", {"event": "b"}), "which is none of created", id="event of an event"),
        pytest.param(event("a", {"event": "created", "colour": 1}), "trigger colour is not known", id="key"),
        pytest.param(event("a", {"event": "created"}, module="nope"), "unknown module “nope”", id="module"),
        pytest.param(event("a", {"event": "updated", "fields": ["nope"]}), "a missing field", id="field"),
        pytest.param(
            event("a", {"event": "created"}, leaf("nope", "eq", 1)), "does not have", id="condition"
        ),
    ],
)
def test_an_event_that_cannot_happen_is_refused(shared: Lake, wrong: tuple[str, Any], said: str) -> None:
    with pytest.raises(DefinitionInvalid, match=said):
        check_definition(shared, [wrong], actor=ADMIN)


def test_an_event_that_a_flow_waits_for_cannot_be_taken_away(named: Lake) -> None:
    activate(named, flow("cheer", on="large-win"))
    with pytest.raises(DefinitionInvalid, match="the flow cheer: the trigger: there is no event “large-win”"):
        save(named, [], retire=[("event", "large-win")], actor=ADMIN)
