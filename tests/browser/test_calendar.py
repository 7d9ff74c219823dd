"""The calendar in a real browser: booked and moved by dragging, double bookings told, and used by keyboard alone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.calendar_steps import book, drag, event, slot
from tests.browser.server import Served


@pytest.fixture(scope="module")
def customer(served: Served) -> str:
    """A customer of these tests alone."""
    key = served.run("keys", "add", "--role", "admin", "--label", "calendar", "--json")
    made = steps.call(
        served, "v1/modules/customers/records", {"name": "Calendar & Sons"}, key=json.loads(key.stdout)["key"]
    )
    return str(made["id"])


@pytest.fixture
def week(served: Served, browser_page: Page, customer: str) -> Page:
    """The calendar of the customer, by week."""
    steps.open_page(browser_page, served, f"customers?id={customer}&section=calendar")
    browser_page.get_by_role("button", name="Week", exact=True).click()
    expect(browser_page.locator(".fc-timegrid-col[data-date]")).to_have_count(7)
    # A week without what other tests and today's hour bring.
    browser_page.get_by_role("button", name="Later").click()
    steps.still(browser_page)
    return browser_page


def times(page: Page, title: str) -> str:
    """What is read aloud of an event."""
    return str(event(page, title).first.get_attribute("aria-label"))


def test_an_appointment_is_booked_moved_and_made_longer_by_dragging(week: Page) -> None:
    drag(week, slot(week, 1, "10:00"), slot(week, 1, "11:00"))
    book(week, "Contract talk")
    assert ", 10:00 – 11:30" in times(week, "Contract talk")
    box = event(week, "Contract talk").bounding_box()
    assert box is not None
    begin = (box["x"] + box["width"] / 2, box["y"] + 12)
    there = slot(week, 3, "13:00")
    drag(week, begin, (there[0], there[1] + 8))
    steps.said(week, "Moved")
    expect(event(week, "Contract talk").first).to_have_attribute("aria-label", re.compile(r"13:00 – 14:30"))
    steps.still(week)
    box = event(week, "Contract talk").bounding_box()
    assert box is not None
    event(week, "Contract talk").hover()
    edge = (box["x"] + box["width"] / 2, box["y"] + box["height"] - 3)
    drag(week, edge, (edge[0], slot(week, 3, "15:30")[1] + 12))
    expect(event(week, "Contract talk").first).to_have_attribute("aria-label", re.compile(r"13:00 – 16:00"))


def test_who_is_booked_twice_is_told_before_and_after(week: Page) -> None:
    drag(week, slot(week, 0, "09:00"), slot(week, 0, "09:30"))
    book(week, "Stand-up")
    drag(week, slot(week, 0, "10:00"), slot(week, 0, "10:30"))
    book(week, "Review")
    expect(week.locator(".fc-event.clash")).to_have_count(0)
    box = event(week, "Review").bounding_box()
    assert box is not None
    drag(week, (box["x"] + 20, box["y"] + 10), (box["x"] + 20, slot(week, 0, "09:30")[1] + 6))
    warned = week.get_by_text("Double booked. At the same time there is already:")
    expect(warned).to_be_visible()
    expect(week.locator(".fc-event.clash")).to_have_count(2)
    steps.still(week)
    week.get_by_role("button", name="Keep both").click()
    expect(warned).to_be_hidden()
    event(week, "Review").click()
    expect(steps.dialog(week)).to_contain_text("Stand-up")


def press(page: Page, button: Locator) -> None:
    """Press a button by the keyboard, once the page is still."""
    steps.still(page)
    button.focus()
    page.keyboard.press("Enter")


def test_a_calendar_is_used_by_keyboard_alone(week: Page) -> None:
    press(week, week.get_by_role("button", name="Today", exact=True))
    for title in ("First", "Second"):
        press(week, week.get_by_role("button", name="New appointment"))
        form = steps.dialog(week)
        form.get_by_role("textbox").first.focus()
        week.keyboard.type(title)
        week.keyboard.press("Enter")
        press(week, form.get_by_role("button", name="Book"))
        expect(form).to_be_hidden()
    press(week, week.get_by_role("button", name="Day", exact=True))
    while not event(week, "First").count():  # the next working hour may be tomorrow's
        press(week, week.get_by_role("button", name="Later"))
    event(week, "First").focus()
    week.keyboard.press("ArrowDown")
    expect(event(week, "Second")).to_be_focused()
    week.keyboard.press("ArrowLeft")
    expect(event(week, "First")).to_be_focused()
    week.keyboard.press("Enter")
    form = steps.dialog(week)
    expect(form.get_by_role("textbox").first).to_have_value("First")
    steps.still(week)
    form.get_by_label("Starts at").focus()
    for key in (
        *["ArrowRight"] * 3,
        "0",
        "8",
        "ArrowRight",
        "a",
    ):  # month, day, year, hour, minute, half of the day
        week.keyboard.press(key)
    press(week, form.get_by_role("button", name="Save"))
    steps.said(week, "Saved")
    expect(event(week, "First").first).to_have_attribute("aria-label", re.compile(r", 08:00 – "))


def test_times_are_those_of_the_person_and_not_of_the_browser(
    served: Served, browser_page: Page, customer: str
) -> None:
    begins = (datetime.now(UTC) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    values: dict[str, Any] = {"title": "Far away", "starts_at": begins.isoformat(), "customer": customer}
    key = served.run("keys", "add", "--role", "admin", "--label", "zones", "--json")
    steps.call(served, "v1/modules/appointments/records", values, key=json.loads(key.stdout)["key"])
    steps.open_page(browser_page, served, f"customers?id={customer}&section=calendar")
    browser_page.get_by_role("button", name="List", exact=True).click()
    there = browser_page.locator(".fc-list-event", has_text="Far away")
    zone = browser_page.locator(".m-sub[title^=Times]").inner_text()
    shown = f"{begins.astimezone(ZoneInfo(zone)):%H:%M}"
    if not there.is_visible():  # the last day of a month
        browser_page.get_by_role("button", name="Later").click()
    expect(there).to_contain_text(shown)
