"""The right panel: tags in their colours that filter, flows that show first what they would do, quick actions."""

from __future__ import annotations

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.tags import colour_tag
from crm_core.workspace import Workspace
from lake import new_id
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()


def made(workspace: Workspace, name: str, *tags: str) -> str:
    values = {"name": name, "tags": list(tags), "folder": "leads"}
    return records.create(workspace.lake, module="customers", values=values, actor=ADMIN).id


def test_a_tag_has_its_colour_and_lists_what_else_has_it(empty: Open, empty_workspace: Workspace) -> None:
    tag = f"t{new_id()[-6:]}"
    ada = made(empty_workspace, "Tagged Ada", tag)
    made(empty_workspace, "Plain Bob")
    colour_tag(empty_workspace.lake, module="customers", tag=tag, color="brown", actor=ADMIN)
    page = empty("customers", id=ada)
    assert f'data-click="tag:{tag}"' in told(page) and f'm-brown"><span class="m-clip">{tag}' in told(page)
    page.session_state["page:workspace:customers"].tag = tag
    page = page.run()
    assert f"Show all again, not only {tag}" in told(page)
    assert 'aria-pressed="true"' in told(page) and "<small>1</small>" in told(page)


def test_a_flow_shows_what_it_would_do_and_runs_when_that_is_wanted(
    empty: Open, empty_workspace: Workspace
) -> None:
    flow = {
        "flow": "greet", "module": "customers", "trigger": {"event": "manual"},
        "do": [{"set_field": {"remarks": "greeted"}}],
    }  # fmt: skip
    save(empty_workspace.lake, [("flow", flow)], actor=ADMIN)
    ada = made(empty_workspace, "Greeted Ada")

    def remarks() -> object:
        catalog = empty_workspace.catalog
        return records.read_record(
            empty_workspace.lake, catalog, module="customers", record_id=ada, actor=ADMIN
        )["remarks"]

    page = empty("customers", id=ada)
    page = page.button(key=f"run:greet:{ada}").click().run()
    assert "Nothing has been done yet" in told(page) and "greeted" in told(page) and remarks() is None
    page = page.button(key=f"run:now:{ada}").click().run()
    assert remarks() == "greeted" and "Nothing has been done yet" not in told(page)


@pytest.mark.parametrize(("who", "there"), [("", True), ("vera", False)], ids=["admin", "viewer"])
def test_quick_actions_make_what_belongs_to_the_record(
    empty: Open, empty_workspace: Workspace, who: str, there: bool
) -> None:
    ada = made(empty_workspace, "Quick Ada")
    page = empty("customers", id=ada, acting=who)
    assert ('data-click="add:tasks' in told(page).split("m-quicks")[-1] and "m-quicks" in told(page)) is there
    if there:
        page.session_state["forms:new"], page.session_state["forms:about"] = "tasks", ("customers", ada)
        page = page.run()
        page.text_input(key="new:tasks:title").set_value("Ring back")
        page.button(key="new:tasks:create").click().run()
        found = records.read_page(
            empty_workspace.lake, empty_workspace.catalog, module="tasks", actor=ADMIN, limit=50
        )
        assert [row["customer"] for row in found.items if row["title"] == "Ring back"] == [ada]
