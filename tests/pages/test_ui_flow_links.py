"""What a step of a flow links records to is searched for by name."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core.access import Actor
from crm_core.records import create
from crm_core.workspace import Workspace
from flows.store import apply_flows, show_flow
from tests.pages.conftest import Open

FLOW = "aa-tie"
"""The first in the list, which the page opens."""
TIE = {
    "flow": FLOW, "module": "customers", "trigger": {"event": "manual"},
    "do": [
        {"link": {"relationship": "related", "to": "{{ record }}", "values": {"type": "family"}}},
        {"create_record": {"module": "tasks", "values": {"title": "Ask", "about": "{{ record }}"}}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def ada(empty_workspace: Workspace) -> str:
    """A customer, beside a flow whose draft is open to be edited; her id."""
    actor = Actor.system()
    made = create(empty_workspace.lake, module="customers", values={"name": "Ada"}, actor=actor)
    apply_flows(empty_workspace.lake, [TIE], actor=actor)
    return made.id


def _opened(empty: Open, step: int) -> AppTest:
    page = empty("pages/flows.py")
    page.button(key="flow:edit").click().run()
    return _press(page, f"Edit step {step}")


def _press(page: AppTest, label: str) -> AppTest:
    return next(one for one in page.button if one.label.startswith(label)).click().run()


def _pick(page: AppTest, record: str) -> AppTest:
    """Choose what a search for another record found."""
    return next(one for one in page.button if str(one.key).endswith(f":pick:{record}")).click().run()


def _choose(page: AppTest, label: str, option: str) -> AppTest:
    return next(one for one in page.selectbox if one.label == label).set_value(option).run()


def _steps(workspace: Workspace, page: AppTest) -> tuple[Any, ...]:
    page.button(key="flow:save").click().run()
    assert not page.exception
    return show_flow(workspace.lake, FLOW).definition.do


def test_a_link_is_given_to_a_record_found_by_name(empty_workspace: Workspace, empty: Open, ada: str) -> None:
    page = _choose(_opened(empty, 1), "To", "A certain record")
    page = _pick(page, ada)
    assert _steps(empty_workspace, page)[0].to == ada


def test_a_field_that_links_to_several_kinds_is_given_one_found_by_name(
    empty_workspace: Workspace, empty: Open, ada: str
) -> None:
    page = _choose(_opened(empty, 2), "How", "fixed")
    page = _pick(_choose(page, "Kind", "customers"), ada)
    assert _steps(empty_workspace, page)[1].values["about"] == {"module": "customers", "id": ada}
