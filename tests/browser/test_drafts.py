"""What is typed is kept while one types: another page, another record, another browser, and it stands there still."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser import steps
from tests.browser.server import Served

TEXT = '.st-key-composer textarea[aria-label="Text"]'


def _kept(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text="Draft kept").first).to_be_visible()


def test_a_mail_survives_the_page_the_record_and_the_browser(
    served: Served, browser_page: Page, browser: Browser, key: str
) -> None:
    page = browser_page
    values = {"name": "Dagny Drafted", "email": "dagny@drafted.example"}
    customer = steps.call(served, "v1/modules/customers/records", values, key=key)["id"]
    steps.open_page(page, served, "customers")
    page.locator(f"#row-{customer}").click()
    expect(page).to_have_url(re.compile(customer))
    steps.section(page, "Messages")
    steps.still(page)
    page.get_by_role("button", name="New mail").click()
    page.get_by_label("Subject").fill("Your freight to Riga")
    page.locator(TEXT).click()
    page.keyboard.type("It is on")
    _kept(page)
    page.keyboard.type(" its way")
    expect(page.locator(TEXT)).to_have_value("It is on its way")
    # Another record, and back; what was typed last is told when the field is left.
    page.locator(".row", has_not_text="Dagny").first.click()
    expect(page.locator(TEXT)).to_have_count(0)
    page.locator(f"#row-{customer}").click()
    expect(page.locator(TEXT)).to_have_value("It is on its way")
    path = f"customers?id={customer}&section=communications"
    other = browser.new_page()
    steps.open_page(other, served, path)
    expect(other.locator(TEXT)).to_have_value("It is on its way")
    expect(other.get_by_label("Subject")).to_have_value("Your freight to Riga")
    _kept(other)
    steps.still(other)
    other.get_by_role("button", name="Discard").click()
    expect(other.locator(TEXT)).to_have_count(0)
    other.close()
    steps.open_page(page, served, path)
    expect(page.get_by_role("button", name="New mail")).to_be_visible()
    expect(page.locator(TEXT)).to_have_count(0)
