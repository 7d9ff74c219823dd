"""Numbers beside names move by themselves: what another program writes stands there within two seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser import steps
from tests.browser.server import Served

SOON = 6_000
"""Milliseconds in which a number must have moved: the page looks once a second; the machine may be busy."""


@dataclass(frozen=True)
class Program:
    """Another program, which writes over HTTP with a key of its own."""

    served: Served
    key: str

    def add(self, module: str, **values: Any) -> str:
        return str(steps.call(self.served, f"v1/modules/{module}/records", values, key=self.key)["id"])

    def change(self, module: str, record: str, **values: Any) -> None:
        path = f"v1/modules/{module}/records/{record}"
        steps.call(self.served, path, values, method="PATCH", key=self.key)


@pytest.fixture(scope="module")
def program(served: Served) -> Program:
    told = re.search(r"mgr_\S+", served.run("keys", "add", "--role", "agent").stdout)
    assert told is not None
    return Program(served, told[0])


@contextmanager
def _without_a_click(page: Page) -> Iterator[None]:
    steps.stays(page)
    yield
    assert steps.stayed(page)


@pytest.fixture
def customer(served: Served, program: Program, browser_page: Page) -> str:
    """The id of a customer of whom nothing is known, in the list of the page Customers."""
    name = f"Quiet Quarry {datetime.now(UTC):%H%M%S%f}"
    made = program.add("customers", name=name, kind="person")
    steps.open_page(browser_page, served, "customers")
    expect(steps.title(browser_page)).to_be_visible()
    # Another is chosen: what is looked at is read, and would never count.
    browser_page.get_by_role("option").nth(3).click()
    expect(browser_page.get_by_role("option").nth(3)).to_have_attribute("aria-selected", "true")
    expect(browser_page.locator(f"#row-{made}")).to_be_visible()
    steps.settled(browser_page)
    return made


def test_the_numbers_of_the_inbox_move_when_an_inquiry_comes_in(served: Served, browser_page: Page) -> None:
    page = browser_page
    steps.open_page(page, served, "inbox")
    queue = page.get_by_role("radio", name=re.compile(r"^Open \d+"))
    waiting = int(queue.inner_text().split()[1])
    with _without_a_click(page):
        given = {
            "name": "Ida Counter",
            "email": "ida@counter.example",
            "subject": "Counted",
            "message": "One more",
        }
        steps.call(served, "public/submit-contact", given)
        expect(queue).to_have_text(f"Open {waiting + 1}", timeout=SOON)


def test_the_unread_messages_of_a_customer_are_counted_as_they_come(
    program: Program, browser_page: Page, customer: str
) -> None:
    count = browser_page.locator(f"#row-{customer} .count")
    expect(count).to_have_count(0)
    message = {"channel": "email", "direction": "in", "state": "received", "text": "Are you there?"}
    with _without_a_click(browser_page):
        for number in ("1", "2"):
            now = datetime.now(UTC).isoformat()
            program.add("communications", **message, subject="Hello", customer=customer, occurred_at=now)
            expect(count).to_have_text(number, timeout=SOON)


def test_the_open_tasks_of_a_customer_are_counted_as_they_are_made_and_done(
    program: Program, browser_page: Page, customer: str
) -> None:
    row = browser_page.locator(f"#row-{customer}")
    with _without_a_click(browser_page):
        program.add("tasks", title="Call back", customer=customer)
        expect(row).to_contain_text("1 open task", timeout=SOON)
        task = program.add("tasks", title="Send the rates", customer=customer)
        expect(row).to_contain_text("2 open tasks", timeout=SOON)
        program.change("tasks", task, status="done")
        expect(row).to_contain_text(re.compile(r"1 open task(?!s)"), timeout=SOON)
    asked: list[str] = []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.wait_for_timeout(3_000)
    assert sum(url.endswith("/api/pulse") for url in asked) <= 4, (
        "one watch a page, however often it is drawn"
    )


def _count_in(bell: Locator) -> int:
    found = re.search(r"\d+", bell.inner_text())
    return int(found[0]) if found else 0


def test_a_notice_rings_the_bell_and_opens_its_record(
    served: Served, program: Program, browser_page: Page, tmp_path: Path
) -> None:
    page, name = browser_page, f"Ring {datetime.now(UTC):%H%M%S%f}"
    told = "[{notify: {teams: [sales, operations, service], text: '{{ name }} is here'}}]"
    when = f"{{field: name, op: eq, value: {name}}}"
    (tmp_path / "ring.yaml").write_text(
        f"flow: ring\nmodule: customers\ntrigger: {{event: created}}\nwhen: {when}\ndo: {told}\n"
    )
    assert served.run("flows", "apply", str(tmp_path / "ring.yaml")).returncode == 0
    assert served.run("flows", "activate", "ring").returncode == 0
    steps.open_page(page, served, "load")
    bell = page.locator(".st-key-bell button").first
    steps.calm(page, served)
    # What came before may have told of something as well.
    told_before = _count_in(bell)
    with _without_a_click(page):
        program.add("customers", name=name, kind="person")
        expect(bell).to_contain_text(str(told_before + 1), timeout=SOON)
    bell.click()
    page.get_by_role("button", name=f"{name} is here").click()
    expect(steps.title(page)).to_have_text(name)
    expect(bell).not_to_contain_text(str(told_before + 1))
