"""A table narrowed in the browser: by related records and relative dates; its totals, file and link are of those."""

from __future__ import annotations

import csv
import io
import re
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.server import Served


@pytest.fixture
def deals(served: Served, key: str) -> str:
    """Three deals of two customers in two currencies, of which one closes next week; what all are called with."""
    name = f"Fjord{secrets.token_hex(3)}"
    here, there = (
        steps.call(served, "v1/modules/customers/records", {"name": f"{name} {land}", "country": land}, key=key)["id"]
        for land in ("NO", "FI")
    )  # fmt: skip
    for title, customer, amount, currency in (
        ("one", here, "10.50", "EUR"), ("two", here, "4", "USD"), ("three", there, "7", "EUR"),
    ):  # fmt: skip
        values = {
            "title": f"{name} {title}",
            "customer": customer,
            "amount": {"amount": amount, "currency": currency},
        }
        steps.call(served, "v1/modules/deals/records", values, key=key)
    return name


def _rule(page: Page, field: str, operator: str) -> None:
    page.get_by_role("button", name="Rule", exact=True).click()
    box = page.get_by_test_id("stPopoverBody")
    steps.find(page, "Field", field, within=box)
    steps.find(page, "Operator", operator, within=box)


def test_related_records_and_relative_dates_narrow_what_is_added_up_taken_away_and_linked_to(
    served: Served, browser: Browser, browser_page: Page, deals: str
) -> None:
    page, count = browser_page, browser_page.locator(".m-title small")
    steps.open_page(page, served, "deals")
    page.get_by_placeholder("Search deals").fill(deals)
    expect(count).to_have_text("3")
    expect(page.locator(".stMain")).to_contain_text(re.compile("Total Amount: €17.50 · .4.00"))
    steps.still(page)
    page.get_by_role("button", name="Filter").click()
    _rule(page, "Customer › Country", "is")
    steps.find(page, "Value", "Norway", within=page.get_by_test_id("stPopoverBody"))
    expect(count).to_have_text("2")
    _rule(page, "Created", "was within the last")
    expect(count).to_have_text("2")
    page.keyboard.press("Escape")
    expect(page.locator(".stMain")).to_contain_text(re.compile("Total Amount: €10.50 · .4.00"))
    steps.still(page)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as taken:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(taken.value.path()).read_text(encoding="utf-8-sig"))))
    assert sorted(row["title"] for row in rows) == [f"{deals} one", f"{deals} two"]
    _opens_the_same(browser, page.url, deals)


def _opens_the_same(browser: Browser, url: str, name: str) -> None:
    """Somebody else follows the link, sorted by name and on another page that is not there."""
    assert set(parse_qs(urlsplit(url).query)) == {"q", "filter"}
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(f"{url}&sort=-title&page=7")
    expect(page.locator(".m-title small")).to_have_text("2")
    expect(page.locator(".stMain")).to_contain_text("Customer › Country is Norway")
    first = steps.grid(page).locator('[row-index="0"] [col-id="title"]')
    expect(first).to_have_text(f"{name} two")
    expect(page).to_have_url(re.compile("sort=-title"))
    context.close()
