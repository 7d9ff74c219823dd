"""Two people at one record: nothing is overwritten unseen, either value can be kept, and an edit can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records
from crm_core.access import Actor
from crm_core.query import read_record
from crm_core.workspace import Workspace
from pages._ui import record_fields
from tests.pages.conftest import Open, told

ADMIN, OTHER = Actor.local_admin(), Actor("eve", "admin")
Changes = Callable[..., dict[str, Any]]


@pytest.fixture
def made(empty_workspace: Workspace) -> str:
    """A customer of Bonn."""
    values = {"name": "Two Hands", "city": "Bonn", "remarks": "first"}
    return records.create(empty_workspace.lake, module="customers", values=values, actor=ADMIN).id


@pytest.fixture
def by_other(empty_workspace: Workspace, made: str) -> Changes:
    """Changes the customer as somebody else, and gives it as it stands then."""

    def change(**values: Any) -> dict[str, Any]:
        lake = empty_workspace.lake
        if values:
            records.update(lake, module="customers", record_id=made, values=values, actor=OTHER)
        return read_record(lake, empty_workspace.catalog, module="customers", record_id=made, actor=ADMIN)

    return change


def type_city(page: AppTest, made: str, city: str) -> AppTest:
    """Type into the field of the city, which stood open before anybody else changed anything."""
    field = next(box for box in page.text_input if str(box.key).startswith(f"field:{made}:city:"))
    return field.set_value(city).run()


@pytest.fixture
def page(empty: Open, made: str) -> AppTest:
    """The profile with its section of the city open."""
    app = empty("customers", id=made)
    app.session_state["page:workspace:customers"].editing.add("company")
    return app.run()


@pytest.mark.parametrize(("choice", "stands"), [("Keep mine", "Mainz"), ("Take theirs", "Trier")])
def test_both_values_stand_side_by_side_until_one_is_chosen(
    page: AppTest, made: str, by_other: Changes, choice: str, stands: str
) -> None:
    by_other(city="Trier")
    page = type_city(page, made, "Mainz")
    assert all(f">{city}<" in told(page) for city in ("Bonn", "Trier", "Mainz"))
    assert by_other()["city"] == "Trier"
    page = page.button(key=f"clash:{choice}:{made}").click().run()
    assert by_other()["city"] == stands
    assert not [button for button in page.button if str(button.key).startswith("clash:")]


def test_what_is_typed_while_somebody_changes_the_field_is_a_conflict_though_the_page_was_drawn_since(
    page: AppTest, made: str, by_other: Changes
) -> None:
    by_other(city="Trier")
    page = page.run()
    assert "Somebody else has changed this to" in told(page)
    page = type_city(page, made, "Mainz")
    assert all(f">{city}<" in told(page) for city in ("Bonn", "Trier", "Mainz"))
    assert by_other()["city"] == "Trier"
    page = page.button(key=f"clash:Keep mine:{made}").click().run()
    assert by_other()["city"] == "Mainz" and "Somebody else" not in told(page)


def test_one_goes_on_from_what_somebody_else_has_put_there(
    page: AppTest, made: str, by_other: Changes
) -> None:
    by_other(city="Trier")
    page = page.run().button(key=f"meanwhile:{made}:city").click().run()
    field = next(box for box in page.text_input if str(box.key).startswith(f"field:{made}:city:"))
    assert field.value == "Trier" and "Somebody else" not in told(page)
    type_city(page, made, "Worms")
    assert by_other()["city"] == "Worms"


def test_another_field_that_somebody_changed_is_no_conflict(
    page: AppTest, made: str, by_other: Changes
) -> None:
    by_other(remarks="second")
    type_city(page, made, "Mainz")
    assert (by_other()["city"], by_other()["remarks"]) == ("Mainz", "second")


def test_an_edit_is_undone_in_one_press_and_the_one_before_it_next(
    page: AppTest, made: str, by_other: Changes
) -> None:
    for city in ("Mainz", "Worms"):
        page = type_city(page, made, city)
    for before in ("Mainz", "Bonn"):
        page = next(button for button in page.button if str(button.key).startswith("undo:")).click().run()
        assert by_other()["city"] == before
    assert not [button for button in page.button if str(button.key).startswith("undo:")]


def test_undo_never_takes_back_what_somebody_else_wrote_since(
    page: AppTest, made: str, by_other: Changes
) -> None:
    page = type_city(page, made, "Mainz")
    by_other(city="Trier")
    page = next(button for button in page.button if str(button.key).startswith("undo:")).click().run()
    assert by_other()["city"] == "Trier" and "Somebody else changed this" in told(page)


def choose_credit(page: AppTest, made: str, value: str) -> AppTest:
    page.session_state["page:workspace:customers"].editing.add("account")
    page = page.run()
    box = next(one for one in page.selectbox if str(one.key).startswith(f"field:{made}:credit_status:"))
    return box.set_value(value).run()


def test_what_a_change_requires_is_asked_for_beside_it_and_both_are_saved(
    page: AppTest, made: str, by_other: Changes
) -> None:
    by_other(remarks=None)
    page = choose_credit(page.run(), made, "blocked")
    assert not page.exception and "is not saved yet: it needs Remarks as well" in told(page)
    assert by_other()["credit_status"] != "blocked"
    note = next(one for one in page.text_area if str(one.key).startswith(f"missing:{made}:"))
    note.set_value("Has not paid")
    page = next(one for one in page.button if one.label == "Save both").click().run()
    assert (by_other()["credit_status"], by_other()["remarks"]) == ("blocked", "Has not paid")
    assert "is not saved yet" not in told(page)
    page = next(one for one in page.button if str(one.key).startswith("undo:")).click().run()
    assert (by_other()["credit_status"], by_other()["remarks"]) == ("unchecked", None)


def test_a_change_that_asks_for_more_can_be_left(page: AppTest, made: str, by_other: Changes) -> None:
    by_other(remarks=None)
    page = choose_credit(page.run(), made, "blocked")
    page = next(one for one in page.button if one.label == "Leave it").click().run()
    assert "is not saved yet" not in told(page) and by_other()["credit_status"] != "blocked"


def test_two_edits_of_two_fields_are_undone_though_somebody_changed_a_third(
    page: AppTest, made: str, by_other: Changes
) -> None:
    page = type_city(page, made, "Mainz")
    page = choose_credit(page, made, "good")
    by_other(remarks="third")
    for _ in range(2):
        page = next(one for one in page.button if str(one.key).startswith("undo:")).click().run()
    now = by_other()
    assert (now["city"], now["credit_status"], now["remarks"]) == ("Bonn", "unchecked", "third")


@pytest.mark.parametrize(
    ("value", "same"),
    [(datetime(2026, 11, 12, 10, 53, tzinfo=UTC), True), (datetime(2026, 11, 12, 10, 54, tzinfo=UTC), False),
     (None, False)],
    ids=["to the minute", "a minute later", "taken away"],
)  # fmt: skip
def test_a_moment_that_is_only_told_again_loses_no_seconds(value: datetime | None, same: bool) -> None:
    assert record_fields.same(value, datetime(2026, 11, 12, 10, 53, 41, tzinfo=UTC)) is same
