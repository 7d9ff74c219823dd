"""What the palette of a page offers, and what comes of a choice."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from crm_core import records
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.workspace import Workspace
from flows.run_history import list_runs
from pages._ui import palette
from pages._ui.components import Click
from pages._ui.session import Here
from tests.pages.conftest import APP, Open, told

OWNER = Actor.local_admin()
ADMIN, VIEWER = Actor("ann", "admin"), Actor("vera", "viewer")
RECORD = "01a205a4-0c9c-79b6-8714-643e177f8d53"


def test_who_only_looks_is_offered_no_action(empty_workspace: Workspace) -> None:
    here = Here(empty_workspace, empty_workspace.catalog, VIEWER)
    assert palette.actions(here) == []
    offered = palette.actions(Here(empty_workspace, empty_workspace.catalog, ADMIN))
    assert {"new:customers", "new:tasks"} <= {entry.do for entry in offered}


def test_a_choice_that_nobody_offered_does_nothing(empty_workspace: Workspace) -> None:
    here = Here(empty_workspace, empty_workspace.catalog, VIEWER)
    for click in (
        Click("open", ("nothing", RECORD)),
        Click("open", ("customers", "x")),
        Click("new", ("tasks",)),
        Click("drop", ()),
    ):
        palette.act(here, click)
    assert "nav:goto" not in st.session_state


def test_every_page_has_it(demo: Open) -> None:
    page = demo("pages/customers.py", acting="hugo")
    assert not page.exception


@pytest.fixture
def anna(empty_workspace: Workspace) -> str:
    values = {"name": "Anna Berger", "email": "anna@buyer.example", "phone": "+4930901820", "folder": "leads"}
    return records.create(empty_workspace.lake, module="customers", values=values, actor=OWNER).id


def chosen(page: AppTest, *values: str) -> AppTest:
    """What the page is after something was chosen in its palette, which no browser draws here."""

    def script() -> None:
        import streamlit as st

        from pages._ui import palette, session
        from pages._ui.components import Click

        palette.act(session.here(), Click(st.session_state["verb"], st.session_state["values"]))

    verb, *rest = values
    acting = AppTest.from_function(script)
    acting.session_state["verb"], acting.session_state["values"] = verb, tuple(rest)
    acting.run(timeout=30)
    assert not acting.exception
    record = values[-1]
    for key in (
        "flow:preview",
        "forms:new",
        "forms:about",
        "nav:goto",
        f"call:{record}",
        f"composer:{record}",
    ):
        if key in acting.session_state:
            page.session_state[key] = acting.session_state[key]
    return page.run()


def test_a_flow_that_is_chosen_shows_first_what_it_would_do(
    empty: Open, empty_workspace: Workspace, anna: str
) -> None:
    flow = {
        "flow": "greet-here", "module": "customers", "trigger": {"event": "manual"},
        "do": [{"set_field": {"remarks": "greeted"}}],
    }  # fmt: skip
    save(empty_workspace.lake, [("flow", flow)], actor=OWNER)
    serving_it = empty("customers", id=anna)
    assert "Run" not in [button.label for button in serving_it.button]
    # The frame with its palette, whichever page is in it.
    page = chosen(AppTest.from_file(APP, default_timeout=30), "run", "greet-here", "customers", anna)
    assert "Nothing has been done yet" in told(page) and not list_runs(empty_workspace.lake, actor=OWNER)
    page = page.button(key=f"run:now:{anna}").click().run()
    assert [run.state for run in list_runs(empty_workspace.lake, actor=OWNER)] == ["done"]
    assert "Nothing has been done yet" not in told(page)


@pytest.mark.parametrize(
    ("what", "there"),
    [
        pytest.param("call", "Call · +49 30 901820", id="a call with its timer"),
        pytest.param("mail", "New mail", id="a mail"),
        pytest.param("tasks", "Create", id="a task"),
        pytest.param("appointments", "Create", id="an appointment"),
    ],
)
def test_what_is_done_for_the_open_record_begins_there(empty: Open, anna: str, what: str, there: str) -> None:
    page = chosen(empty("customers", from_home=True, id=anna), "act", what, "customers", anna)
    assert not page.exception
    assert there in told(page) or there in [button.label for button in page.button]
