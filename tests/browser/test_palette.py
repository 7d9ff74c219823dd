"""The command palette in a real browser: found, chosen and left by the keyboard, whatever stands in a name."""

from __future__ import annotations

import json

from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.server import Served

EVIL = "Zzyzx <img src=x onerror=alert(1)>"


def _open(page: Page) -> Locator:
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Command palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    return palette


def test_a_record_is_opened_by_a_few_letters_and_remembered(served: Served, browser_page: Page) -> None:
    page = browser_page
    key = json.loads(served.run("keys", "add", "--role", "admin", "--json").stdout)["key"]
    made = steps.call(served, "v1/modules/customers/records", {"name": EVIL}, key=key)
    steps.open_page(page, served, "explore")
    palette = _open(page)
    page.keyboard.type("zzyzx")
    expect(palette.get_by_role("option", selected=True)).to_contain_text(EVIL)
    marked = palette.get_by_role("option", selected=True).get_attribute("id")
    assert palette.get_by_role("combobox").get_attribute("aria-activedescendant") == marked
    page.keyboard.press("Enter")
    expect(steps.title(page)).to_have_text(EVIL)
    assert made["id"] in page.url
    steps.open_page(page, served, "explore")
    expect(_open(page).get_by_role("group", name="Recent").get_by_role("option")).to_contain_text(EVIL)


def test_arrows_go_round_and_escape_gives_the_keyboard_back(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "customers")
    search = page.get_by_role("searchbox", name="Search").first
    search.focus()
    palette = _open(page)
    page.keyboard.type("new")
    options = palette.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()
    expect(search).to_be_focused()


def test_an_action_and_a_page_are_chosen_from_any_page(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "")
    _open(page)
    page.keyboard.type("explore")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Tables").first).to_be_visible()
    steps.still(page)
    palette = _open(page)
    page.keyboard.type("new deal")
    palette.get_by_role("option", name="New deal").click()
    expect(steps.dialog(page)).to_contain_text("New deal")


def test_the_keys_are_shown_but_not_while_one_types(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "customers")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Find anything")
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.get_by_role("searchbox", name="Search").first.focus()
    page.keyboard.type("?")
    expect(keys).to_be_hidden()
