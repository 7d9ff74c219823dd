"""The timeline of a profile: days, what is new, what is pinned, and what is added from its top."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.reading import marks_of
from crm_core.timeline import Entry, read_timeline
from crm_core.workspace import Workspace
from pages._ui import timeline_html, words
from pages._ui.session import Here
from pages._ui.timeline_html import Look
from tests.pages.conftest import Open, told

ADMIN = Actor("ann", "admin", name="Ann")
NOW = datetime.now(UTC)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def customer(empty_workspace: Workspace) -> str:
    return made(empty_workspace, "customers", name="Tessa Time")


def made(workspace: Workspace, module: str, **values: object) -> str:
    return records.create(workspace.lake, module=module, values=values, actor=ADMIN).id


def message(ago: timedelta, title: str = "Hello") -> Entry:
    return Entry("communications", title, NOON - ago, title)


def draw(
    workspace: Workspace, *entries: Entry, looked: datetime | None = None, before: Entry | None = None
) -> str:
    look = Look(NOON.date(), looked)
    here = Here(workspace, workspace.catalog, Actor("ann", "admin", time_zone="UTC"))
    module = workspace.catalog.module("customers")
    return str(timeline_html.page(here, module, entries, look, before=before))


@pytest.mark.parametrize(
    ("day", "heading"),
    [
        (date(2026, 11, 20), "Today"), (date(2026, 11, 19), "Yesterday"), (date(2026, 11, 21), "Tomorrow"),
        (date(2026, 11, 2), "Monday, 2 November"), (date(2025, 5, 3), "3 May 2025"),
    ],
)  # fmt: skip
def test_a_day_is_told_as_people_say_it(day: date, heading: str) -> None:
    assert words.day_heading(day, date(2026, 11, 20)) == heading


def test_entries_stand_under_their_days_with_the_time_of_day(empty_workspace: Workspace) -> None:
    drawn = draw(
        empty_workspace, message(timedelta(hours=1)), message(timedelta(hours=3)), message(timedelta(days=1))
    )
    assert drawn.count("m-day") == 2
    assert drawn.index("Today") < drawn.index("11:00") < drawn.index("09:00") < drawn.index("Yesterday")


def test_a_day_goes_on_on_the_next_page_without_its_name(empty_workspace: Workspace) -> None:
    drawn = draw(empty_workspace, message(timedelta(hours=3)), before=message(timedelta(hours=1)))
    assert "m-day" not in drawn


@pytest.mark.parametrize("hours", [2, 30], ids=["within a day", "between two days"])
def test_a_line_stands_where_one_looked_last(empty_workspace: Workspace, hours: int) -> None:
    looked = NOON - timedelta(hours=hours)
    entries = [message(timedelta(hours=h), f"Mail {h:03}") for h in (1, 26, 31, 50)]
    drawn = draw(empty_workspace, *entries, looked=looked)
    newer = [entry.title for entry in entries if entry.occurred_at > looked]
    above, _, below = drawn.partition("m-since")
    assert drawn.count("m-since") == 1
    assert [title in above and title not in below for title in newer] == [True] * len(newer)
    assert draw(empty_workspace, entries[3], looked=looked, before=entries[2]).count("m-since") == 0


def test_what_came_since_one_looked_is_marked_until_one_goes(
    empty: Open, empty_workspace: Workspace, customer: str
) -> None:
    user = Actor.local_admin()
    made(
        empty_workspace,
        "communications",
        subject="Old",
        customer=customer,
        occurred_at=NOW - timedelta(days=3),
    )
    made(
        empty_workspace,
        "communications",
        subject="Fresh",
        customer=customer,
        occurred_at=NOW - timedelta(hours=1),
    )
    marks = marks_of(empty_workspace.lake)
    marks.mark_looked(record_id=customer, actor=user, now=NOW - timedelta(days=1))
    page = empty("customers", id=customer, section="timeline")
    assert not page.exception and "m-since" in told(page)
    assert "m-since" in told(page.run())
    assert "m-since" not in told(empty("customers", id=customer, section="timeline"))


def test_words_and_kinds_narrow_what_is_shown(empty: Open, empty_workspace: Workspace, customer: str) -> None:
    made(empty_workspace, "communications", subject="Freight to Oslo", customer=customer, occurred_at=NOW)
    made(empty_workspace, "tasks", title="Call Oslo", customer=customer)
    page = empty("customers", id=customer, section="timeline")
    page.text_input(key=f"timeline:words:{customer}").set_value("oslo").run()
    assert "Freight to Oslo" in told(page) and "Call Oslo" in told(page)
    page.button_group(key="kinds").set_value(["tasks"]).run()
    assert "Freight to Oslo" not in told(page) and "Call Oslo" in told(page)
    page.text_input(key=f"timeline:words:{customer}").set_value("Lima").run()
    assert "Nothing here has these words." in told(page)


@pytest.mark.parametrize(
    ("form", "field", "module"),
    [("note", "text", "notes"), ("task", "title", "tasks")],
)
def test_something_is_added_from_the_top(
    empty: Open, empty_workspace: Workspace, customer: str, form: str, field: str, module: str
) -> None:
    page = empty("customers", id=customer, section="timeline")
    page.button(key=f"timeline:ask:{form}:{customer}").click().run()
    box = next(
        w for w in [*page.text_input, *page.text_area] if w.key == f"timeline:{form}:1:{field}:{customer}"
    )
    box.set_value("Said hello")
    page.button(key=f"timeline:save:{form}:{customer}").click().run()
    assert not page.exception
    entries = read_timeline(
        empty_workspace.lake, empty_workspace.catalog, module="customers", record_id=customer, actor=ADMIN
    ).entries
    assert [(e.kind, "Said hello" in (e.title, e.text)) for e in entries] == [(module, True)]
    assert "Said hello" in told(page)


def test_a_call_from_its_top_opens_with_its_timer_whether_a_number_is_known_or_not(
    empty: Open, empty_workspace: Workspace, customer: str
) -> None:
    page = empty("customers", id=customer, section="timeline")
    page = next(button for button in page.button if button.label == "Call").click().run()
    assert not page.exception and "Keep" in [button.label for button in page.button]
    assert "Call" not in [button.label for button in page.button]
    page = next(button for button in page.button if button.label == "Keep").click().run()
    assert "Spoke" in told(page) and "Keep" not in [button.label for button in page.button]
