"""What went wrong is put right in the pages: messages that died or are held, runs that failed, wait or are held."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served
from tests.flows.http_receiver import wait_until
from tests.flows.mail_server import Mailbox

HELD = 101
"""Messages at once: one more than leave without being asked for."""
BY_HAND = {"module": "customers", "trigger": {"event": "manual"}}
MAIL = {"to": "{{ email }}", "subject": "For {{ name }}", "body": "Good to have you.", "purpose": "service"}
STORM = {"field": "title", "op": "starts_with", "value": "Storm"}
FLOWS: list[dict[str, Any]] = [
    {"flow": "write", **BY_HAND, "do": [{"send_email": MAIL}]},
    {"flow": "name", **BY_HAND, "do": [{"add_tag": ["named"]}, {"set_field": {"name": "{{ city }}"}}]},
    {"flow": "rest", **BY_HAND, "do": [{"wait": {"for": "7d"}}, {"add_tag": ["rested"]}]},
    {"flow": "mark", **BY_HAND, "do": [{"add_tag": ["marked"]}]},
    {"flow": "storm", "module": "tasks", "trigger": {"event": "created"}, "limit": 1, "when": STORM,
     "do": [{"add_tag": ["storm"]}]},
]  # fmt: skip


class House:
    """Another program, which brings the flows and sets them off."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.key = json.loads(served.run("keys", "add", "--role", "admin", "--json").stdout)["key"]
        self.call("flows", FLOWS, method="PUT")
        for flow in FLOWS:
            self.call(f"flows/{flow['flow']}/activate", {"dry_run": False})

    def call(self, path: str, body: Any = None, *, method: str = "") -> Any:
        return steps.call(self.served, f"v1/{path}", body, method=method, key=self.key)

    def run(self, flow: str, **on: Any) -> list[dict[str, Any]]:
        """Set a flow off; what it came to for each record."""
        results: list[dict[str, Any]] = self.call(
            "flows/execute-command", {"command": "run", "flow": flow, **on}
        )["results"]
        return results


@pytest.fixture(scope="module")
def house(served: Served) -> Iterator[House]:
    yield House(served)


def open_flow(page: Page, served: Served, flow: str, tab: str) -> None:
    steps.open_page(page, served, f"flows?flow={flow}&tab={tab}")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    steps.still(page)
    page.get_by_role("button", name=name).click()


def tick(page: Page, row: str) -> None:
    steps.still(page)
    steps.grid(page).get_by_role("row").filter(has_text=row).get_by_role("checkbox").first.click()


def filtered(page: Page, name: str | re.Pattern[str]) -> None:
    steps.still(page)
    page.get_by_role("radio", name=name).click()


def written(mailbox: Mailbox) -> int:
    """How many messages of the flow arrived."""
    return sum(str(mail["Subject"]).startswith("For ") for mail in mailbox.messages)


def test_a_message_that_died_is_looked_into_mended_and_sent_again(
    served: Served, mailbox: Mailbox, house: House, browser_page: Page
) -> None:
    page = browser_page
    house.run("write", payload={"name": "Norbert Moved", "kind": "person", "email": "nobody@moved.example"})
    wait_until(lambda: house.call("outbox?state=dead")["items"])
    open_flow(page, served, "write", "outbox")
    filtered(page, re.compile("^Failed"))
    tick(page, "nobody@moved.example")
    press(page, "Look into it")
    expect(page.locator(".st-key-outbox_message")).to_contain_text("550 5.1.1 no such mailbox")
    page.keyboard.press("Escape")
    press(page, "Edit")
    page.get_by_label("To", exact=True).fill("norbert@moved.example")
    press(page, "Save")
    steps.said(page, "It is mended. Retry sends it.")
    expect(steps.grid(page).get_by_role("gridcell", name="norbert@moved.example")).to_be_visible()
    press(page, "Retry 1")
    wait_until(lambda: mailbox.to("norbert@moved.example"))
    assert [mail["Subject"] for mail in mailbox.to("norbert@moved.example")] == ["For Norbert Moved"]


def test_held_messages_are_dropped_one_by_one_and_the_others_released(
    served: Served, mailbox: Mailbox, house: House, browser_page: Page
) -> None:
    page = browser_page
    # What flows write to those who are away or not to be contacted waits longer.
    reachable = {"field": "availability", "op": "not_in", "value": ["away", "do_not_contact"]}
    both = json.dumps({"all": [{"field": "email", "op": "is_set"}, reachable]})
    asked = f"modules/customers/records?limit=200&filter={quote(both)}"
    chosen = [one["id"] for one in house.call(asked)["items"]][:HELD]
    house.run("write", records=chosen)
    unwanted = house.call("outbox?state=held&limit=1")["items"][0]["recipient"]
    open_flow(page, served, "write", "outbox")
    expect(page.get_by_role("radio", name=re.compile(f"Outbox · {HELD} held"))).to_be_visible()
    before = written(mailbox)
    tick(page, unwanted)
    press(page, "Drop 1")
    steps.said(page, "Done for 1 message")
    press(page, f"Release all {HELD - 1} held")
    press(page, "Release them")
    steps.said(page, f"Done for {HELD - 1} messages")
    wait_until(lambda: written(mailbox) >= before + HELD - 1)
    assert written(mailbox) == before + HELD - 1


def test_a_failed_run_is_retried_from_its_failed_step(
    served: Served, house: House, browser_page: Page
) -> None:
    page = browser_page
    [failed] = house.run("name", payload={"name": "Vera Vague", "kind": "person"})
    house.call(f"modules/customers/records/{failed['record_id']}", {"city": "Bremen"}, method="PATCH")
    open_flow(page, served, "name", "runs")
    page.get_by_role("row").filter(has_text="Failed").click()
    expect(page.locator(".st-key-centre_body")).to_contain_text("Step 2")
    press(page, "Retry from the failed step")
    steps.said(page, "It went through")
    expect(page.locator(".st-key-centre_body")).to_contain_text("attempt 2")
    expect(page.locator(".st-key-centre_body")).to_contain_text("Vera Vague → Bremen")
    tagged = [one for one in house.call(f"runs/{failed['run_id']}")["effects"] if one["action"] == "add_tag"]
    assert len(tagged) == 1, "what its first step did is not done again"


def test_a_waiting_run_is_cancelled(served: Served, house: House, browser_page: Page) -> None:
    page = browser_page
    house.run("rest", payload={"name": "Willa Wait", "kind": "person"})
    open_flow(page, served, "rest", "runs")
    page.get_by_role("row").filter(has_text="Waiting").click()
    press(page, "Cancel it")
    steps.said(page, "The run is cancelled")
    press(page, "All runs")
    expect(page.get_by_role("row").filter(has_text="Willa Wait")).to_contain_text("Cancelled")


def test_runs_that_are_held_are_released_or_dropped(served: Served, house: House, browser_page: Page) -> None:
    page = browser_page
    open_flow(page, served, "storm", "runs")
    for decision, said, state in (
        ("Release", "2 runs released", "Done"),
        ("Drop", "2 runs dropped", "Cancelled"),
    ):
        tasks = [{"title": f"Storm {state} {number}"} for number in (1, 2)]
        house.call("modules/tasks/import?filename=storm.json", tasks)
        expect(page.locator(".st-key-runs_held")).to_contain_text("2 runs held")
        press(page, re.compile(f"^{decision}"))
        press(page, f"{decision} them")
        steps.said(page, said)
        decided = page.get_by_role("row").filter(has_text=f"Storm {state}")
        expect(decided.filter(has=page.locator(".m-badge", has_text=state))).to_have_count(2)


def test_the_runs_of_a_flow_come_as_one_scrolls(served: Served, house: House, browser_page: Page) -> None:
    page, runs = browser_page, browser_page.locator(".m-table tbody tr")
    house.run(
        "mark", records=[one["id"] for one in house.call("modules/customers/records?limit=60")["items"]]
    )
    open_flow(page, served, "mark", "runs")
    expect(runs).to_have_count(50)
    runs.last.scroll_into_view_if_needed()
    expect(runs).to_have_count(60)
