"""The table of a module: many records changed at once and taken back, totals, what each role is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import people, records, serving
from crm_core.definitions import read_catalog
from crm_core.downloads import PATH, follow
from crm_core.people import User
from crm_core.settings import read_settings
from crm_core.views import views_of
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from pages._ui.conditions import from_condition
from pages._ui.field_views import FieldContext
from pages._ui.session import Here
from pages._ui.table_cells import cell_text
from tests.crm_core.conftest import ADMIN, AGENT, OTHER, PACK, USERS
from tests.pages.conftest import page_at, told

ROWS = [
    {"name": "Anna", "age": 30, "credit": {"amount": "0.10", "currency": "EUR"}, "tags": ["old"]},
    {"name": "Bert", "age": 40, "credit": {"amount": "0.20", "currency": "EUR"}},
    {"name": "Cora", "credit": {"amount": "7", "currency": "USD"}},
]
Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """Three customers; each test leaves them as it found them."""
    home = tmp_path_factory.mktemp("table")
    settings = read_settings({}, home=home, catalog=new_catalog(home), threads=1, pack=str(PACK))
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        people.save_users(opened.lake, [*USERS, User("flo", "Flo", role="agent")], actor=ADMIN)
        records.create(opened.lake, module="customers", values=ROWS, actor=ADMIN)
        yield opened


@pytest.fixture
def table(workspace: Workspace) -> Iterator[Open]:
    """Opens the table of customers, as somebody."""
    serving.serve(workspace)

    def open_table(acting: str = "ann") -> AppTest:
        return page_at("pages/customers.py", acting=acting, view="table")

    yield open_table
    serving.stop()


def ages(workspace: Workspace) -> list[int | None]:
    return workspace.lake.read("SELECT age FROM lake.crm.customers WHERE deleted_at IS NULL ORDER BY name")[
        "age"
    ].to_list()


def test_all_that_match_are_changed_after_a_preview_and_taken_back_in_one_press(
    table: Open, workspace: Workspace
) -> None:
    page = table()
    page.button(key="table_bulk:customers").click().run()
    page.selectbox(key="bulk:customers:what").select("set:age").run()
    page.number_input(key="bulk:customers:set:age").set_value(40).run()
    page.button(key="bulk:customers:preview").click().run()
    assert "2 customers would change. 1 are so already." in told(page) and not page.exception
    assert ages(workspace) == [30, 40, None]
    page.button(key="bulk:customers:do").click().run()
    assert ages(workspace) == [40, 40, 40] and "2 customers changed: set age" in told(page)
    page.button(key="bulk_undo:customers").click().run()
    assert ages(workspace) == [30, 40, None] and "Undone: 2 customers are as before." in told(page)


def test_what_was_seen_is_what_is_done(table: Open) -> None:
    page = table()
    page.button(key="table_bulk:customers").click().run()
    page.selectbox(key="bulk:customers:what").select("set:age").run()
    page.number_input(key="bulk:customers:set:age").set_value(41).run()
    page.button(key="bulk:customers:preview").click().run()
    assert [button.label for button in page.button if button.key == "bulk:customers:do"] == [
        "Change 3 customers"
    ]
    page.number_input(key="bulk:customers:set:age").set_value(42).run()
    assert not [button for button in page.button if button.key == "bulk:customers:do"]


def test_ticked_records_are_meant_first_and_deleted_ones_come_back(table: Open, workspace: Workspace) -> None:
    page = table()
    anna = workspace.lake.read(
        "SELECT CAST(id AS VARCHAR) FROM lake.crm.customers WHERE name = 'Anna'"
    ).item()
    page.session_state["page:table:customers"].ticked = (anna,)
    page.button(key="table_bulk:customers").click().run()
    page.selectbox(key="bulk:customers:what").select("delete").run()
    page.button(key="bulk:customers:preview").click().run()
    page.button(key="bulk:customers:do").click().run()
    assert ages(workspace) == [40, None] and "1 customer deleted" in told(page)
    page.button(key="bulk_undo:customers").click().run()
    assert ages(workspace) == [30, 40, None]


def test_totals_stand_below_the_table_by_currency(table: Open) -> None:
    page = table()
    page.multiselect(key="columns:customers").set_value(["name", "age", "credit"]).run()
    assert "Total Age: <b>70</b>" in told(page) and "Total Credit: <b>€0.30 · $7.00</b>" in told(page)


def test_a_record_that_one_may_not_see_has_neither_name_nor_id_in_a_table(workspace: Workspace) -> None:
    now = Here(workspace, read_catalog(workspace.lake), ADMIN)
    module = now.catalog.module("tasks")
    hidden = {"customer": "01935651-7800-7173-93b4-58df5abc2c6c"}
    assert cell_text(now, module, "customer", hidden, {}, FieldContext()) == ""


def test_columns_that_one_chose_are_there_the_next_time_and_only_for_oneself(table: Open) -> None:
    table("bob").multiselect(key="columns:customers").set_value(["name", "age"]).run()
    assert table("bob").multiselect(key="columns:customers").value == ["name", "age"]
    assert len(table("flo").multiselect(key="columns:customers").value) > 2
    table("bob").multiselect(key="columns:customers").set_value([]).run()
    assert len(table("bob").multiselect(key="columns:customers").value) > 2


def test_who_only_looks_is_offered_no_change(table: Open) -> None:
    assert not [button for button in table("vic").button if str(button.key).startswith("table_bulk")]


def test_all_that_match_are_offered_as_files_even_to_who_only_looks(
    table: Open, workspace: Workspace
) -> None:
    links = {link.proto.label: link.proto.url for link in table("vic").get("link_button")}
    assert list(links) == ["Excel", "CSV", "Parquet"]
    wanted = follow(workspace.lake, links["CSV"].removeprefix(PATH))
    assert (wanted.module, wanted.format, wanted.actor.user) == ("customers", "csv", "vic")


def test_an_agent_saves_what_is_shown_and_brings_it_back(table: Open, workspace: Workspace) -> None:
    page = table("bob")
    page.multiselect(key="columns:customers").set_value(["name", "credit"]).run()
    page.session_state["condition:filter:customers:draft"] = from_condition(
        {"field": "name", "op": "eq", "value": "Cora"}
    )
    page.run()
    assert ">1</small>" in told(page)
    page.text_input(key="view_name:customers").set_value("Cora alone").run()
    page.button(key="view_save:customers").click().run()
    [view] = [one for one in views_of(workspace.catalog, "customers", actor=AGENT) if one.owner == "bob"]
    assert not page.exception and view not in views_of(workspace.catalog, "customers", actor=OTHER)
    again = table("bob")
    assert ">3</small>" in told(again)
    again.button(key=f"view:{view.slug}").click().run()
    assert ">1</small>" in told(again) and "$7.00" in told(again)
    assert again.multiselect(key="columns:customers").value == ["name", "credit"]
    again.button(key=f"view_delete:{view.slug}").click().run()
    assert view not in views_of(workspace.catalog, "customers", actor=AGENT)
