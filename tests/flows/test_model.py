"""A flow's document: read back as it was written, and refused with everything that is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import yaml
from crm_core.errors import DefinitionInvalid
from flows.actions import ACTIONS, CreateTask, SendEmail, SetField
from flows.model import parse_flow, to_flow_document
from tests.flows.flows_of import flow

FROM_THE_CONTRACT = """
flow: acknowledge-inquiry
module: inquiries
folders: []
trigger: {event: created}
when:
  all:
    - {field: channel, op: in, value: [form, api]}
    - {field: customer.country, op: eq, value: NO}
    - not: {field: email, op: is_empty}
do:
  - create_task: {title: "Answer {{ subject }}", team: sales, due: {in: 4h}}
  - send_email: {to: "{{ email }}", template: inquiry-received, purpose: service}
  - set_field: {status: acknowledged}
"""


def test_the_contract_reads_as_it_stands() -> None:
    document = yaml.load(FROM_THE_CONTRACT)
    read = parse_flow(document)
    assert [type(action) for action in read.do] == [CreateTask, SendEmail, SetField]
    assert read.when.all[1].value == "NO"  # type: ignore[union-attr]
    assert to_flow_document(read) == document
    assert parse_flow(yaml.load(yaml.dump(to_flow_document(read)))) == read


@pytest.mark.parametrize(
    "trigger",
    [{"event": "updated", "fields": ["status"], "was": None, "is": ["won", None]}, {"event": "manual"}],
    ids=["was missing", "manual"],
)
def test_a_trigger_keeps_what_was_said_and_no_more(trigger: dict[str, Any]) -> None:
    assert to_flow_document(parse_flow(flow() | {"trigger": trigger}))["trigger"] == trigger


@pytest.mark.parametrize(
    ("document", "said"),
    [
        pytest.param([], "not an object", id="a list"),
        pytest.param(
            {}, "flow is missing; module is missing; trigger is missing; do is missing", id="nothing"
        ),
        pytest.param(flow() | {"do": []}, "at least one step", id="no action"),
        pytest.param(flow() | {"do": {"set_field": {}}}, "a list of steps is needed", id="an action alone"),
        pytest.param(flow("a", {"fly": 1}), "there is no action “fly”", id="an unknown action"),
        pytest.param(flow("a", {"fly": 1}, {"a": 1, "b": 2}), "step 1.*step 2", id="two wrong actions"),
        pytest.param(flow("a", {"set_field": {}}), "an object of fields", id="nothing to set"),
        pytest.param(
            flow("a", {"create_task": {"due": "now"}}), "needs a title", id="a task without a title"
        ),
        pytest.param(
            flow("a", {"send_email": {"to": "a@b.c"}}), "either template", id="a mail without words"
        ),
        pytest.param(
            flow("a", {"send_email": {"to": "a@b.c", "subject": "x"}}), "together", id="a mail without body"
        ),
        pytest.param(flow("a b"), "flow: ", id="a slug with a space"),
        pytest.param(flow(on="No event"), "trigger event", id="no name of an event"),
        pytest.param(
            flow() | {"trigger": {"event": "created", "fields": ["a"]}}, "belong to the event", id="fields"
        ),
        pytest.param(flow(on={"fields": ["a", "b"], "is": 1}), "one field", id="is of two fields"),
        pytest.param(flow(when={"field": "a", "op": "like"}), "when", id="an unknown operator"),
        pytest.param(flow() | {"colour": "red"}, "colour is not known here", id="an unknown key"),
    ],
)
def test_a_wrong_shape_is_refused_in_words(document: Any, said: str) -> None:
    with pytest.raises(DefinitionInvalid, match=said):
        parse_flow(document)


def test_every_action_reads_what_it_writes() -> None:
    written = {
        "create_task": {"title": "t"},
        "set_field": {"note": "x"},
        "change_status": "won",
        "move_folder": {"folder": "claims", "status": "opened"},
        "add_tag": ["vip"],
        "remove_tag": ["new"],
        "assign_worker": {"team": "sales", "by": "least_open", "owner": False},
        "notify": {"teams": ["sales"], "owner": True, "text": "{{ subject }}"},
        "link": {"relationship": "watchers", "to": "{{ customer }}", "values": {"role": "buyer"}},
        "unlink": {"relationship": "customer"},
        "send_message": {"channel": "sms", "to": "{{ email }}", "text": "t", "purpose": "service"},
        "call_webhook": {"url": "https://erp.example/hooks", "body": {"subject": "{{ subject }}"}},
        "create_record": {"module": "tasks", "values": {"title": "t"}},
        "send_email": {"to": "a@b.c", "subject": "s", "body": "b", "purpose": "service", "from": "x@y.z"},
    }
    assert set(written) == set(ACTIONS)
    read = parse_flow(flow("all", *({key: options} for key, options in written.items())))
    assert [action.as_document() for action in read.do] == [{key: value} for key, value in written.items()]
