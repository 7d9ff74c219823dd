"""What a person does in a calendar: drag, and give what was dragged a title."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser import steps


def slot(page: Page, day: int, hour: str) -> tuple[float, float]:
    """Where on the screen a half hour of a day of the week begins, a few pixels inside."""
    row = page.locator(f'.fc-timegrid-slot-lane[data-time="{hour}:00"]')
    row.scroll_into_view_if_needed()
    column, at = page.locator(".fc-timegrid-col[data-date]").nth(day).bounding_box(), row.bounding_box()
    assert column is not None and at is not None
    return column["x"] + column["width"] / 2, at["y"] + 4


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, go there in steps as a hand does, and let go."""
    page.mouse.move(*start)
    page.mouse.down()
    for share in (0.1, 0.5, 0.9, 1.0):
        page.mouse.move(
            start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share, steps=4
        )
    page.mouse.up()


def event(page: Page, title: str) -> Locator:
    """An event of the calendar."""
    return page.locator(".fc-event", has_text=title)


def book(page: Page, title: str) -> None:
    """Give the open form a title and book it."""
    form = steps.dialog(page)
    # What is typed while the form is still being drawn is lost.
    steps.still(page)
    form.get_by_role("textbox").first.fill(title)
    page.keyboard.press("Enter")
    steps.still(page)
    form.get_by_role("button", name="Book").click()
    steps.said(page, "Booked")
    expect(form).to_be_hidden()
    expect(event(page, title).first).to_be_visible()
    steps.still(page)
