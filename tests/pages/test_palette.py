"""What the palette of a page offers, and what comes of a choice."""

from __future__ import annotations

import streamlit as st

from crm_core.access import Actor
from crm_core.workspace import Workspace
from pages._ui import palette
from pages._ui.components import Click
from pages._ui.session import Here
from tests.pages.conftest import Open

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
