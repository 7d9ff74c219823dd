"""The heading of a record: its name, its status and how to reach it are changed where they stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records
from crm_core.access import Actor
from crm_core.profile import read_head
from crm_core.query import read_record
from crm_core.workspace import Workspace
from lake import new_id
from pages._ui import call_log, header_actions, header_html, html, words
from pages._ui.components import Click
from pages._ui.header_html import TITLE
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()
Stands = Callable[[], dict[str, Any]]


@pytest.fixture
def ada(empty_workspace: Workspace) -> str:
    """A new lead."""
    values = {
        "name": "Ada Rivers",
        "folder": "leads",
        "email": f"ada@{new_id()}.example",
        "phone": "+4930901820",
    }
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


def press(workspace: Workspace, ada: str, verb: str, *values: str) -> WorkspaceState:
    """A press on a mark of the heading; what the heading then remembers."""
    seen = read_head(workspace.lake, workspace.catalog, module="customers", record_id=ada, actor=ADMIN)
    state = WorkspaceState(selected=ada)
    assert header_actions.clicked(Here(workspace, workspace.catalog, ADMIN), seen, state, Click(verb, values))
    return state


def test_who_is_away_is_so_until_a_day(
    empty: Open, empty_workspace: Workspace, ada: str, stands: Stands
) -> None:
    page = empty("customers", id=ada)
    page.session_state["page:workspace:customers"].head = press(empty_workspace, ada, "reach", "away").head
    page = page.run()
    back = date.today() + timedelta(days=9)
    page.date_input(key=f"reach:{ada}:away").set_value(back)
    page = next(one for one in page.button if one.label == "Save").click().run()
    assert (stands()["availability"], str(stands()["available_from"])) == ("away", str(back))
    assert f"Away until {words.day(back)}" in told(page)
    page = next(button for button in page.button if str(button.key).startswith("undo:")).click().run()
    assert stands()["availability"] == "reachable" and "Away until" not in told(page)


def test_a_folder_has_its_own_choices_of_availability(
    empty: Open, empty_workspace: Workspace, ada: str
) -> None:
    records.update(
        empty_workspace.lake, module="customers", record_id=ada, values={"folder": "closed"}, actor=ADMIN
    )
    drawn = told(empty("customers", id=ada))
    assert 'data-click="reach:do_not_contact"' in drawn and 'data-click="reach:away"' not in drawn
    assert press(empty_workspace, ada, "reach", "away").head == ""


def test_what_was_over_on_its_day_is_over(empty: Open, empty_workspace: Workspace, ada: str) -> None:
    values = {"availability": "do_not_contact", "available_from": date.today() - timedelta(days=2)}
    records.update(empty_workspace.lake, module="customers", record_id=ada, values=values, actor=ADMIN)
    drawn = told(empty("customers", id=ada)).split('class="m-marks"')[1].split("<summary")[1]
    assert "Reachable" in drawn.split("</summary>")[0]


@pytest.mark.parametrize(
    ("availability", "said"),
    [("do_not_contact", "It would not be sent"), ("away", "Your mail is delivered all the same")],
)
def test_the_composer_says_who_is_not_to_be_reached(
    empty: Open, empty_workspace: Workspace, ada: str, availability: str, said: str
) -> None:
    until = date.today() + timedelta(days=5)
    values = {"availability": availability, "available_from": until}
    records.update(empty_workspace.lake, module="customers", record_id=ada, values=values, actor=ADMIN)
    page = empty("customers", id=ada)
    page = next(one for one in page.button if one.label == "Email").click().run()
    assert said in told(page) and f"until {until.day} {until:%B %Y}" in told(page)


def test_what_somebody_said_is_written_down_with_its_reason(empty: Open, ada: str, stands: Stands) -> None:
    page = empty("customers", id=ada)
    page.session_state["page:workspace:customers"].head = "consents"
    page = page.run()
    key = f"consents:{ada}"
    page.selectbox(key=f"{key}:purpose").set_value("marketing")
    page = page.button(key=f"{key}:save").click().run()
    assert "say how you know" in told(page)
    page.text_input(key=f"{key}:reason").set_value("said so on the phone")
    page = page.button(key=f"{key}:save").click().run()
    assert "Marketing: e-mail" in told(page) and "m-green" in told(page).split("Marketing: e-mail")[0][-400:]


def test_a_call_stays_open_over_sections_until_it_is_kept(
    empty: Open, empty_workspace: Workspace, ada: str
) -> None:
    page = empty("customers", id=ada, section="notes")
    assert 'href="tel:+4930901820" data-click="call:%2B4930901820"' in told(page)
    began = datetime.now(UTC) - timedelta(seconds=130)
    page.session_state[f"call:{ada}"] = call_log.Calling("+4930901820", began)
    page = page.run()
    next(box for box in page.text_area if box.label == "Notes").set_value("Wants a quote")
    next(box for box in page.text_input if box.label == "Next step").set_value("Send the quote")
    page = next(button for button in page.button if button.label == "Keep").click().run()
    found = records.read_page(
        empty_workspace.lake, empty_workspace.catalog, module="communications", actor=ADMIN, limit=20
    )
    [call] = [row for row in found.items if row["customer"] == ada]
    assert (
        call["channel"] == "call" and call["duration"] in range(130, 400) and call["text"] == "Wants a quote"
    )
    assert not [button for button in page.button if button.label == "Keep"]


def test_a_number_that_is_not_the_records_begins_no_call(empty_workspace: Workspace, ada: str) -> None:
    seen = read_head(
        empty_workspace.lake, empty_workspace.catalog, module="customers", record_id=ada, actor=ADMIN
    )
    here = Here(empty_workspace, empty_workspace.catalog, ADMIN)
    assert not header_actions.clicked(here, seen, WorkspaceState(), Click("call", ("+1900666",)))
