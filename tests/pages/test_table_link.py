"""The link to a table: it shows somebody else the same words, filter, order and page; what is none is left out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import serving
from crm_core.workspace import Workspace
from pages._ui.table_link import NAMES
from pages._ui.table_state import NEWEST, TableState
from tests.pages.conftest import APP, told
from tests.pages.report_world import workspace

__all__ = ["workspace"]
KIND = '{"field":"kind","op":"eq","value":"person"}'


@pytest.fixture
def served(workspace: Workspace) -> Iterator[Workspace]:
    serving.serve(workspace)
    yield workspace
    serving.stop()


def opened(**query: str) -> AppTest:
    """The table of customers, as somebody opens it by a link."""
    app = AppTest.from_file(APP, default_timeout=30)
    app.run().switch_page("pages/customers.py")
    app.query_params["view"] = "table"
    for name, value in query.items():
        app.query_params[name] = value
    return app.run()


def state(page: AppTest) -> TableState:
    found = page.session_state["page:table:customers"]
    assert isinstance(found, TableState)
    return found


def link(page: AppTest) -> dict[str, str]:
    asked = {name: page.query_params[name] for name in NAMES if name in page.query_params}
    return {name: value if isinstance(value, str) else value[-1] for name, value in asked.items()}


def test_a_link_shows_the_same_to_whoever_opens_it(served: Workspace) -> None:
    page = opened()
    assert link(page) == {}
    page.text_input(key="table_words:customers").set_value("er").run()
    shown = state(page)
    shown.filter, shown.sort = {"field": "kind", "op": "eq", "value": "person"}, "-name"
    page.session_state["condition:filter:customers:draft"] = {
        "id": "g", "join": "all", "parts": [{"id": "r", **shown.filter}],
    }  # fmt: skip
    page.run()
    given = {"q": "er", "filter": KIND, "sort": "-name"}
    assert link(page) == given and not page.exception
    other = opened(**given)
    assert "1 customer" in told(other) and "Kind is Person" in told(other) and not other.exception
    assert other.text_input(key="table_words:customers").value == "er"
    assert (state(other).sort, link(other)) == ("-name", given)


def test_what_comes_by_the_menu_is_as_one_left_it(served: Workspace) -> None:
    page = opened(q="Bert")
    page.query_params.clear()
    page.query_params["view"] = "table"
    assert state(page.run()).words == "Bert" and link(page) == {"q": "Bert"}
    page.query_params["q"] = "Cora"
    assert state(page.run()).words == "Cora"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "colour"), ("sort", "tasks.due"), ("folder", "nowhere"),
        ("page", "-1"), ("page", "²"), ("page", "9" * 40),
        ("filter", "["), ("filter", '[["'), ("filter", "[" * 1900),
        ("filter", '{"field":"colour","op":"eq","value":1}'),
        ("filter", '{"field":"name","op":"eq","value":"' + "x" * 2000 + '"}'),
    ],
)  # fmt: skip
def test_what_a_link_may_not_ask_for_is_left_out(served: Workspace, name: str, value: str) -> None:
    page = opened(**{name: value})
    assert not page.exception and "3 customers" in told(page)
    found = state(page)
    assert (found.sort, found.folder, found.filter, found.page) == (NEWEST, "", {}, 1) and link(page) == {}
