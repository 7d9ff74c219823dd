"""Each page over an empty lake, over a full one, as a viewer, and with something wrong."""

from __future__ import annotations

import pytest

from crm_core.workspace import Workspace
from tests.pages.conftest import Open, told

EVERYBODY = [
    "pages/home.py",
    "pages/customers.py",
    "pages/inbox.py",
    "pages/calendar.py",
    "pages/load.py",
    "pages/explore.py",
    "tasks",
    "shipments",
]
ADMINS = ["pages/modules.py", "pages/flows.py"]
NOTHING = {
    "pages/home.py": ("Welcome. Bring your customers", ["Load a file", "New customer"]),
    "pages/customers.py": ("No customers yet", ["New customer", "Load a file"]),
    "pages/inbox.py": ("Nothing is waiting", ["New inquiry"]),
    "tasks": ("No tasks yet", ["New task", "Load a file"]),
    "business": ("No businesses yet", ["New business", "Load a file"]),
}
FULL = {
    # Of one's own, or of everybody where one has no work: at some hours there is some.
    "pages/home.py": ["asks", "ppointments", "Waiting for", "customers"],
    "pages/customers.py": ["Contact", "Timeline", "Last activity"],
    "pages/inbox.py": ["Message", "Request", "Sender"],
    "pages/calendar.py": ["Calendar", "Appointments", "Reservations"],
    "tasks": ["Tasks"],
    "pages/modules.py": ["Fields", "Customers"],
    "pages/flows.py": ["When", "Then"],
    "pages/load.py": ["Files become records"],
    "pages/explore.py": ["Tables"],
}
WRITES = ("New", "Create", "Take", "Close", "Task", "Add", "Undo this load", "Welcome a customer")


@pytest.mark.parametrize("path", [*EVERYBODY, *ADMINS])
def test_a_page_of_an_empty_lake_draws_without_an_error(empty: Open, path: str) -> None:
    page = empty(path)
    assert not page.exception
    assert told(page)


@pytest.mark.parametrize("path", NOTHING)
def test_an_empty_page_says_why_and_offers_what_to_do(empty: Open, path: str) -> None:
    page = empty(path)
    why, offered = NOTHING[path]
    assert why in told(page)
    assert [button.label for button in page.button if str(button.key).startswith("nothing")] == offered


@pytest.mark.parametrize("path", NOTHING)
def test_who_only_looks_is_offered_nothing_on_an_empty_page(empty: Open, path: str) -> None:
    page = empty(path, acting="vera")
    assert not [button for button in page.button if str(button.key).startswith("nothing")]


@pytest.mark.parametrize("path", [path for path in [*EVERYBODY, *ADMINS] if path.startswith("pages/")])
def test_a_page_of_a_lake_without_modules_says_how_to_begin(bare: Open, path: str) -> None:
    page = bare(path)
    assert not page.exception
    assert "m-empty" in told(page)


@pytest.mark.parametrize("path", FULL)
def test_a_page_of_the_demo_shows_what_there_is(demo: Open, path: str) -> None:
    page = demo(path)
    text = told(page)
    assert not page.exception
    assert [words for words in FULL[path] if words not in text] == []


@pytest.mark.parametrize("path", EVERYBODY)
def test_a_viewer_is_offered_nothing_that_writes(demo: Open, path: str) -> None:
    page = demo(path, acting="hugo")
    assert not page.exception
    assert [button.label for button in page.button if button.label.startswith(WRITES)] == []
    assert ">Edit<" not in told(page) and "+ Add" not in told(page)
    assert all(box.disabled for box in page.selectbox if str(box.key).startswith("side:"))


@pytest.mark.parametrize("path", ADMINS)
def test_a_page_of_administrators_says_so_to_others(demo: Open, path: str) -> None:
    page = demo(path, acting="hugo")
    assert "Only administrators" in told(page)
    assert not page.button


def test_a_wrong_statement_is_one_clear_sentence(demo: Open) -> None:
    page = demo("pages/explore.py")
    page.text_area(key="explore:sql").set_value("DELETE FROM customers").run()
    page.button(key="explore:run").click().run()
    assert not page.exception
    assert [toast.value for toast in page.toast if "SELECT" in toast.value]


def test_a_statement_is_answered(demo: Open) -> None:
    page = demo("pages/explore.py")
    page.text_area(key="explore:sql").set_value("SELECT count(*) AS n FROM customers").run()
    page.button(key="explore:run").click().run()
    assert page.dataframe[0].value["n"][0] >= 60


def test_a_field_without_a_name_is_asked_for_one(demo: Open) -> None:
    page = demo("pages/modules.py")
    next(button for button in page.button if button.label == "Add field").click().run()
    assert not page.exception
    assert "Give the field a label first" in page.toast[0].value


def test_the_rules_of_a_module_are_told_in_words(demo: Open) -> None:
    page = demo("pages/modules.py")
    page.segmented_control(key="modules:tab").set_value("Rules").run()
    assert not page.exception
    shown = told(page)
    assert "Refused: A checklist that is required for this status has open steps" in shown
    assert "one of its checklist steps has: " in shown


@pytest.mark.parametrize(("service", "shown"), [("sea_freight", True), ("general", False)])
def test_a_section_stands_only_where_it_has_a_field_to_show(
    demo: Open, demo_workspace: Workspace, service: str, shown: bool
) -> None:
    sql = "SELECT CAST(id AS VARCHAR) FROM lake.crm.inquiries WHERE service = ? AND folder = 'inbox' LIMIT 1"
    page = demo("pages/inbox.py", id=str(demo_workspace.lake.read(sql, [service]).item()))
    assert ("Cargo" in told(page)) is shown and "Sender" in told(page)
