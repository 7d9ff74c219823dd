"""A dashboard in a real browser: its cards are put in order and sized by hand and by keyboard, and stay so."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served

TALL_AND_WIDE = """() => {
  const cards = [...document.querySelectorAll('[class*="st-key-board_w"]')];
  const [first, second] = cards.map((card) => card.getBoundingClientRect());
  return first.height > 1.7 * second.height && first.width > 1.7 * second.width;
}"""
Cards = list[tuple[str, str | None, str | None]]


def _cards(page: Page) -> Cards:
    return [
        (tile.locator("b").inner_text(), tile.get_attribute("data-width"), tile.get_attribute("data-height"))
        for tile in page.locator(".tile").all()
    ]


def _begin(page: Page, served: Served, *reports: str) -> None:
    steps.open_page(page, served, "reports?arrange=new")
    for count, report in enumerate(reports, start=1):
        steps.still(page)
        steps.choose(page, "Add a report", report)
        expect(page.locator(".tile")).to_have_count(count)
    steps.still(page)


def _handle(page: Page, title: str) -> None:
    page.locator(".tile", has_text=title).locator(".handle").focus()


def test_cards_are_dragged_and_sized_by_hand_and_stand_so_on_the_dashboard(
    served: Served, browser_page: Page
) -> None:
    page = browser_page
    _begin(page, served, "Inquiries by state", "Inquiry velocity", "Tasks by person")
    steps.carry(page, page.locator(".tile").nth(0), page.locator(".tile").nth(2))
    order = ["Inquiry velocity", "Tasks by person", "Inquiries by state"]
    expect(page.locator(".tile b")).to_have_text(order)
    grip, beside = page.locator(".tile .grip").nth(0), page.locator(".tile").nth(2).bounding_box()
    box = grip.bounding_box()
    assert box is not None and beside is not None
    page.mouse.move(box["x"] + 12, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(beside["x"] - 20, box["y"] + 130, steps=10)
    page.mouse.up()
    assert _cards(page)[0] == ("Inquiry velocity", "2", "2")
    steps.still(page)
    page.get_by_label("Name", exact=True).fill("By hand")
    steps.still(page)
    page.get_by_role("button", name="Save").first.click()
    steps.said(page, "By hand was saved")
    shown = page.locator('[class*="st-key-board_w"] [class*="report"] button')
    expect(shown).to_have_text(order)
    page.wait_for_function(TALL_AND_WIDE)  # each card comes when its report is read


def test_the_keyboard_alone_arranges_a_dashboard(served: Served, browser_page: Page) -> None:
    page = browser_page
    _begin(page, served, "Inquiries by state", "Inquiry velocity", "Tasks by person")
    _handle(page, "Tasks by person")
    for key in (
        "ArrowLeft",
        "ArrowLeft",
        "Shift+ArrowRight",
        "Shift+ArrowDown",
        "Shift+ArrowRight",
        "Shift+ArrowUp",
    ):
        page.keyboard.press(key)  # fmt: skip
    expect(page.get_by_role("button", name="Tasks by person, 1 of 3, Full, Low.")).to_be_focused()
    _handle(page, "Inquiry velocity")
    page.keyboard.press("Delete")
    page.locator(".tile", has_text="Inquiries by state").locator(".more").press("Enter")
    page.get_by_role("menuitemradio", name="Wide").press("Enter")
    steps.still(page)
    page.get_by_label("Name", exact=True).fill("By keyboard")
    page.get_by_label("Name", exact=True).press("Tab")
    steps.still(page)
    page.get_by_role("button", name="Save").first.press("Enter")
    steps.said(page, "By keyboard was saved")
    steps.still(page)
    page.get_by_role("button", name="Arrange").click()
    expect(page.locator(".tile")).to_have_count(2)
    assert _cards(page) == [("Tasks by person", "3", "1"), ("Inquiries by state", "2", "1")]
