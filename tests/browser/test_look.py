"""What a designer would look for first: nothing is wider than its place, and nothing lies over what one presses."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser import steps
from tests.browser.server import Served

PHONE = ViewportSize(width=390, height=844)
PAGES = ("", "inbox", "customers", "calendar", "reports", "deals", "deals?view=board", "load", "modules")
WIDER = """() => [document.scrollingElement, ...document.querySelectorAll(
  '[data-testid="stMain"], .st-key-left, .st-key-centre, .st-key-right, .m-scroll:not(.m-unseen *)')]
  .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.className}: ${one.scrollWidth} in ${one.clientWidth}`)"""
"""What is wider than its place, and so would have to be moved to be read; what only a screen reader meets is not."""
HEIGHTS = """() => [".st-key-left", ".st-key-centre", ".st-key-right"]
  .map((one) => Math.round(document.querySelector(one).getBoundingClientRect().bottom))"""
"""Where each panel ends."""
HIDDEN = """(all) => all.filter((one) => {
  const box = one.getBoundingClientRect();
  return !one.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
}).map((one) => one.textContent)"""
"""Of some elements those that are covered or cut off where one would press them."""


def test_nothing_is_wider_than_a_phone(browser_page: Page, served: Served) -> None:
    browser_page.set_viewport_size(PHONE)
    found = {}
    for path in PAGES:
        steps.open_page(browser_page, served, path)
        found[path] = browser_page.evaluate(WIDER)
    assert found == {path: [] for path in PAGES}


@pytest.mark.parametrize("width", [390, 1440], ids=["phone", "desk"])
def test_the_tables_of_a_profile_are_read_without_being_moved(
    browser_page: Page, served: Served, width: int
) -> None:
    browser_page.set_viewport_size({"width": width, "height": 900})
    steps.open_page(browser_page, served, "customers")
    browser_page.get_by_role("option").nth(3).click()
    expect(browser_page.get_by_role("navigation", name="Sections")).to_be_visible()
    for name in ("Inquiries", "Tasks", "Working time", "Related", "History"):
        steps.section(browser_page, name)
        steps.still(browser_page)
        assert browser_page.evaluate(WIDER) == [], name


def test_a_press_on_the_sign_of_a_button_falls_on_the_button(browser_page: Page, served: Served) -> None:
    """The sign is another one while the button opens; a press on what is gone would count as one elsewhere."""
    steps.open_page(browser_page, served, "")
    box = browser_page.locator(".st-key-acting [data-testid='stIconMaterial']").last.bounding_box()
    assert box is not None
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    inside = "([at, of]) => document.elementFromPoint(...at).closest(of) !== null"
    assert browser_page.evaluate(inside, [at, "[data-testid='stPopoverButton']"])
    assert not browser_page.evaluate(inside, [at, "[aria-hidden]"])
    browser_page.mouse.click(*at)
    expect(browser_page.get_by_role("dialog").get_by_role("radio").first).to_be_attached()


def test_the_choices_of_a_bulk_change_do_not_lie_over_its_preview(browser_page: Page, served: Served) -> None:
    steps.open_page(browser_page, served, "deals")
    browser_page.get_by_role("button", name="Change", exact=True).click()
    dialog = steps.dialog(browser_page)
    steps.choose(browser_page, "What", "Add to Workers", within=dialog)
    steps.still(browser_page)
    steps.choose(browser_page, "Workers", "Anna Weber", within=dialog)
    steps.still(browser_page)
    # The list stands open still, for who chooses several; what stands around it has no role meanwhile.
    browser_page.locator("[class*='st-key-bulk-deals-preview'] button").click()
    expect(dialog.get_by_role("columnheader", name="Then")).to_be_visible()


@pytest.mark.parametrize("menu", ["Status", "Availability"])
def test_a_menu_of_the_heading_hangs_over_what_stands_below(
    browser_page: Page, served: Served, menu: str
) -> None:
    """A row that cuts what is higher would hide the choices; a press by a test would scroll them into sight."""
    steps.open_page(browser_page, served, "customers")
    browser_page.locator(f'.st-key-centre_head summary[title="{menu}"]').click()
    choices = browser_page.locator(".st-key-centre_head details[open] .m-choice")
    assert choices.count() > 2
    assert choices.evaluate_all(HIDDEN) == []


def test_every_panel_ends_where_the_window_does(browser_page: Page, served: Served) -> None:
    """However little stands in it: a section without entries, and one with more than fits."""
    browser_page.set_viewport_size({"width": 1440, "height": 1200})
    for section in ("workflow", "timeline"):
        steps.open_page(browser_page, served, f"customers?section={section}")
        assert browser_page.evaluate(HEIGHTS) == [1200, 1200, 1200], section


def test_taking_back_a_choice_is_no_conflict_with_oneself(browser_page: Page, served: Served) -> None:
    """The browser tells of the choice that the page put back as well, as if somebody had chosen it."""
    steps.open_page(browser_page, served, "customers")
    steps.still(browser_page)
    browser_page.locator("[data-click='edit:contact']").click()
    centre = browser_page.locator(".st-key-centre_body")
    steps.choose(browser_page, "Language", "Dutch", within=centre)
    expect(centre.get_by_text("saved.")).to_be_visible()
    steps.still(browser_page)
    centre.get_by_role("button", name="Undo").click()
    steps.said(browser_page, "is as before")
    steps.still(browser_page)
    expect(centre).not_to_contain_text("Somebody else changed this")
