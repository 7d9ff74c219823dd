"""Reports in a real browser: built without code or in SQL, opened at a bar, taken away as files, put on Home."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Download, Page, expect

from tests.browser import steps
from tests.browser.server import Served


def _press(page: Page, name: str) -> None:
    steps.still(page)
    page.get_by_role("button", name=name, exact=True).first.click()


def _type(page: Page, label: str, words: str) -> None:
    steps.still(page)
    page.get_by_label(label, exact=True).fill(words)
    page.get_by_label(label, exact=True).press("Tab")


def _taken(page: Page, name: str) -> Download:
    button = page.get_by_role("button", name=name, exact=True)
    steps.still(page)
    if not button.is_visible():
        _press(page, "Export")
    with page.expect_download() as taken:
        button.click()
    return taken.value


def _numbers(page: Page, name: str) -> list[str]:
    """The cells beside a name in the table below a chart."""
    return page.locator(".st-key-report_numbers tr", has_text=name).first.locator("td").all_inner_texts()[1:]


def test_a_report_is_built_filtered_saved_and_a_bar_opens_its_records(
    served: Served, browser_page: Page
) -> None:
    page = browser_page
    steps.open_page(page, served, "reports?build=new")
    steps.find(page, "Records of", "Deals")
    page.get_by_text("Only those that …").click()
    _press(page, "Rule")
    steps.find(page, "Field", "Status")
    steps.find(page, "Operator", "is not")
    steps.find(page, "Value", "Lost")
    steps.find(page, "What", "Total")
    steps.find(page, "Of", "Amount")
    steps.find(page, "By", "Status")
    steps.find(page, "Date range of", "Created")
    _type(page, "Name", "Worth by stage")
    _press(page, "Save")
    steps.said(page, "Worth by stage was saved")
    amount, count = _numbers(page, "Won")
    bar = page.locator(f'[aria-roledescription="bar"][aria-label="Won: {amount}"]')
    steps.still(page)
    bar.click()
    expect(page.locator(".m-title small")).to_have_text(count)
    expect(page.locator(".stMain")).to_contain_text("Status is not Lost")
    expect(page.locator(".stMain")).to_contain_text("Status is Won")


def _xlsx(taken: Download) -> str:
    with zipfile.ZipFile(taken.path()) as file:
        return "".join(file.read(name).decode() for name in file.namelist() if name.endswith(".xml"))


def test_a_range_is_chosen_and_its_numbers_are_taken_away(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "reports?report=inquiries-by-state")
    told = page.locator(".stMain")
    expect(told).to_contain_text(re.compile(r"\d+ \w{3} \d{4} – \d+ \w{3} \d{4}"))
    steps.find(page, "Date range", "All time")
    expect(told).to_contain_text("All time")
    every = sum(int(one.replace(",", "")) for one in _numbers(page, "Closed") if one != "–")
    taken = csv.DictReader(io.StringIO(Path(_taken(page, "CSV").path()).read_text(encoding="utf-8-sig")))
    assert sum(int(row["Records"]) for row in taken if row["Status"] == "Closed") == every
    assert "Acknowledged" in _xlsx(_taken(page, "Excel"))
    page.keyboard.press("Escape")
    steps.find(page, "Date range", "From – to")
    parts = page.get_by_test_id("stDateInput").get_by_role("spinbutton")
    for year in (0, 3):
        steps.still(page)
        parts.nth(year).focus()
        page.keyboard.type("2020")
    page.locator(".m-title").first.click()  # what is typed counts once the calendar is closed
    expect(told).to_contain_text(re.compile(r"1 \w{3} 2020 – \d+ \w{3} 2020"))
    expect(told).to_contain_text("No record matches in this time.")


def test_a_statement_is_a_report_that_stands_on_a_dashboard_and_at_home(
    served: Served, browser_page: Page
) -> None:
    page = browser_page
    steps.open_page(page, served, "reports?build=new")
    page.get_by_test_id("stButtonGroup").get_by_text("SQL", exact=True).click()
    statement = "SELECT priority, count(*) AS n FROM tasks WHERE created_at >= $from GROUP BY ALL"
    _type(page, "Statement", statement)
    steps.find(page, "Drawn as", "Donut")
    expect(page.locator('path[aria-label^="high: "]')).to_be_visible()
    _type(page, "Name", "Tasks by priority")
    _press(page, "Save")
    steps.said(page, "Tasks by priority was saved")
    steps.open_page(page, served, "reports?arrange=new")
    steps.find(page, "Add a report", "Tasks by priority")
    steps.find(page, "Add a report", "Inquiry velocity")
    _type(page, "Name", "Of today")
    _press(page, "Save")
    steps.said(page, "Of today was saved")
    _press(page, "Pin to Home")
    expect(page.get_by_role("button", name="On Home")).to_be_visible()
    steps.open_page(page, served, "")
    home = page.locator('[class*="st-key-board_grid-home"]')
    expect(home.locator('path[aria-label^="high: "]').first).to_be_visible()
    # Who does not see the chart hears its numbers.
    expect(home.locator(".m-unseen table").filter(has_text="high").first).to_be_attached()
    _press(page, "Of today")
    steps.still(page)
    _press(page, "On Home")
    expect(page.get_by_role("button", name="Pin to Home")).to_be_visible()
