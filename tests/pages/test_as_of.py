"""A profile of the past: as it was, said plainly, carried by the link, with nothing that can be changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.workspace import Workspace
from lake import Change
from pages._ui.calendar_board import Board
from pages._ui.session import Here
from tests.pages.conftest import Open, told

NOW = datetime.now(UTC)
ADMIN = Actor.local_admin()


def day(ago: int) -> str:
    return (NOW - timedelta(days=ago)).date().isoformat()


@pytest.fixture(scope="module")
def mover(empty_workspace: Workspace) -> str:
    """A customer of Bonn who moved to Mainz four days ago."""
    lake = empty_workspace.lake

    def ago(days: int) -> Change:
        return Change(actor="local", door="test", occurred_at=NOW - timedelta(days=days))

    values = {"name": "Mona Mover", "city": "Bonn", "email": "mona@mover.example"}
    made = records.create(lake, module="customers", values=values, actor=ADMIN, change=ago(9)).id
    records.update(
        lake, module="customers", record_id=made, values={"city": "Mainz"}, actor=ADMIN, change=ago(4)
    )
    return made


@pytest.mark.parametrize("section", ["overview", "timeline", "history", "communications", "tasks"])
def test_every_section_draws_as_of_a_day_and_offers_nothing_that_writes(
    empty: Open, mover: str, section: str
) -> None:
    page = empty("customers", id=mover, section=section, as_of=day(6))
    text = told(page)
    assert not page.exception and "As it was at the end of" in text
    assert ">Edit<" not in text and "+ Add" not in text and "Mainz" not in text
    assert not [button for button in page.button if str(button.key).startswith(("run:", "look:", "undo:"))]


def test_fields_are_as_they_were_and_one_press_leads_back(empty: Open, mover: str) -> None:
    page = empty("customers", id=mover, as_of=day(6))
    assert ">Bonn<" in told(page) and "Edit" not in told(page)
    page = page.button(key="as_of:back").click().run()
    assert ">Mainz<" in told(page) and "As it was" not in told(page) and "as_of" not in page.query_params


def test_what_was_open_for_editing_is_closed_and_stays_so(empty: Open, mover: str) -> None:
    page = empty("customers", id=mover, as_of=day(6))
    page.session_state["page:workspace:customers"].editing.add("company")
    page.run()
    assert not [box for box in page.text_input if str(box.key).startswith("field:")]


@pytest.mark.parametrize(
    ("as_of", "said"),
    [
        pytest.param(day(20), "There were no customers yet", id="before the lake"),
        pytest.param("tomorrow", "Mona Mover", id="no date"),
        pytest.param("2999-01-01", "Mona Mover", id="a day to come"),
    ],
)
def test_a_day_without_a_past_is_told_or_is_today(empty: Open, mover: str, as_of: str, said: str) -> None:
    page = empty("customers", id=mover, as_of=as_of)
    assert not page.exception and said in told(page)


def test_a_record_that_came_later_was_not_there(empty: Open, mover: str, empty_workspace: Workspace) -> None:
    later = records.create(empty_workspace.lake, module="customers", values={"name": "Late"}, actor=ADMIN).id
    page = empty("customers", id=later, as_of=day(3))
    assert "was not there yet" in told(page) and not page.exception


def test_what_was_late_is_judged_by_the_day_that_is_looked_at(
    empty: Open, mover: str, empty_workspace: Workspace
) -> None:
    values = {"title": "Send the papers", "customer": mover, "due": NOW - timedelta(days=3)}
    change = Change(actor="local", door="test", occurred_at=NOW - timedelta(days=8))
    records.create(empty_workspace.lake, module="tasks", values=values, actor=ADMIN, change=change)
    then = told(empty("customers", id=mover, section="tasks", as_of=day(6)))
    today = told(empty("customers", id=mover, section="tasks"))
    assert "Send the papers" in then and "m-red" not in then and "<b>0</b>" in then
    assert "Send the papers" in today and "m-red" in today and '<b class="bad">1</b>' in today


def test_the_calendar_opens_at_the_day_that_is_looked_at(empty_workspace: Workspace) -> None:
    here = Here(empty_workspace, empty_workspace.catalog, ADMIN)
    then = date(2026, 1, 5)
    assert Board(here, key="calendar", within={}, locked=True, then=then).today == then
