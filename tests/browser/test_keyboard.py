"""The pages with the keyboard alone: one gets in, goes on from where one was, and gets out again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.server import Served

RINGED = "e => { const c = getComputedStyle(e); return c.outlineStyle !== 'none' || c.boxShadow !== 'none' }"


def _tab_to(page: Page, wanted: Locator, *, most: int, key: str = "Tab") -> None:
    for _ in range(most):
        page.keyboard.press(key)
        if wanted.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"{most} times {key} did not lead there")


def test_a_section_is_edited_and_closed_without_losing_the_place(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "customers")
    edit = page.locator('[data-click="edit:contact"]')
    expect(edit).to_be_visible()
    steps.still(page)
    edit.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-edit_contact").get_by_role("textbox").first).to_be_focused()
    done = page.locator(".st-key-edit_contact").get_by_role("button", name="Done")
    _tab_to(page, done, most=4, key="Shift+Tab")
    page.keyboard.press("Enter")
    expect(edit).to_be_focused()


def test_a_table_is_left_by_one_press_of_tab_and_walked_by_arrows(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "tasks")
    table = steps.grid(page)
    expect(table.get_by_role("gridcell").first).to_be_visible()
    table.get_by_role("columnheader").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(table.locator('[row-index="1"] [role="gridcell"]').first).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("iframe")).not_to_be_focused()
    table.locator('[row-index="1"] [role="gridcell"]').first.focus()
    page.keyboard.press("Enter")
    expect(steps.title(page)).to_be_visible()


@pytest.mark.parametrize("path", ["customers", "explore"])
def test_where_one_is_among_the_pages_can_be_seen(served: Served, browser_page: Page, path: str) -> None:
    page = browser_page
    steps.open_page(page, served, path)
    link = page.get_by_test_id("stSidebarNavLink").first
    _tab_to(page, link, most=6)
    assert link.evaluate(RINGED)


def test_a_dialog_keeps_the_keyboard_until_escape(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "tasks")
    steps.shortcut(page, "n", steps.new_button(page))
    expect(steps.dialog(page)).to_contain_text("New task")
    for _ in range(25):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('[role=dialog], body > div') !== null")
    assert page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    page.keyboard.press("Escape")
    expect(steps.dialog(page)).to_be_hidden()
