"""The list on the left in a browser: typing errors, windows over many rows, panels that fold."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.browser import steps
from tests.browser.server import Served


@pytest.fixture
def customers(served: Served, browser_page: Page) -> Page:
    steps.open_page(browser_page, served, "customers")
    expect(steps.title(browser_page)).to_be_visible()
    return browser_page


def _selected(page: Page) -> Locator:
    return page.locator('.row[aria-selected="true"]')


def test_a_typing_error_finds_whom_one_means_and_marks_why(customers: Page, served: Served) -> None:
    key = json.loads(served.run("keys", "add", "--role", "admin", "--json").stdout)["key"]
    made = steps.call(served, "v1/modules/customers/records", {"name": "Wilhelmina Quastenberg"}, key=key)
    search = customers.get_by_placeholder("Search name")
    search.press_sequentially("quastenbreg")
    expect(customers.get_by_text("No exact match, similar:")).to_be_visible()
    expect(steps.row(customers, "Wilhelmina Quastenberg").locator("mark")).to_have_text("Quastenberg")
    expect(customers).to_have_url(re.compile("q=quastenbreg"))
    customers.reload()
    expect(steps.row(customers, "Wilhelmina Quastenberg")).to_be_visible()
    steps.row(customers, "Wilhelmina Quastenberg").click()
    expect(customers).to_have_url(re.compile(made["id"]))


def test_a_section_comes_in_one_run(served: Served, browser_page: Page) -> None:
    runs: list[str] = []

    def hear(frame: str | bytes) -> None:
        told = ForwardMsg.FromString(frame) if isinstance(frame, bytes) else ForwardMsg()
        runs.extend(["run"] if told.WhichOneof("type") == "new_session" else [])

    def listen(line: WebSocket) -> None:
        line.on("framereceived", hear)

    browser_page.on("websocket", listen)
    steps.open_page(browser_page, served, "customers")
    steps.calm(browser_page, served)
    runs.clear()
    steps.section(browser_page, "Notes")
    assert runs == ["run"]


def test_one_goes_to_the_end_of_the_list_and_only_what_is_in_sight_is_drawn(customers: Page) -> None:
    total = int(_selected(customers).get_attribute("aria-setsize") or 0)
    assert total > 150
    customers.locator(".list").focus()
    customers.keyboard.press("End")
    expect(_selected(customers)).to_have_attribute("aria-posinset", str(total))
    assert customers.locator(".row").count() < 60
    name = _selected(customers).locator(".title").inner_text()
    expect(steps.title(customers)).to_contain_text(name)
    customers.keyboard.press("PageUp")
    expect(_selected(customers)).not_to_have_attribute("aria-posinset", str(total))
    expect(_selected(customers)).to_be_in_viewport()
    customers.keyboard.press("Home")
    expect(_selected(customers)).to_have_attribute("aria-posinset", "1")


def test_rows_that_are_scrolled_to_come_from_the_server(customers: Page) -> None:
    customers.locator(".list").evaluate("list => { list.scrollTop = 130 * 52; }")
    expect(customers.locator('.row[aria-posinset="135"] .title')).to_be_visible()
    expect(customers.locator(".waiting")).to_have_count(0)


def test_panels_fold_by_a_key_and_stay_folded(customers: Page) -> None:
    shown = customers.get_by_placeholder("Search name")
    customers.locator(".list").focus()
    customers.keyboard.press("[")
    customers.keyboard.press("]")
    expect(shown).to_be_hidden()
    steps.still(customers)
    customers.reload()
    expect(steps.title(customers)).to_be_visible()
    expect(shown).to_be_hidden()
    steps.still(customers)
    customers.locator('[data-fold="left"]').click()
    customers.locator('[data-fold="right"]').click()
    expect(shown).to_be_visible()
    steps.still(customers)
