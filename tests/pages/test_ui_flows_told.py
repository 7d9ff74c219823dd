"""Steps of flows in words: every action has some of its own, and says what it does."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.definition_documents import build_catalog, parse_document
from crm_core.model import Catalog, Stored
from crm_core.pack_files import read_pack
from flows.actions import ACTIONS
from flows.model import parse_flow
from pages._ui.field_views import FieldContext
from pages._ui.flows_told import _TOLD
from pages._ui.flows_words import FlowWords
from tests.flows.conftest import HERE
from tests.flows.flows_of import flow

TOLD: list[Any] = [
    ({"change_status": "new"}, "Set the status to Brand new"),
    ({"move_folder": "claims"}, "Move it to Claims"),
    ({"add_tag": ["vip", "{{ channel }}"]}, "Add the tags vip and ‹Channel›"),
    ({"remove_tag": "vip"}, "Remove the tag vip"),
    ({"assign_worker": "anna"}, "Give it to Anna Weber"),
    ({"assign_worker": {"team": "sales"}}, "Give it to Sales, in turn"),
    ({"assign_worker": {"by": "owner"}}, "Give it to the owner"),
    (
        {"assign_worker": {"team": "sales", "by": "least_open", "owner": False}},
        "Add whoever of Sales has the fewest open to its workers",
    ),
    (
        {"notify": {"users": "anna", "teams": ["sales"], "owner": True, "text": "{{ subject }} waits"}},
        "Tell Anna Weber, Sales and the owner “‹Subject› waits”",
    ),
    ({"link": {"relationship": "customer", "to": "{{ record }}"}}, "Link Customer to ‹This record›"),
    ({"send_message": {"channel": "sms", "to": "{{ email }}", "text": "x"}}, "Send an SMS to ‹Email›"),
    ({"call_webhook": {"url": "https://erp.example/hooks"}}, "Call https://erp.example/hooks"),
    ({"unlink": {"relationship": "customer"}}, "Take the link Customer away"),
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    parsed = [
        (kind, *parse_document(kind, document)) for kind, document in read_pack(HERE / "workspace.yaml")
    ]
    stored = [Stored(kind, "x", slug, 1, "active", plain) for kind, slug, plain in parsed]
    return build_catalog(stored, version=1)


@pytest.mark.parametrize(("do", "said"), TOLD)
def test_an_action_is_told_in_words(catalog: Catalog, do: Any, said: str) -> None:
    told = FlowWords(catalog, FieldContext(users={"anna": "Anna Weber"}), parse_flow(flow("try", do)))
    assert [one.step.title for one in told.steps] == [said]


def test_whose_a_task_is_stands_with_it(catalog: Catalog) -> None:
    make = {"create_task": {"title": "T", "assign": {"team": "sales", "by": "least_open"}}}
    told = FlowWords(catalog, FieldContext(), parse_flow(flow("try", make)))
    assert told.steps[0].step.details == (("For", "whoever of Sales has the fewest open"),)


def test_every_action_has_words_of_its_own() -> None:
    assert set(_TOLD) == set(ACTIONS)
