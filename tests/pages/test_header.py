"""The heading of a record: its name, its status and how to reach it are changed where they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records
from crm_core.access import Actor
from crm_core.profile import read_head
from crm_core.query import read_record
from crm_core.workspace import Workspace
from pages._ui import header_html, html
from pages._ui.header_html import TITLE
from pages._ui.session import Here
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()
Stands = Callable[[], dict[str, Any]]


@pytest.fixture
def ada(empty_workspace: Workspace) -> str:
    """A new lead."""
    values = {"name": "Ada Rivers", "folder": "leads", "email": "ada@rivers.example", "phone": "+49301234567"}
    return records.create(empty_workspace.lake, module="customers", values=values, actor=ADMIN).id


@pytest.fixture
def stands(empty_workspace: Workspace, ada: str) -> Stands:
    """The customer as it stands."""
    return lambda: read_record(
        empty_workspace.lake, empty_workspace.catalog, module="customers", record_id=ada, actor=ADMIN
    )


def rename(page: AppTest, name: str) -> AppTest:
    page.session_state["page:workspace:customers"].editing.add(TITLE)
    page = page.run()
    return next(box for box in page.text_input if box.label == "Name").set_value(name).run()


def test_a_name_is_written_where_it_stands_and_taken_back(empty: Open, ada: str, stands: Stands) -> None:
    page = rename(empty("customers", id=ada), "  Ada   Lovelace ")
    assert stands()["name"] == "Ada Lovelace" and 'class="m-title m-clip m-name"' in told(page)
    next(button for button in page.button if str(button.key).startswith("undo:")).click().run()
    assert stands()["name"] == "Ada Rivers"


def test_a_name_that_is_needed_is_not_emptied(empty: Open, ada: str, stands: Stands) -> None:
    page = rename(empty("customers", id=ada), " ")
    assert stands()["name"] == "Ada Rivers" and not page.exception


def test_the_menu_has_the_statuses_of_the_folder_in_their_order(empty_workspace: Workspace, ada: str) -> None:
    catalog = empty_workspace.catalog
    seen = read_head(empty_workspace.lake, catalog, module="customers", record_id=ada, actor=ADMIN)
    drawn = header_html.header(Here(empty_workspace, catalog, ADMIN), seen, locked=False)
    folder = catalog.module("customers").folder("leads")
    assert folder is not None
    places = [drawn.index(f'data-click="{html.click("status", one.slug)}"') for one in folder.statuses]
    assert places == sorted(places) and 'm-badge m-teal"><i></i><span class="m-clip">Contacted' in drawn


@pytest.mark.parametrize("how", ["viewer", "past"])
def test_who_may_not_change_a_record_sees_no_way_to(empty: Open, ada: str, how: str) -> None:
    page = (
        empty("customers", acting="vera", id=ada)
        if how == "viewer"
        else empty("customers", id=ada, as_of="2026-01-01")
    )
    assert not any(f'data-click="{verb}' in told(page) for verb in ("edit", "status"))
