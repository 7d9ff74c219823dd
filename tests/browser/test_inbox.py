"""The inbox: an inquiry comes in over HTTP and is seen, taken, answered with a task, closed and followed."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served

MARKUP = "<script>document.title='broken'</script> <b>bold</b> **stars**"


@pytest.fixture
def inbox(served: Served, browser_page: Page) -> Page:
    steps.open_page(browser_page, served, "inbox")
    expect(steps.title(browser_page)).to_be_visible()
    return browser_page


def _send(served: Served, subject: str, **values: str) -> None:
    given = {"name": "Ida Sender", "email": "ida@sender.example", "subject": subject, "message": "Hello"}
    steps.call(served, "public/submit-contact", given | values)


def test_an_inquiry_sent_elsewhere_appears_without_a_click(served: Served, inbox: Page) -> None:
    steps.stays(inbox)
    _send(served, "Come in by itself")
    expect(steps.row(inbox, "Come in by itself")).to_be_visible()
    assert steps.stayed(inbox)


def test_markup_and_script_of_a_stranger_are_shown_as_text(served: Served, inbox: Page) -> None:
    _send(served, f"Subject {MARKUP}", name=f"Name {MARKUP}", message=f"Message {MARKUP}")
    steps.row(inbox, "Subject <script>").click()
    expect(steps.title(inbox)).to_contain_text(f"Subject {MARKUP}")
    expect(inbox.locator(".m-message").first).to_contain_text(f"Message {MARKUP}")
    expect(inbox.locator(".m-kv dd").filter(has_text=f"Name {MARKUP}").first).to_be_visible()
    assert inbox.title() != "broken"


def test_an_inquiry_is_taken_given_a_task_and_closed(served: Served, inbox: Page) -> None:
    steps.stays(inbox)
    _send(served, "To be worked on")
    steps.row(inbox, "To be worked on").click()
    expect(steps.title(inbox)).to_contain_text("To be worked on")
    # What flows do with a new one is done before somebody goes on with it.
    expect(inbox.locator(".st-key-centre_head .m-badge")).to_have_text("Acknowledged")
    inbox.get_by_role("button", name="Take").click()
    expect(inbox.locator(".st-key-right .m-person").filter(has_text="Grace Lindqvist")).to_contain_text(
        "Owner"
    )
    inbox.locator(".st-key-centre_head").get_by_role("button", name="More").click()
    inbox.get_by_test_id("stPopoverBody").get_by_role("button", name="Task", exact=True).click()
    expect(inbox.get_by_role("cell", name="Answer To be worked on")).to_be_visible()
    expect(inbox.locator(".st-key-centre_head .m-badge")).to_have_text("In progress")
    inbox.locator(".st-key-centre_head").get_by_role("button", name="Close").click()
    steps.choose(inbox, "Outcome", "Solved", within=steps.dialog(inbox))
    steps.dialog(inbox).get_by_role("button", name="Close it").click()
    expect(steps.row(inbox, "To be worked on")).to_have_count(0)
    assert steps.stayed(inbox)


def test_an_inquiry_is_answered_by_the_keyboard_alone(served: Served, inbox: Page) -> None:
    _send(served, "To be answered")
    steps.row(inbox, "To be answered").click()
    expect(steps.title(inbox)).to_contain_text("To be answered")
    text = inbox.locator('.st-key-composer textarea[aria-label="Text"]')
    steps.shortcut(inbox, "a", inbox.get_by_role("button", name=re.compile("Shortcut A")))
    expect(inbox.locator(".st-key-right .m-person").first).to_contain_text("Owner")
    steps.shortcut(inbox, "r", inbox.locator(".st-key-inbox_actions").get_by_role("button", name="Reply"))
    text.click()
    text.press("Control+Home")
    text.type("It costs 1,200 EUR.")
    text.press("Control+Enter")
    expect(inbox.locator(".m-mail.out").filter(has_text="It costs 1,200 EUR.")).to_be_visible()
    expect(inbox.locator(".m-kpis")).to_contain_text("First answer after")
    expect(inbox.locator(".st-key-centre_head .m-badge")).to_have_text("Answered")
    steps.still(inbox)
    inbox.keyboard.press("j")
    expect(steps.title(inbox)).not_to_contain_text("To be answered")
    steps.still(inbox)
    inbox.keyboard.press("k")
    expect(steps.title(inbox)).to_contain_text("To be answered")
    steps.shortcut(inbox, "e", inbox.get_by_role("button", name=re.compile("Shortcut E")))
    expect(steps.dialog(inbox)).to_contain_text("Close the inquiry")


def test_a_new_inquiry_is_taken_down_by_the_keyboard(inbox: Page) -> None:
    steps.shortcut(inbox, "n", steps.new_button(inbox))
    form = steps.dialog(inbox)
    expect(form).to_contain_text("New inquiry")
    form.get_by_label(re.compile("^Subject")).fill("Called at noon")
    form.get_by_role("button", name="Create").click()
    expect(form).to_be_hidden()
    expect(steps.title(inbox)).to_contain_text("Called at noon")


def test_the_customer_of_an_inquiry_is_one_click_away_without_a_reload(
    served: Served, browser_page: Page
) -> None:
    page = browser_page
    statement = "SELECT id FROM inquiries WHERE customer IS NOT NULL ORDER BY created_at DESC LIMIT 1"
    inquiry = json.loads(served.run("query", statement, "--format", "json").stdout)[0]["id"]
    steps.open_page(page, served, f"inbox?id={inquiry}")
    link = page.locator('.st-key-centre_body dd a[data-click^="open:customers"]').first
    name = link.inner_text()
    steps.still(page)
    steps.stays(page)
    link.click()
    expect(page).to_have_url(re.compile(r"/customers\?id="))
    expect(steps.title(page)).to_contain_text(name)
    assert steps.stayed(page)
