"""The calendar of a record: what is dragged is written, what is refused goes back, and what clashes is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import calendar_feed, calendars, records
from crm_core.access import Actor
from crm_core.calendars import read_entries
from crm_core.directory import User
from crm_core.people import save_users
from crm_core.workspace import Workspace
from pages._ui import calendar_board, calendar_page, calendar_words
from pages._ui.calendar import Moved, clock
from pages._ui.calendar_board import DRAGS, WARNED, Board
from pages._ui.calendar_page import CalendarState
from pages._ui.session import Here
from pages._ui.span import read_span, whole_days
from tests.pages.conftest import Open, told
from tests.pages.test_sections import ADMIN, figure, made

TEN = datetime(2027, 3, 9, 9, tzinfo=UTC)
"""Ten o'clock in Berlin."""
HOUR = timedelta(hours=1)
ELEVEN_ON_FRIDAY = datetime(2027, 3, 12, 11)


@pytest.fixture(scope="module", autouse=True)
def _people(empty_workspace: Workspace) -> None:
    """Those whose time is taken."""
    users = [User("ann", "Ann", role="admin"), User("cleo", "Cleo", teams=("sales",)),
             User("dora", "Dora", teams=("sales",))]  # fmt: skip
    save_users(empty_workspace.lake, users, actor=Actor.system())


@pytest.fixture
def customer(empty_workspace: Workspace) -> str:
    return made(empty_workspace, "customers", name="Ada Rivers")


def board(workspace: Workspace, customer: str, **more: Any) -> Board:
    here = Here(workspace, workspace.catalog, ADMIN)
    given = {"key": "c", "within": {}, "locked": False, "about": ("customers", customer)} | more
    return Board(here, **given)


def meeting(workspace: Workspace, customer: str, title: str = "Talk", **values: Any) -> str:
    given = {"starts_at": TEN, "ends_at": TEN + HOUR, "customer": customer, "owner": "ann"} | values
    return made(workspace, "appointments", title=title, **given)


def read(workspace: Workspace, record_id: str, module: str = "appointments") -> dict[str, Any]:
    return records.read_record(
        workspace.lake, workspace.catalog, module=module, record_id=record_id, actor=ADMIN
    )


def events_of(page: AppTest) -> set[str]:
    """The titles in the calendar of a page."""
    (drawn,) = [one for one in page.get("bidi_component") if "fullcalendar" in str(one.proto)]
    return set(re.findall(r"Of \w+", str(drawn.proto)))


def to_friday(workspace: Workspace, record_id: str, module: str = "appointments") -> Moved:
    version = read(workspace, record_id, module)["version"]
    return Moved(f"{module}:{record_id}", version, ELEVEN_ON_FRIDAY, ELEVEN_ON_FRIDAY + HOUR)


def test_what_is_dragged_stands_at_its_new_time(empty_workspace: Workspace, customer: str) -> None:
    talk = meeting(empty_workspace, customer)
    shown = board(empty_workspace, customer)
    calendar_board.move(shown, to_friday(empty_workspace, talk))
    record = read(empty_workspace, talk)
    assert record["starts_at"] == datetime(2027, 3, 12, 10, tzinfo=UTC)
    assert record["ends_at"] == record["starts_at"] + HOUR
    assert shown.within[DRAGS] == 1 and not shown.within[WARNED]


def test_who_was_slower_is_told_and_moves_nothing(empty_workspace: Workspace, customer: str) -> None:
    talk = meeting(empty_workspace, customer)
    late = to_friday(empty_workspace, talk)
    records.update(
        empty_workspace.lake, module="appointments", record_id=talk, values={"starts_at": TEN - HOUR}, actor=ADMIN
    )  # fmt: skip
    shown = board(empty_workspace, customer)
    calendar_board.move(shown, late)
    assert read(empty_workspace, talk)["starts_at"] == TEN - HOUR
    assert shown.within[DRAGS] == 1


def test_a_time_that_is_taken_for_good_is_refused(empty_workspace: Workspace, customer: str) -> None:
    gate = {"customer": customer, "resource": "Gate 4"}
    taken = datetime(2027, 3, 12, 10, tzinfo=UTC)
    made(empty_workspace, "reservations", what="Theirs", starts_at=taken, ends_at=taken + HOUR, **gate)
    mine = made(empty_workspace, "reservations", what="Mine", starts_at=TEN, ends_at=TEN + HOUR, **gate)
    shown = board(empty_workspace, customer)
    calendar_board.move(shown, to_friday(empty_workspace, mine, "reservations"))
    assert read(empty_workspace, mine, "reservations")["starts_at"] == TEN
    assert shown.within[DRAGS] == 1 and WARNED not in shown.within


def test_where_it_is_locked_nothing_moves(empty_workspace: Workspace, customer: str) -> None:
    talk = meeting(empty_workspace, customer)
    calendar_board.move(board(empty_workspace, customer, locked=True), to_friday(empty_workspace, talk))
    assert read(empty_workspace, talk)["starts_at"] == TEN


def test_a_double_booking_is_allowed_and_told(empty_workspace: Workspace, customer: str) -> None:
    other = made(empty_workspace, "customers", name="Bea")
    friday = calendars.instant(ELEVEN_ON_FRIDAY, "Europe/Berlin")
    meeting(empty_workspace, other, "At Bea's", starts_at=friday, ends_at=friday + HOUR, owner="cleo")
    meeting(empty_workspace, other, "Of mine", starts_at=friday, ends_at=friday + HOUR, owner="dora")
    talk = meeting(empty_workspace, customer, owner="dora")
    shown = board(empty_workspace, customer)
    calendar_board.move(shown, to_friday(empty_workspace, talk))
    assert read(empty_workspace, talk)["starts_at"] == friday
    assert [one.title for one in shown.within[WARNED]] == ["Of mine"]


def test_an_event_stands_by_the_clocks_of_who_looks(empty_workspace: Workspace, customer: str) -> None:
    meeting(empty_workspace, customer, "<b>Late</b>", starts_at=datetime(2027, 3, 27, 23, 30, tzinfo=UTC),
            ends_at=datetime(2027, 3, 28, 2, tzinfo=UTC))  # fmt: skip
    here = Here(empty_workspace, empty_workspace.catalog, ADMIN)
    starts, ends = calendars.month_span(ELEVEN_ON_FRIDAY.date(), here.zone)
    found = read_entries(
        here.lake, here.catalog, actor=ADMIN, starts=starts, ends=ends, about=("customers", customer)
    )
    (event,) = calendar_words.events(here, found)
    # That night an hour is left out.
    assert (event.starts, event.ends) == (datetime(2027, 3, 28, 0, 30), datetime(2027, 3, 28, 4))
    assert event.told.startswith("Appointment, <b>Late</b>, 28 Mar 2027, 00:30 – 04:00")


def test_an_appointment_is_booked_and_changed_by_forms(
    empty: Open, empty_workspace: Workspace, customer: str
) -> None:
    page = empty("customers", id=customer, section="calendar")
    page = page.button(key=f"calendar:{customer}:new").click().run()
    page.text_input[-2].set_value("Visit")
    page = next(button for button in page.button if button.label == "Book").click().run()
    assert not page.exception
    assert figure(empty_workspace, "calendar", customer)["To come"] == 1
    assert "Visit" in told(page)


@pytest.mark.parametrize("sent", [None, 7, "", "soon", "9999-01-01T00:00:00", "2027-13-01"])
def test_a_time_that_is_none_is_not_taken_from_a_browser(sent: Any) -> None:
    assert clock(sent) is None


TWICE = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
"""Half past two in Berlin for the second time that night."""
MIDNIGHT = datetime(2027, 3, 8, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told_of", "expected"),
    [
        pytest.param(None, (TWICE, TEN), id="nothing was touched"),
        pytest.param("2026-10-25T02:30 2027-03-09T11:00", (TWICE, TEN + HOUR), id="the start was left alone"),
        pytest.param("2027-03-09T09:00 2027-03-09T10:00", (TEN - HOUR, TEN), id="the end was left alone"),
        pytest.param("2027-03-09T09:00 ", (TEN - HOUR, None), id="the end was taken away"),
        pytest.param("soon 9999-03-09T10:00", (TWICE, TEN), id="no times"),
        pytest.param("2027-03-09T09:00", (TWICE, TEN), id="one time"),
        pytest.param({"starts": 1}, (TWICE, TEN), id="no text"),
    ],
)
def test_a_span_is_read_by_the_clocks_of_who_chose_it(told_of: object, expected: tuple[Any, Any]) -> None:
    assert read_span(told_of, (TWICE, TEN), zone="Europe/Berlin") == expected


@pytest.mark.parametrize(
    ("ends", "whole"),
    [(MIDNIGHT + 24 * HOUR, True), (MIDNIGHT + HOUR, False), (MIDNIGHT, False), (None, False)],
)
def test_from_midnight_to_midnight_are_whole_days(ends: datetime | None, whole: bool) -> None:
    assert whole_days(MIDNIGHT, ends, zone="Europe/Berlin") is whole
    assert not whole_days(MIDNIGHT, ends, zone="Europe/London")


def test_the_page_shows_the_time_of_oneself_of_the_team_or_of_all(
    empty: Open, empty_workspace: Workspace, customer: str
) -> None:
    for owner in ("dora", "cleo", "vera"):
        now = datetime.now(UTC)
        meeting(empty_workspace, customer, f"Of {owner}", owner=owner, starts_at=now, ends_at=now + HOUR)
    shown = {}
    for whose in ("mine", "team", "everybody"):
        page = empty("pages/calendar.py", acting="dora")
        page = page.segmented_control(key="calendar:whose").set_value(whose).run()
        assert not page.exception
        shown[whose] = events_of(page)
    assert "Of dora" in shown["mine"] and not shown["mine"] & {"Of cleo", "Of vera"}
    assert {"Of dora", "Of cleo"} <= shown["team"] and "Of vera" not in shown["team"]
    assert {"Of dora", "Of cleo", "Of vera"} <= shown["everybody"]
    page = page.multiselect(key="calendar:people:everybody").set_value(["vera"]).run()
    assert "Of vera" in events_of(page) and not events_of(page) & {"Of dora", "Of cleo"}


def test_a_private_address_is_told_once_and_taken_back(empty_workspace: Workspace) -> None:
    dora = Actor("dora", "agent", ("sales",), "Dora")
    state = CalendarState()
    here = Here(empty_workspace, empty_workspace.catalog, dora)
    calendar_page.make_address(here, state)
    token = state.address.rsplit("/", 1)[-1].removesuffix(".ics")
    feed = calendar_feed.read_feed(empty_workspace.lake, empty_workspace.catalog, token)
    assert feed.body.startswith(b"BEGIN:VCALENDAR")
    calendar_page.revoke_address(here, state)
    assert not state.address and calendar_feed.feed_since(empty_workspace.lake, actor=dora) is None
