"""The form of a calendar, whole days and the phone in a real browser: the end follows the start, nothing is lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import steps
from tests.browser.calendar_steps import book, drag, event
from tests.browser.server import Served


@pytest.fixture
def form(served: Served, browser_page: Page) -> Iterator[Locator]:
    """The open form of a new appointment."""
    steps.open_page(browser_page, served, "calendar")
    browser_page.get_by_role("button", name="New appointment").click()
    opened = steps.dialog(browser_page)
    expect(opened.get_by_label("Starts at")).to_have_value(re.compile(r"T\d\d:00$"))
    steps.still(browser_page)
    yield opened


def _starts(form: Locator) -> Locator:
    return form.get_by_label("Starts at")


def _ends(form: Locator) -> Locator:
    return form.get_by_label("Ends at")


def test_the_end_follows_the_start_and_two_times_typed_at_once_both_stay(
    form: Locator, browser_page: Page
) -> None:
    _starts(form).fill("2031-05-06T10:00")
    expect(_ends(form)).to_have_value("2031-05-06T11:00")
    # Both without a pause, as a quick hand types.
    _ends(form).fill("2031-05-06T12:30")
    _starts(form).fill("2031-05-07T14:15")
    _ends(form).fill("2031-05-07T17:45")
    form.get_by_role("textbox").first.fill("Typed at once")
    steps.still(browser_page)
    expect(_starts(form)).to_have_value("2031-05-07T14:15")
    expect(_ends(form)).to_have_value("2031-05-07T17:45")
    form.get_by_role("button", name="Book").click()
    steps.said(browser_page, "Booked")


def test_an_end_before_the_beginning_is_refused_at_its_field(form: Locator, browser_page: Page) -> None:
    form.get_by_role("textbox").first.fill("Backwards")
    _ends(form).fill("2021-05-06T10:00")
    expect(form.get_by_role("alert")).to_have_text("It would end before it begins. Choose a later end.")
    expect(_ends(form)).to_have_attribute("aria-invalid", "true")
    steps.still(browser_page)
    form.get_by_role("button", name="Book").click()
    steps.still(browser_page)
    expect(form).to_be_visible()
    expect(_ends(form)).to_have_value("2021-05-06T10:00")
    _starts(form).fill("2021-05-06T09:00")
    _ends(form).fill("2021-05-06T09:30")
    expect(form.get_by_role("alert")).to_have_count(0)


def _day(page: Page, day: date) -> tuple[float, float]:
    box = page.locator(f'.fc-daygrid-day[data-date="{day}"]').bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] - 14


def test_days_that_are_dragged_over_are_booked_whole_and_made_longer(
    served: Served, browser_page: Page
) -> None:
    page = browser_page
    steps.open_page(page, served, "calendar")
    page.get_by_role("button", name="Month", exact=True).click()
    page.get_by_role("button", name="Later").click()
    steps.still(page)
    shown = page.locator(".fc-daygrid-day:not(.fc-day-other)").nth(7).get_attribute("data-date")
    first = date.fromisoformat(str(shown))
    monday = first + timedelta(days=(7 - first.weekday()) % 7)
    drag(page, _day(page, monday), _day(page, monday + timedelta(days=2)))
    box = steps.dialog(page)
    expect(box.get_by_role("checkbox", name="All day")).to_be_checked()
    expect(_ends(box)).to_have_value(str(monday + timedelta(days=2)))
    book(page, "Trade fair")
    told = event(page, "Trade fair").first
    last = monday + timedelta(days=2)
    expect(told).to_have_attribute("aria-label", re.compile(f"{monday.day} .* – {last.day} "))
    told.hover()
    grip = told.locator(".fc-event-resizer-end").bounding_box()
    assert grip is not None
    drag(page, (grip["x"] + 2, grip["y"] + 5), _day(page, monday + timedelta(days=3)))
    steps.said(page, "Moved")
    longer = monday + timedelta(days=3)
    expect(told).to_have_attribute("aria-label", re.compile(f"{monday.day} .* – {longer.day} "))


def test_a_phone_begins_with_the_list_and_books_there(served: Served, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    steps.open_page(page, served, "calendar")
    expect(page.get_by_role("button", name="List", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".fc-listMonth-view")).to_be_visible()
    page.get_by_role("button", name="New appointment").click()
    box = steps.dialog(page)
    steps.still(page)
    first, last = (edge(box).bounding_box() for edge in (_starts, _ends))
    assert first is not None and last is not None and last["y"] > first["y"] + 30
    assert last["x"] + last["width"] <= 390
    book(page, "On the way")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    context.close()
