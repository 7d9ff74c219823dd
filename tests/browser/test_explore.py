"""Explore: a statement is asked with the keyboard, and its answer taken along as a file with the same rows."""

from __future__ import annotations

import csv
import io
import re

import polars as pl
import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served

STATEMENT = "SELECT number, name FROM customers ORDER BY number LIMIT 7"


@pytest.fixture
def answered(served: Served, browser_page: Page) -> Page:
    """The page with the answer to `STATEMENT`, asked by Ctrl+Enter."""
    steps.open_page(browser_page, served, "explore")
    browser_page.get_by_role("textbox", name="SQL").fill(STATEMENT)
    steps.shortcut(browser_page, "Control+Enter", browser_page.get_by_role("button", name=re.compile("^Run")))
    expect(browser_page.get_by_text(re.compile(r"^7 rows in"))).to_be_visible()
    steps.still(browser_page)
    return browser_page


def _expected(served: Served) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(served.run("query", STATEMENT, "--format", "csv").stdout)))


def test_the_answer_is_downloaded_as_csv_with_the_rows_that_were_asked_for(
    served: Served, answered: Page
) -> None:
    with answered.expect_download() as download:
        answered.get_by_role("button", name="CSV", exact=True).click()
    assert download.value.suggested_filename.endswith(".csv")
    text = download.value.path().read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 7
    assert rows == _expected(served)


def test_the_answer_is_downloaded_as_parquet_with_the_same_rows(served: Served, answered: Page) -> None:
    with answered.expect_download() as download:
        answered.get_by_role("button", name="Parquet", exact=True).click()
    assert pl.read_parquet(download.value.path()).to_dicts() == _expected(served)


def test_a_question_that_is_offered_is_answered_by_one_click(served: Served, browser_page: Page) -> None:
    steps.open_page(browser_page, served, "explore")
    browser_page.get_by_role("button", name="Customers by status").click()
    expect(browser_page.get_by_text(re.compile(r"rows in"))).to_be_visible()
