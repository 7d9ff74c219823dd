"""A flow is built by form, tried, activated and seen at work, without a line of YAML."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.browser import steps
from tests.browser.server import Served

NAME = "Look after big tasks"


@pytest.fixture
def editor(served: Served, browser_page: Page) -> Page:
    """The editor of a new flow for changed tasks."""
    page = browser_page
    steps.open_page(page, served, "flows")
    page.get_by_role("button", name=re.compile("New flow")).click()
    box = steps.dialog(page)
    box.get_by_label("Name").fill(NAME)
    steps.choose(page, "Records of", "Tasks", within=box)
    steps.choose(page, "It begins when", "A task changes", within=box)
    box.get_by_role("button", name="Make the draft").click()
    expect(steps.dialog(page)).to_be_hidden()
    expect(page.locator(".st-key-flow_then")).to_be_visible()
    return page


def test_a_flow_is_built_by_form_tried_activated_and_seen_at_work(served: Served, editor: Page) -> None:
    page = editor
    _condition(page)
    _steps(page)
    _save_and_try(page)
    _activate(page)
    task = _change_a_task(served)
    steps.still(page)
    page.get_by_role("radio", name="Runs").click()
    run = page.get_by_role("row").filter(has_text=task).filter(has_text="Done")
    expect(run.first).to_be_visible()
    run.first.click()
    expect(page.locator(".m-card").filter(has_text="What it did")).to_contain_text("Add the tag big")
    expect(page.locator(".m-card").filter(has_text="What it did")).to_contain_text(f"Big: {task}")


def _condition(page: Page) -> None:
    """A field of a related record, with a value that the records have."""
    part = page.locator(".st-key-flow_if")
    part.get_by_role("button", name="Rule").click()
    part.get_by_role("combobox", name="Field").fill("Customer › Country")
    page.get_by_role("option", name="Customer › Country").first.click()
    steps.choose(page, "Operator", "is set", within=part)
    expect(part).to_contain_text(re.compile(r"Now true of \d+ of"))


def _steps(page: Page) -> None:
    """An `if` with an action that has a field in its text, before the step that was there."""
    then = page.locator(".st-key-flow_then")
    then.get_by_role("button", name="Remove step 1").click()
    expect(then).to_contain_text("At least one step is needed.")
    _add(page, "If …", at=-1)
    arm = page.locator('[class*="st-key-flow_arm_"]').first
    then.get_by_role("button", name="Rule").click()
    then.get_by_role("combobox", name="Field").fill("Title")
    page.get_by_role("option", name="Title", exact=True).first.click()
    steps.choose(page, "Operator", "is set", within=then)
    expect(arm).to_contain_text("If Title is set")
    _add(page, "Add tags", at=0)
    page.get_by_role("combobox", name="Tags").click()
    page.get_by_role("combobox", name="Tags").fill("big")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # shuts the list of choices, behind which nothing else can be named
    expect(arm).to_contain_text("Add the tag big")
    _add(page, "Make a record", at=0)
    text = page.locator(".st-key-flow_form").get_by_label("Text", exact=True)
    text.fill("Big: ")
    page.get_by_role("button", name="Insert a field").click()
    page.locator('[data-insert="title"]').click()
    expect(text).to_have_value("Big: {{ title }}")
    page.keyboard.press("Escape")
    expect(page.locator(".m-preview")).to_contain_text(re.compile(r"Big: \w"))


def _add(page: Page, kind: str, *, at: int) -> None:
    steps.still(page)
    page.get_by_role("button", name="Add a step").nth(at).click()
    page.get_by_role("menuitem", name=kind, exact=True).click()


def _save_and_try(page: Page) -> None:
    expect(page.get_by_text("Not saved yet")).to_be_visible()
    page.locator(".st-key-centre").evaluate("panel => { panel.scrollTop = panel.scrollHeight; }")
    expect(page.get_by_role("button", name=re.compile("Save draft"))).to_be_in_viewport()
    expect(page.get_by_role("radio", name="Definition")).to_be_in_viewport()
    steps.shortcut(page, "Control+s", page.get_by_role("button", name=re.compile("Save draft")))
    steps.said(page, "The draft is saved")
    steps.still(page)
    expect(page.locator(".st-key-flow_then")).to_have_css("border-radius", "10px")  # the look stays
    page.get_by_role("radio", name="Test").click()
    expect(page.get_by_text("Nothing was written.")).to_be_visible()
    expect(page.get_by_text("Condition, on the record as it is now")).to_be_visible()


def _activate(page: Page) -> None:
    steps.still(page)
    page.get_by_role("button", name="Activate").click()
    box = steps.dialog(page)
    expect(box).to_contain_text("Records it is about")
    steps.still(page)
    box.get_by_role("button", name="Activate").click()
    steps.said(page, f"{NAME} runs from now on")
    expect(steps.dialog(page)).to_be_hidden()
    expect(page.locator(".st-key-centre_head")).to_contain_text("Active")


def _change_a_task(served: Served) -> str:
    """Another program changes a task of a customer with a country; returns its title."""
    asked = quote(json.dumps({"field": "customer.country", "op": "is_set"}))
    key = json.loads(served.run("keys", "add", "--role", "admin", "--json").stdout)["key"]
    task = steps.call(served, f"v1/modules/tasks/records?limit=1&filter={asked}", key=key)["items"][0]
    priority = "low" if task["priority"] == "urgent" else "urgent"
    steps.call(
        served, f"v1/modules/tasks/records/{task['id']}", {"priority": priority}, method="PATCH", key=key
    )
    return str(task["title"])
