"""Texts that do harm elsewhere: markup, formulae, ten thousand characters, right to left. Here they stay text."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served

MARKUP = (
    "<script>window.hit='script'</script><img src=x onerror=\"window.hit='image'\"> "
    "[click](javascript:window.hit='link') **bold** :material/bolt: $\\frac12$ {{ 7*7 }} &lt;b&gt;"
)
RIGHT_TO_LEFT = "\u202eمرحبا بالعالم עולם שלום\u202c 👩‍👩‍👧‍👦🇩🇪 =1+cmd|'/c calc'!A0"
LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 158
"""Ten thousand letters without a place to break."""
HIT = "window.hit"


@pytest.fixture(scope="module")
def customers(served: Served, key: str) -> dict[str, str]:
    """Text → the id of a customer all of whose texts are it, with a note, a task and an inquiry of the same."""
    return {text: _made(served, text, key) for text in (MARKUP, RIGHT_TO_LEFT, LONG)}


def _made(served: Served, text: str, key: str) -> str:
    def create(module: str, **values: Any) -> str:
        path = f"v1/modules/{module}/records"
        return str(steps.call(served, path, values, key=key)["id"])

    short, line = text[:200], text[:500]
    customer = create(
        "customers", name=line, company=line, first_name=short, city=short, remarks=text, tags=[text[:60]],
        address={"street": short, "city": short},
    )  # fmt: skip
    create("notes", text=text, customer=customer)
    create("tasks", title=line, description=text, customer=customer)
    create("inquiries", subject=line, message=text, customer=customer)
    return customer


def _stays_text(page: Page) -> None:
    steps.still(page)
    assert page.evaluate(HIT) is None
    # Nothing pushes the page wider than the window; lists that scroll for themselves do so inside.
    assert page.evaluate("document.scrollingElement.scrollWidth <= window.innerWidth + 1")
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("text", [MARKUP, RIGHT_TO_LEFT, LONG], ids=["markup", "right to left", "long"])
def test_every_part_of_a_profile_shows_it_as_text(
    served: Served, browser_page: Page, customers: dict[str, str], text: str
) -> None:
    page = browser_page
    steps.open_page(page, served, f"customers?id={customers[text]}")
    expect(steps.title(page)).to_contain_text(text[:200])
    _stays_text(page)
    for name in ("Timeline", "Inquiries", "Tasks", "Notes", "History"):
        steps.section(page, name)
        _stays_text(page)


@pytest.mark.parametrize("path", ["", "inbox", "customers?view=table", "tasks", "notes"])
def test_every_list_shows_it_as_text(
    served: Served, browser_page: Page, customers: dict[str, str], path: str
) -> None:
    steps.open_page(browser_page, served, path)
    _stays_text(browser_page)


def test_on_a_phone_nothing_is_wider_than_the_screen(
    served: Served, browser_page: Page, customers: dict[str, str]
) -> None:
    browser_page.set_viewport_size({"width": 390, "height": 844})
    for text, customer in customers.items():
        steps.open_page(browser_page, served, f"customers?id={customer}")
        # A link to a record leads to the record, also where one panel is shown at a time.
        expect(steps.title(browser_page)).to_be_visible()
        expect(steps.title(browser_page)).to_contain_text(text[:200])
        _stays_text(browser_page)
