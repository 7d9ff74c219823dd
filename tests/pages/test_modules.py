"""The Modules page: what one shapes there holds at once, is refused with its reasons, and is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import calendars, records
from crm_core.access import Actor
from crm_core.errors import ValuesInvalid
from crm_core.model import CalendarPlace
from crm_core.model.relationships import Tree
from crm_core.workspace import Workspace
from tests.pages.conftest import Open, told

ADMIN = Actor("ann", "admin", name="Ann")


def shaping(page: AppTest, tab: str) -> AppTest:
    return page.segmented_control(key="modules:tab").set_value(tab).run()


def widget(page: AppTest, kind: str, ends: str) -> Any:
    return next(one for one in page.get(kind) if str(one.key).endswith(ends))


def pressed(page: AppTest, label: str) -> AppTest:
    page = next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


@pytest.fixture
def rules(empty: Open) -> Iterator[AppTest]:
    """The rules of tasks, which stand on their day, without an end and a place."""
    yield shaping(empty("pages/modules.py", module="tasks"), "Rules")


def test_a_module_is_given_its_place_in_calendars_and_it_is_taken_back(
    rules: AppTest, empty_workspace: Workspace
) -> None:
    def place() -> CalendarPlace | None:
        return empty_workspace.catalog.module("tasks").calendar

    before = place()
    assert before is not None and widget(rules, "selectbox", ":starts").value == before.starts
    widget(rules, "selectbox", ":place").select("title")
    widget(rules, "toggle", ":all_day").set_value(False)
    page = pressed(rules, "Save the calendar")
    assert place() == CalendarPlace(starts=before.starts, place="title")
    page = widget(page, "toggle", ":shown").set_value(False).run()
    page = pressed(page, "Save the calendar")
    assert place() is None and calendars.source_of(empty_workspace.catalog, "tasks") is None
    page = pressed(pressed(page, "Undo"), "Undo")
    assert place() == before and "Undo" not in [button.label for button in page.button]


def test_a_calendar_that_cannot_be_is_refused_with_its_reason(
    rules: AppTest, empty_workspace: Workspace
) -> None:
    before = empty_workspace.catalog.module("tasks").calendar
    starts = widget(rules, "selectbox", ":starts")
    widget(rules, "selectbox", ":ends").select(starts.value)
    page = pressed(rules, "Save the calendar")
    assert "cannot begin and end" in page.toast[0].value
    assert empty_workspace.catalog.module("tasks").calendar == before


def test_a_module_without_a_time_says_what_it_lacks(empty: Open) -> None:
    page = shaping(empty("pages/modules.py", module="contact_points"), "Rules")
    assert "Add a field of the kind date and time first" in told(page)


def test_links_are_made_a_tree_and_none_again(empty: Open, empty_workspace: Workspace) -> None:
    def tree() -> Tree | None:
        found = empty_workspace.catalog.relationships
        return next(one.tree for one in found if one.key == "customers.related")

    before = tree()
    page = empty("pages/modules.py", module="customers")
    page.session_state["page:modules"].link = "customers.related"
    page = shaping(page, "Relationships")
    widget(page, "multiselect", ":above").set_value([])
    widget(page, "multiselect", ":below").set_value([])
    page = pressed(page, "Save relationship")
    assert "says which values of" in page.toast[0].value and tree() == before
    widget(page, "multiselect", ":below").set_value(["family"])
    page = pressed(page, "Save relationship")
    assert tree() == Tree(by="type", below=("family",))
    ann, ben = (records.create(empty_workspace.lake, module="customers", values={"name": name}, actor=ADMIN).id
                for name in ("Ann", "Ben"))  # fmt: skip

    def link(near: str, far: str) -> None:
        records.link(
            empty_workspace.lake, module="customers", record_id=near, relationship="related", to=far, actor=ADMIN,
            values={"type": "family"},
        )  # fmt: skip

    link(ann, ben)
    with pytest.raises(ValuesInvalid, match="circle"):
        link(ben, ann)
    pressed(page, "Undo")
    assert tree() == before
    link(ben, ann)
