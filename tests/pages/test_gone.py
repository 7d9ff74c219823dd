"""What goes away while somebody looks at it: a record, a module; and a link to what never was."""

from __future__ import annotations

from uuid import uuid4

import pytest

from crm_core import definitions, records
from crm_core.access import Actor
from crm_core.workspace import Workspace
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()
BEES = {
    "slug": "beehives", "label": "Beehives", "singular": "Beehive", "icon": "hive", "title": "name",
    "fields": [{"slug": "name", "kind": "text", "required": True}],
}  # fmt: skip


@pytest.fixture
def doris(empty_workspace: Workspace) -> str:
    values = {"name": "Doris Deleted", "email": f"doris-{uuid4().hex}@d.example"}
    return records.create(empty_workspace.lake, module="customers", values=values, actor=ADMIN).id


def delete(workspace: Workspace, record: str, reason: str = "") -> None:
    records.delete(workspace.lake, module="customers", record_id=record, actor=ADMIN, reason=reason)


def test_a_customer_deleted_while_open_is_told_of_and_comes_back_by_a_press(
    empty: Open, doris: str, empty_workspace: Workspace
) -> None:
    page = empty("customers", id=doris)
    assert "Doris Deleted" in told(page)
    delete(empty_workspace, doris, reason="asked for it")
    page.run()
    text = told(page)
    assert "Doris Deleted was deleted" in text and "Why: asked for it." in text and not page.exception
    page = next(b for b in page.button if b.label == "Restore").click().run()
    assert "was deleted" not in told(page) and "Doris Deleted" in told(page)


def test_whoever_only_looks_is_offered_no_restore(
    empty: Open, doris: str, empty_workspace: Workspace
) -> None:
    delete(empty_workspace, doris)
    page = empty("customers", acting="vera", id=doris)
    assert "Restore" not in [button.label for button in page.button] and not page.exception


def test_a_link_to_nothing_says_so_and_leads_to_the_list(empty: Open, doris: str) -> None:
    page = empty("customers", id=str(uuid4()))
    assert "There is no such customer" in told(page) and not page.exception
    assert "All customers" in [button.label for button in page.button]


@pytest.mark.parametrize("query", [{}, {"id": "record"}], ids=["its table", "a record of it"])
def test_a_module_removed_while_its_page_is_open_is_told_of(
    empty: Open, empty_workspace: Workspace, query: dict[str, str]
) -> None:
    lake = empty_workspace.lake
    definitions.save(lake, [("module", BEES)], actor=ADMIN)
    hive = records.create(lake, module="beehives", values={"name": "North"}, actor=ADMIN).id
    at = dict.fromkeys(query, hive)
    page = empty("beehives", **at)
    assert "North" in told(page) or not query
    definitions.save(lake, [], retire=[("module", "beehives")], actor=ADMIN)
    page.run()
    assert not page.exception and "There is no module Beehives here" in told(page)
