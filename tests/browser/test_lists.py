"""Lists: a cell edited in place, a card dragged to another lane, thousands of records changed and taken back."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import bulk_steps, steps
from tests.browser.server import Served


def _search(page: Page, served: Served, path: str, words: str, count: str) -> None:
    steps.open_page(page, served, path)
    page.get_by_placeholder("Search deals").fill(words)
    expect(page.locator(".m-title small")).to_have_text(count)
    steps.still(page)


def _cell(page: Page, column: str) -> Locator:
    return steps.grid(page).locator(f'[row-index="0"] [col-id="{column}"]')


def test_a_cell_is_edited_by_keyboard_a_wrong_value_says_why_and_an_edit_is_undone(
    crowded: Served, browser_page: Page
) -> None:
    page = browser_page
    _search(page, crowded, "deals", "Crowd 00007", "1")
    _cell(page, "amount").click()
    page.keyboard.press("F2")
    page.keyboard.press("Control+a")
    page.keyboard.type("plenty")
    page.keyboard.press("Enter")
    expect(steps.grid(page).get_by_role("alert")).to_contain_text("is no amount")
    page.keyboard.press("Control+a")
    page.keyboard.type("12.25")
    page.keyboard.press("Enter")
    expect(_cell(page, "amount")).to_have_text("€12.25")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+a")
    page.keyboard.type("99")
    page.keyboard.press("Escape")
    expect(_cell(page, "amount")).to_have_text("€12.25")
    page.get_by_role("button", name="Undo").click()
    expect(_cell(page, "amount")).to_have_text("€7.50")


def test_a_card_is_dragged_and_one_that_is_refused_goes_back_and_says_why(
    crowded: Served, browser_page: Page
) -> None:
    page = browser_page
    _search(page, crowded, "deals?view=board", "Crowd 00042", "1")
    card = page.locator(".card", has_text="Crowd 00042")
    lane = {
        slug: page.locator(f'.lane[data-lane="{slug}"]') for slug in ("qualification", "proposal", "lost")
    }
    expect(lane["qualification"].locator(card)).to_be_visible()
    steps.carry(page, card, lane["proposal"], at=(0.5, 0.4))
    expect(lane["proposal"].locator("header")).to_contain_text("1")
    expect(lane["proposal"].locator(".sums")).to_have_text("€42.50")
    steps.still(page)
    card.get_by_role("link").focus()
    page.keyboard.press("m")
    page.get_by_role("menuitem", name="Lost").press("Enter")
    expect(card.get_by_role("alert")).to_contain_text("“Lost reason” is required")
    expect(lane["proposal"].locator(card)).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(_cell(page, "status")).to_have_text("Proposal")


def test_a_lane_of_thousands_shows_some_and_more_when_asked(crowded: Served, browser_page: Page) -> None:
    page = browser_page
    _search(page, crowded, "deals?view=board", "Crowd", "5,000")
    lane = page.locator('.lane[data-lane="qualification"]')
    expect(lane.locator(".card")).to_have_count(20)
    # Some were edited and moved to other lanes before.
    count = int(lane.locator("header .count").inner_text().replace(",", ""))
    others = page.locator('.lane:not([data-lane="qualification"]) header .count').all_inner_texts()
    assert count + sum(int(one.replace(",", "")) for one in others) == 5_000
    expect(lane.locator(".sums")).to_have_text(re.compile(r"^€12,(4\d\d,\d{3}\.\d\d|500,000\.00)$"))
    lane.get_by_role("button", name=f"Show 20 more of {count - 20:,}").click()
    expect(lane.locator(".card")).to_have_count(40)
    expect(lane.get_by_role("button", name=f"Show 20 more of {count - 40:,}")).to_be_visible()


def test_a_finger_that_rests_on_a_card_carries_it_and_one_that_moves_on_scrolls(
    crowded: Served, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 820, "height": 900}, has_touch=True, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    _search(page, crowded, "deals?view=board", "Crowd 0004", "11")
    qualification, proposal = (
        page.locator(f'.lane[data-lane="{one}"]') for one in ("qualification", "proposal")
    )
    card = qualification.locator(".card").first
    title = card.locator(".open").inner_text()
    steps.swipe(page, card, proposal, rest=0)
    steps.still(page)
    expect(qualification.locator(".card", has_text=title)).to_be_visible()
    steps.swipe(page, card, proposal, rest=400)
    expect(proposal.locator(".card", has_text=title)).to_be_visible()
    expect(proposal.locator("header .count")).to_have_text("1")
    expect(qualification.locator("header .count")).to_have_text("10")
    steps.still(page)
    expect(proposal.locator(".card", has_text=title)).to_be_visible()
    context.close()


def test_thousands_are_changed_after_a_preview_and_taken_back(crowded: Served, browser_page: Page) -> None:
    page = browser_page
    _search(page, crowded, "deals", "Crowd", "5,000")
    bulk_steps.change_tags(page, "crowd", "5,000 deals")
    bulk_steps.take_back(page, "5,000 deals")
