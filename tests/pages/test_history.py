"""The history of a profile: side by side, narrowed, and one change taken back with its reason."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.workspace import Workspace
from lake import Change
from tests.pages.conftest import Open, told

ADMIN = Actor("ann", "admin", name="Ann")


@pytest.fixture
def moved(empty_workspace: Workspace) -> tuple[str, str]:
    """A customer who moved from Bonn to Mainz, and the change by which he did."""
    lake = empty_workspace.lake
    made = records.create(lake, module="customers", values={"name": "Hal", "city": "Bonn"}, actor=ADMIN).id
    change = Change(actor="ann", door="browser")
    records.update(
        lake, module="customers", record_id=made, values={"city": "Mainz"}, actor=ADMIN, change=change
    )
    return made, change.id


def test_a_change_is_taken_back_with_its_reason(
    empty: Open, empty_workspace: Workspace, moved: tuple[str, str]
) -> None:
    customer, change = moved
    page = empty("customers", id=customer, section="history")
    assert not page.exception and f'data-click="undo:{change}"' in told(page)
    page.session_state["page:workspace:customers"].within["undoing"] = change
    page.run()
    page.text_input(key=f"history:reason:{change}:{customer}").set_value("a mix-up")
    page.button(key=f"history:undo:{customer}").click().run()
    assert not page.exception and "a mix-up" in told(page)
    record = records.read_record(
        empty_workspace.lake, empty_workspace.catalog, module="customers", record_id=customer, actor=ADMIN
    )
    assert record["city"] == "Bonn"


def test_changes_are_narrowed_to_a_field(
    empty: Open, empty_workspace: Workspace, moved: tuple[str, str]
) -> None:
    customer, first = moved
    change = Change(actor="ann", door="browser")
    records.update(
        empty_workspace.lake, module="customers", record_id=customer, values={"company": "Rivers"}, actor=ADMIN,
        change=change,
    )  # fmt: skip
    page = empty("customers", id=customer, section="history")
    assert change.id in told(page) and first in told(page)
    page.selectbox(key=f"history:field:{customer}").set_value("city").run()
    assert change.id not in told(page) and first in told(page)
