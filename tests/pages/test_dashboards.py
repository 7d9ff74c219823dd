"""Dashboards in the browser: arranged, kept, pinned to Home, over one range; who only looks arranges none."""

from __future__ import annotations

import pytest

from crm_core import definitions
from crm_core.model import Report
from crm_core.preferences import read_preferences
from crm_core.reports.store import NEW, dashboards_of, save_report
from crm_core.workspace import Workspace
from pages._ui.cards import placed
from pages._ui.report_arrange import take
from tests.crm_core.conftest import ADMIN, AGENT, OTHER
from tests.pages.report_world import Open, reports, told, workspace

__all__ = ["reports", "workspace"]
KEY = "arrange:new"


def test_cards_are_added_arranged_and_kept(reports: Open, workspace: Workspace) -> None:
    page = reports("bob", arrange="new")
    for slug in ("by-kind", "credit", "by-kind"):
        page.selectbox(key=f"{KEY}:add").select(slug).run()
    take(page.session_state["page:dashboard"], placed("[[2, 3, 2], [1, 1, 1]]", frozenset({1, 2, 3})) or ())
    page.selectbox(key=f"{KEY}:period").select("this_year").run()
    page.text_input(key=f"{KEY}:save:name").set_value("My board").run()
    page.button(key=f"{KEY}:save:do").click().run()
    assert not page.exception
    board = next(one for one in dashboards_of(workspace.catalog, actor=AGENT) if one.name == "My board")
    assert [(card.report, card.width, card.height) for card in board.cards] == [
        ("credit", 3, 2),
        ("by-kind", 1, 1),
    ]
    assert (board.owner, board.period) == ("bob", "this_year")
    assert board not in dashboards_of(workspace.catalog, actor=OTHER)
    assert "My board" in told(page)


@pytest.mark.parametrize(
    "said",
    ["[[1, 4, 1]]", "[[1, 1, 0]]", "[[9, 1, 1]]", "[[1, 1, 1], [1, 2, 1]]", '{"1": 1}', "[[1]]", "[", 7, "[" * 2000],
    ids=["too wide", "no row", "unknown", "twice", "no list", "no size", "cut", "no text", "too long"],
)  # fmt: skip
def test_what_is_no_arrangement_of_the_cards_is_dropped(said: object) -> None:
    assert placed(said, frozenset({1, 2})) is None


def test_a_dashboard_is_pinned_to_the_home_of_one_person(reports: Open, workspace: Workspace) -> None:
    page = reports("bob", dashboard="board")
    page.button(key="board:pin").click().run()
    pinned = [read_preferences(workspace.lake, actor=one).get("home.dashboards") for one in (AGENT, OTHER)]
    assert pinned == [["board"], None]
    page.button(key="board:pin").click().run()
    assert read_preferences(workspace.lake, actor=AGENT)["home.dashboards"] == []


@pytest.mark.parametrize("query", [{"arrange": "board"}, {"build": "by-kind"}])
def test_who_only_looks_changes_nothing(reports: Open, query: dict[str, str]) -> None:
    page = reports("vic", **query)
    assert "You may look at" in told(page) and not page.selectbox and not page.exception


def test_a_card_tells_not_even_the_name_of_a_report_that_one_is_not_offered(
    reports: Open, workspace: Workspace
) -> None:
    own = Report(slug=NEW, name="Whom we let go", module="customers", shared_with="me")
    slug = save_report(workspace.lake, own, actor=AGENT)
    board = {"slug": "mixed", "name": "Mixed", "cards": [{"report": slug}]}
    definitions.save(workspace.lake, [("dashboard", board)], actor=ADMIN)
    named = {
        user: any("let go" in button.label for button in reports(user, dashboard="mixed").button)
        for user in ("bob", "sue")
    }
    assert named == {"bob": True, "sue": False}
