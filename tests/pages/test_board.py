"""The board of a module: drawn for each role, its cards moved, and a move that is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records, serving
from crm_core.access import Actor
from crm_core.workspace import Workspace
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()


def keys(page: AppTest) -> list[str]:
    return [str(button.key) for button in page.button]


@pytest.mark.parametrize("path", ["deals", "pages/customers.py"])
def test_a_board_has_the_bar_of_the_table_and_leads_to_it(demo: Open, path: str) -> None:
    page, slug = demo(path, view="board"), path.removeprefix("pages/").removesuffix(".py")
    if path.startswith("pages/"):
        page.query_params["view"] = "board"
        page = page.run()
    assert not page.exception and f"table_table:{slug}" in keys(page)
    assert "m-title" in told(page) and f"columns:{slug}" not in [str(one.key) for one in page.multiselect]


def test_what_has_no_statuses_has_no_board(demo: Open) -> None:
    page = demo("contact_points", view="board")
    assert not page.exception and "table_board:contact_points" not in keys(page)


def _script(deal: str, to: str) -> None:
    """A page that moves a card, once, and shows what is said of it."""
    import streamlit as st

    from crm_core.boards import read_board
    from pages._ui import edits, html
    from pages._ui.board import move_card
    from pages._ui.session import here

    now = here()
    module = now.catalog.module("deals")
    board = read_board(now.lake, now.catalog, module="deals", actor=now.actor)
    [card] = [card for lane in board.lanes for card in lane.cards if card.id == deal]
    if "moved" not in st.session_state:
        st.session_state["moved"] = True
        st.html(html.note(move_card(now, module, card, to) or "moved"))
    edits.draw(now, edits.Shown(module, {"id": deal, "version": card.version}))


@pytest.fixture
def deal(empty_workspace: Workspace) -> Iterator[str]:
    """A deal that nobody has spoken about yet; the pages are served."""
    serving.serve(empty_workspace)
    yield records.create(empty_workspace.lake, module="deals", values={"title": "Steel"}, actor=ADMIN).id
    serving.stop()


def status(workspace: Workspace, deal: str) -> Any:
    asked = {"module": "deals", "record_id": deal, "actor": ADMIN}
    return records.read_record(workspace.lake, workspace.catalog, **asked)["status"]


def test_a_card_is_moved_and_back_again(empty_workspace: Workspace, deal: str) -> None:
    page = AppTest.from_function(_script, args=(deal, "proposal"), default_timeout=30).run()
    assert "moved" in told(page) and status(empty_workspace, deal) == "proposal"
    next(button for button in page.button if button.label == "Undo").click().run()
    assert status(empty_workspace, deal) == "qualification"


def test_a_move_that_is_refused_says_why_and_changes_nothing(empty_workspace: Workspace, deal: str) -> None:
    page = AppTest.from_function(_script, args=(deal, "lost"), default_timeout=30).run()
    assert "“Lost reason” is required" in told(page) and status(empty_workspace, deal) == "qualification"
