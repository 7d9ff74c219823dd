"""The record that the texts of a step are shown on, where the step goes through related records."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core import query
from crm_core.access import Actor
from crm_core.model import parse_condition
from crm_core.workspace import Workspace
from pages._ui.flow_sample import related
from pages._ui.session import Here

ADMIN = Actor.local_admin()


def _customer_of(workspace: Workspace, module: str) -> tuple[str, str]:
    """A record of a module that belongs to a customer, and the customer."""
    has = parse_condition({"field": "customer", "op": "is_set"})
    page = query.read_page(
        workspace.lake, workspace.catalog, module=module, actor=ADMIN, condition=has, limit=1
    )
    return str(page.items[0]["id"]), str(page.items[0]["customer"])


@pytest.mark.parametrize("path", ["invoices", "tasks"])
def test_a_list_leads_to_one_of_its_records(demo_workspace: Workspace, path: str) -> None:
    here = Here(demo_workspace, demo_workspace.catalog, ADMIN)
    _, customer = _customer_of(demo_workspace, path)
    found = related(here, "customers", customer, path)
    read = query.read_record(here.lake, here.catalog, module=path, record_id=found, actor=ADMIN)
    assert str(read["customer"]) == customer


def test_a_list_is_reached_through_a_link(demo_workspace: Workspace) -> None:
    here = Here(demo_workspace, demo_workspace.catalog, ADMIN)
    task, customer = _customer_of(demo_workspace, "tasks")
    found = related(here, "tasks", task, "customer.tasks")
    read = query.read_record(here.lake, here.catalog, module="tasks", record_id=found, actor=ADMIN)
    assert str(read["customer"]) == customer


@pytest.mark.parametrize(("path", "back"), [("related", "related_to"), ("related_to", "related")])
def test_a_list_over_a_link_table_leads_to_the_other_side(
    demo_workspace: Workspace, path: str, back: str
) -> None:
    here = Here(demo_workspace, demo_workspace.catalog, ADMIN)
    asked: dict[str, Any] = {"module": "customers", "actor": ADMIN}
    has = parse_condition({"field": f"{path}.id", "op": "is_set"})
    page = query.read_page(here.lake, here.catalog, condition=has, limit=1, **asked)
    customer = str(page.items[0]["id"])
    found = related(here, "customers", customer, path)
    linked = parse_condition({"field": f"{back}.id", "op": "eq", "value": customer})
    others = query.read_page(here.lake, here.catalog, condition=linked, limit=50, **asked)
    assert found in [str(one["id"]) for one in others.items]
