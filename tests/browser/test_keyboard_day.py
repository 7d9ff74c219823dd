"""A working day without a mouse: search, open, edit, note, answer, move on; nothing is ever clicked."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.server import Served

MOST = 90
"""So many presses of Tab lead anywhere on a page."""


def _tab_to(page: Page, wanted: Locator, *, key: str = "Tab") -> None:
    expect(wanted).to_be_visible()
    steps.still(page)
    for _ in range(MOST):
        if wanted.evaluate("e => e === document.activeElement || e.contains(document.activeElement)"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{MOST} times {key} did not lead there")


def _go(page: Page, words: str) -> None:
    """What the palette finds first for some words."""
    steps.still(page)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Command palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    page.keyboard.type(words)
    expect(palette.get_by_role("option", selected=True)).to_contain_text(re.compile(words, re.IGNORECASE))
    page.keyboard.press("Enter")
    expect(palette).to_be_hidden()


def test_a_customer_is_found_edited_noted_and_moved_on(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "")
    _go(page, "customers")
    expect(steps.title(page)).to_be_visible()
    name = page.locator(".row .title").nth(3).inner_text()
    steps.shortcut(page, "/", page.get_by_placeholder("Search name"))
    page.keyboard.type(name)
    expect(page.locator(".row").first).to_contain_text(name)
    steps.still(page)
    page.keyboard.press("ArrowDown")
    expect(steps.title(page)).to_contain_text(name)
    _tab_to(page, page.locator('[data-click="edit:contact"]'))
    page.keyboard.press("Enter")
    first = page.locator(".st-key-edit_contact").get_by_role("textbox").first
    expect(first).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(" Esq")
    page.keyboard.press("Tab")
    steps.said(page, "Saved")
    status = page.locator("summary.m-pick", has_text="Status").first
    _tab_to(page, status, key="Shift+Tab")
    before = status.inner_text()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    choice = page.locator(".m-choice:focus")
    if choice.get_attribute("aria-current"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("summary.m-pick", has_text="Status").first).not_to_have_text(before)
    _go(page, "new note")
    form = steps.dialog(page)
    expect(form).to_contain_text("New note")
    _tab_to(page, form.locator("textarea").first)
    page.keyboard.type("Called back, all is well")
    _tab_to(page, form.get_by_role("button", name="Create"))
    page.keyboard.press("Enter")
    steps.said(page, "created")


def test_an_inquiry_is_answered_and_left(served: Served, browser_page: Page) -> None:
    page = browser_page
    asked = {
        "name": "Keya Board",
        "email": "keya@sender.example",
        "subject": "By keys alone",
        "message": "Hello?",
    }
    steps.call(served, "public/submit-contact", asked)
    steps.open_page(page, served, "")
    _go(page, "inbox")
    row = steps.row(page, "By keys alone")
    expect(row).to_be_visible()
    steps.shortcut(page, "/", page.get_by_placeholder(re.compile("^Search")))
    page.keyboard.type("keys alone")
    expect(page.locator(".row")).to_have_count(1)
    steps.still(page)
    page.keyboard.press("ArrowDown")
    expect(steps.title(page)).to_contain_text("By keys alone")
    steps.shortcut(page, "r", page.locator(".st-key-inbox_actions").get_by_role("button", name="Reply"))
    text = page.locator('.st-key-composer textarea[aria-label="Text"]')
    _tab_to(page, text)
    page.keyboard.press("Control+Home")
    page.keyboard.type("Without a mouse. ")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".m-mail.out").filter(has_text="Without a mouse.")).to_be_visible()
    expect(page.locator(".st-key-centre_head .m-badge").first).to_have_text("Answered")
