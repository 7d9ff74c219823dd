"""A working day of somebody in sales, from the first search to the report on Home, in one browser."""

from __future__ import annotations

import re
import smtplib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.bulk_steps import change_tags, take_back
from tests.browser.calendar_steps import book, drag, slot
from tests.browser.server import Served
from tests.flows.mail_server import Mailbox

DORA = "dora@daybreak.example"
NO_CALL = "(event) => event.target.closest('a[href^=tel]') && event.preventDefault()"


@dataclass(frozen=True)
class Day:
    """The browser, and the world around it: a customer who writes, and the server that takes what is sent."""

    page: Page
    served: Served
    mailbox: Mailbox
    mail_in: int
    customer: str

    @property
    def centre(self) -> Locator:
        return self.page.locator(".st-key-centre")

    @property
    def right(self) -> Locator:
        return self.page.locator(".st-key-right")

    def writes(self, subject: str, text: str, *, answers: str = "") -> None:
        """Dora sends a mail; she answers one when its Message-ID is given."""
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = (
            f"Dora Daybreak <{DORA}>",
            "office@merganser.example",
            subject,
        )
        mail["Message-ID"] = f"<{abs(hash((subject, text)))}@daybreak.example>"
        if answers:
            mail["In-Reply-To"] = mail["References"] = answers
        mail.set_content(text)
        with smtplib.SMTP("127.0.0.1", self.mail_in) as server:
            server.send_message(mail)


@pytest.fixture
def day(crowded: Served, key: str, mailbox: Mailbox, mail_in: int, browser_page: Page) -> Day:
    values = {"name": "Dora Daybreak", "email": DORA, "phone": "+493012345678", "company": "Daybreak GmbH"}
    made = steps.call(crowded, "v1/modules/customers/records", values, key=key)
    note = {"text": "Met at the fair in Munich.", "customer": made["id"]}
    steps.call(crowded, "v1/modules/notes/records", note, key=key)
    return Day(browser_page, crowded, mailbox, mail_in, str(made["id"]))


@pytest.mark.flaky(reruns=0)
def test_a_working_day(day: Day, tmp_path: Path) -> None:
    steps.open_page(day.page, day.served, "customers")
    steps.stays(day.page)
    _finds_with_a_typing_error(day)
    _edits_three_fields(day)
    _logs_a_call(day)
    _answers_an_inquiry(day)
    _hears_the_answer(day)
    _moves_and_tags(day)
    _runs_a_flow(day)
    _books_by_dragging(day)
    _puts_in_a_file(day, tmp_path)
    assert steps.stayed(day.page)
    _looks_back(day)
    _changes_many(day)
    _saves_a_report(day)


def _finds_with_a_typing_error(day: Day) -> None:
    day.page.get_by_placeholder("Search name").fill("dora daybraek")
    steps.row(day.page, "Dora Daybreak").click()
    expect(steps.title(day.page)).to_contain_text("Dora Daybreak")
    steps.section(day.page, "Timeline")
    expect(day.centre.locator(".m-feed")).to_contain_text("Met at the fair in Munich.")


def _edits_three_fields(day: Day) -> None:
    steps.section(day.page, "Overview")
    day.page.locator(".m-card").filter(has_text="Company").get_by_text("Edit").first.click()
    box = day.page.locator(".st-key-edit_company")
    changes = {"Company": "Daybreak AG", "Address: street": "Am Hof 1", "Postal code": "53113"}
    for label, value in changes.items():
        box.get_by_label(label, exact=True).fill(value)
        day.page.keyboard.press("Enter")
        # One change at a time: each is written, and can be taken back, before the next.
        expect(day.centre.get_by_role("button", name=re.compile("Undo"))).to_be_visible()
        steps.still(day.page)
    box.get_by_role("button", name="Done").click()
    for value in changes.values():
        expect(day.page.locator(".m-kv dd").filter(has_text=value).first).to_be_visible()


def _logs_a_call(day: Day) -> None:
    # A telephone would ring, whose window takes the mouse.
    day.page.evaluate(f"addEventListener('click', {NO_CALL}, true)")
    steps.still(day.page)
    day.page.locator(".st-key-centre_head").locator("a[href^=tel]").click()
    log = day.page.locator(".st-key-call_log")
    expect(log).to_be_visible()
    steps.still(day.page)
    log.get_by_label("Notes").fill("Wants forty pallets in May.")
    log.get_by_label("Next step").fill("Send the offer for May")
    log.get_by_role("button", name="Keep").click()
    steps.said(day.page, "Call kept")
    steps.section(day.page, "Timeline")
    expect(day.centre).to_contain_text("Wants forty pallets in May.")
    expect(day.centre).to_contain_text("Send the offer for May")


def _answers_an_inquiry(day: Day) -> None:
    day.writes("Forty pallets to Oslo", "What would they cost?")
    day.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Inbox").click()
    steps.row(day.page, "Forty pallets to Oslo").first.click()
    expect(steps.title(day.page)).to_contain_text("Forty pallets to Oslo")
    steps.still(day.page)
    day.page.locator(".st-key-centre_head").get_by_role("button", name="Reply").click()
    text = day.page.locator('.st-key-composer textarea[aria-label="Text"]')
    text.press("Control+Home")
    text.type("They cost 4,000 EUR.")
    text.press("Control+Enter")
    expect(day.page.locator(".m-mail.out").filter(has_text="They cost 4,000 EUR.")).to_be_visible()


def _hears_the_answer(day: Day) -> None:
    def sent() -> list[EmailMessage]:
        return [one for one in day.mailbox.to(DORA) if "4,000 EUR" in one.as_string()]

    for _ in range(200):
        if sent():
            break
        day.page.wait_for_timeout(100)
    *_, answer = sent()
    day.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Customers").click()
    expect(steps.row(day.page, "Dora Daybreak")).to_be_visible()
    day.writes("Re: Forty pallets to Oslo", "We take them.", answers=str(answer["Message-ID"]))
    row = steps.row(day.page, "Dora Daybreak")
    expect(row).to_contain_text("Re: Forty pallets to Oslo")
    expect(row).to_have_class(re.compile("unread"))
    row.click()
    steps.section(day.page, "Messages")
    thread = day.centre.locator(".m-card").filter(has_text="Forty pallets to Oslo").first
    expect(thread).to_contain_text("They cost 4,000 EUR.")
    expect(thread).to_contain_text("We take them.")


def _moves_and_tags(day: Day) -> None:
    steps.still(day.page)
    steps.choose(day.page, "Folder", "Active customers", within=day.right)
    expect(day.page.locator(".st-key-centre_head .m-badge").first).to_contain_text("Onboarding")
    steps.still(day.page)
    day.page.locator(".st-key-side_tags").get_by_role("button").click()
    day.page.get_by_role("combobox", name="Tags").fill("Oslo")
    day.page.keyboard.press("Enter")
    expect(day.right).to_contain_text("Oslo")


def _runs_a_flow(day: Day) -> None:
    steps.still(day.page)
    day.right.get_by_role("button", name="Welcome a customer").click()
    told = steps.dialog(day.page)
    expect(told).to_contain_text(DORA)  # the preview says who gets what
    steps.still(day.page)
    told.get_by_role("button", name=re.compile("Run$")).click()
    expect(told).to_be_hidden()
    expect(day.centre).to_contain_text("we are glad to work with you")


def _books_by_dragging(day: Day) -> None:
    steps.section(day.page, "Calendar")
    day.page.get_by_role("button", name="Week", exact=True).click()
    day.page.get_by_role("button", name="Later").click()
    steps.still(day.page)
    drag(day.page, slot(day.page, 1, "10:00"), slot(day.page, 1, "11:00"))
    book(day.page, "See the warehouse")


def _puts_in_a_file(day: Day, tmp_path: Path) -> None:
    steps.section(day.page, "Files")
    file = tmp_path / "offer.txt"
    file.write_text("Forty pallets, 4,000 EUR.")
    day.page.locator('input[type="file"]').set_input_files(str(file))
    day.centre.get_by_role("cell", name="offer.txt", exact=True).click()
    expect(day.centre).to_contain_text("Forty pallets, 4,000 EUR.")


def _looks_back(day: Day) -> None:
    month_ago = datetime.now(UTC) - timedelta(days=31)
    steps.open_page(day.page, day.served, f"customers?id={day.customer}&as_of={month_ago:%Y-%m-%d}")
    expect(day.centre).to_contain_text("was not there yet")
    day.page.get_by_role("button", name="Back to today").click()
    expect(steps.title(day.page)).to_contain_text("Dora Daybreak")


def _changes_many(day: Day) -> None:
    day.page.goto(f"{day.served.url}/deals")
    day.page.get_by_placeholder("Search deals").fill("Crowd")
    expect(day.page.locator(".m-title small")).to_have_text("5,000")
    steps.still(day.page)
    change_tags(day.page, "crowd", "5,000 deals")
    take_back(day.page, "5,000 deals")


def _saves_a_report(day: Day) -> None:
    page = day.page
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Reports").click()
    _press(page, "New report")
    page.get_by_label("Name", exact=True).fill("Deals of the day")
    _press(page, "Save")
    steps.said(page, "Deals of the day was saved")
    _press(page, "All reports")
    _press(page, "New dashboard")
    steps.choose(page, "Add a report", "Deals of the day")
    steps.still(page)
    page.get_by_label("Name", exact=True).fill("My morning")
    _press(page, "Save")
    steps.said(page, "My morning was saved")
    _press(page, "Pin to Home")
    expect(page.get_by_role("button", name="On Home")).to_be_visible()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Home").click()
    expect(page.locator(".stMain")).to_contain_text("Deals of the day")


def _press(page: Page, name: str) -> None:
    steps.still(page)
    page.get_by_role("button", name=name).first.click()
