"""Everyday work on a customer and with files: search, click, edit, tag, run a flow, load a file, undo it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser import steps
from tests.browser.server import Served


@pytest.fixture
def customers(served: Served, browser_page: Page) -> Page:
    steps.open_page(browser_page, served, "customers")
    expect(steps.title(browser_page)).to_be_visible()
    return browser_page


def _name(page: Page, at: int) -> str:
    return page.locator(".row .title").nth(at).inner_text()


def test_a_click_shows_another_customer_without_a_reload(customers: Page) -> None:
    steps.stays(customers)
    for at in (3, 5):
        name = _name(customers, at)
        customers.get_by_role("option").nth(at).click()
        expect(steps.title(customers)).to_contain_text(name)
        expect(customers).to_have_url(re.compile(r"id=[0-9a-f-]{36}"))
    assert steps.stayed(customers)


def test_search_narrows_the_list_while_one_types(customers: Page) -> None:
    name = _name(customers, 4)
    before = customers.get_by_role("option").count()
    customers.get_by_placeholder("Search name").press_sequentially(name[:6])
    expect(customers.get_by_role("option", name=name).first).to_be_visible()
    expect(customers.get_by_role("option")).not_to_have_count(before)
    customers.get_by_placeholder("Search name").fill("no such person at all")
    expect(customers.get_by_text("Nothing found.")).to_be_visible()


def test_keys_go_to_the_search_and_through_the_list(customers: Page) -> None:
    second = _name(customers, 1)
    steps.shortcut(customers, "/", customers.get_by_placeholder("Search name"))
    expect(customers.get_by_placeholder("Search name")).to_be_focused()
    customers.keyboard.press("ArrowDown")
    customers.keyboard.press("ArrowDown")
    expect(steps.title(customers)).to_contain_text(second)
    steps.shortcut(customers, "n", steps.new_button(customers))
    expect(steps.dialog(customers)).to_contain_text("New customer")
    customers.keyboard.press("Escape")
    expect(steps.dialog(customers)).to_be_hidden()


def test_what_is_no_address_is_refused_at_its_field_until_it_is_changed(customers: Page) -> None:
    steps.shortcut(customers, "n", steps.new_button(customers))
    new, refused = steps.dialog(customers), "“not an address” is no e-mail address"
    new.get_by_role("textbox", name="Name *", exact=True).fill("Nobody yet")
    new.get_by_role("textbox", name="E-mail", exact=True).fill("not an address")
    new.get_by_role("button", name="Create", exact=True).click()
    expect(new.get_by_text(refused)).to_be_visible()
    new.get_by_role("textbox", name="E-mail", exact=True).fill("nobody@yet.example")
    expect(new.get_by_text(refused)).to_be_hidden()
    new.get_by_role("button", name="Create", exact=True).click()
    expect(steps.title(customers)).to_contain_text("Nobody yet")


def test_a_field_is_edited_in_place_and_markup_stays_text(customers: Page) -> None:
    steps.stays(customers)
    customers.get_by_role("option").nth(2).click()
    expect(customers.get_by_role("option").nth(2)).to_have_attribute("aria-selected", "true")
    customers.locator(".m-card").filter(has_text="Contact").get_by_text("Edit").first.click()
    box = customers.locator(".st-key-edit_contact")
    name = "Rails <img src=x onerror=alert(1)> & **Sons**"
    box.get_by_role("textbox").first.fill(name)
    customers.keyboard.press("Enter")
    steps.said(customers, "Saved")
    expect(steps.title(customers)).to_contain_text(name)
    box.get_by_role("button", name="Done").click()
    expect(customers.locator(".m-kv dd").filter(has_text=name).first).to_be_visible()
    expect(steps.row(customers, name)).to_be_visible()
    assert steps.stayed(customers)


def test_a_flow_shows_what_it_would_do_from_the_section_workflow_and_is_left(customers: Page) -> None:
    steps.section(customers, "Workflow")
    steps.still(customers)
    customers.locator(".st-key-section_actions").get_by_role("button", name="Run a flow").click()
    customers.get_by_role("menuitem", name="Welcome a customer").click()
    told = steps.dialog(customers)
    expect(told).to_contain_text("Welcome a customer")
    steps.still(customers)
    told.get_by_role("button", name="Leave it").click()
    expect(told).to_be_hidden()
    expect(steps.title(customers)).to_be_visible()


def test_a_tag_is_added_by_the_keyboard(customers: Page) -> None:
    customers.get_by_role("option").nth(4).click()
    expect(customers.get_by_role("option").nth(4)).to_have_attribute("aria-selected", "true")
    expect(steps.title(customers)).to_contain_text(_name(customers, 4))
    steps.still(customers)
    customers.locator(".st-key-side_tags").get_by_role("button").click()
    customers.get_by_role("combobox", name="Tags").fill("Key account")
    customers.keyboard.press("Enter")
    steps.said(customers, "Saved")
    expect(customers.locator(".st-key-right")).to_contain_text("Key account")


def test_a_flow_is_run_by_hand_and_what_it_did_stands_on_the_profile(customers: Page) -> None:
    # The flow wants an address, which not everybody has.
    customers.get_by_placeholder("Search name").fill("@")
    steps.still(customers)
    expect(customers.get_by_role("option").first).to_contain_text(re.compile("."))
    for at in range(8):
        name = _name(customers, at)
        customers.get_by_role("option").nth(at).click()
        expect(steps.title(customers)).to_contain_text(name)
        steps.still(customers)
        if customers.locator(".st-key-centre_head").get_by_role("button", name="Email").count():
            break
    customers.locator(".st-key-right").get_by_role("button", name="Welcome a customer").click()
    preview = steps.dialog(customers)
    expect(preview).to_contain_text("Nothing has been done yet")
    steps.still(customers)
    preview.get_by_role("button", name=re.compile("Run$")).click()
    expect(preview).to_be_hidden()
    expect(customers.locator(".st-key-centre")).to_contain_text("was welcomed by mail")


def test_a_file_is_loaded_its_reject_shown_and_the_load_undone(served: Served, browser_page: Page) -> None:
    page = browser_page
    lines = ["Name,E-mail,Country", "Ada Loader,ada@loader.example,DE", "Bad Mail,not-an-address,FR"]
    steps.open_page(page, served, "load")
    file = FilePayload(name="newcomers.csv", mimeType="text/csv", buffer="\n".join(lines).encode())
    steps.drop(page, file)
    steps.choose(page, "Into", "Customers")
    expect(page.get_by_role("combobox", name="Field for E-mail")).to_have_value("E-mail")
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.get_by_text("Some of it was not taken")).to_be_visible()
    expect(page.get_by_role("cell", name="not-an-address", exact=True)).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download these rows").click()
    assert "not-an-address" in download.value.path().read_text()
    steps.still(page)
    page.get_by_role("button", name="See it among past loads").click()
    expect(page.get_by_role("button", name="All loads")).to_be_visible()
    for press in ("Undo this load", "Undo it"):
        page.get_by_role("button", name=press).wait_for()
        steps.still(page)
        page.get_by_role("button", name=press).click()
    expect(page.get_by_text("Taken back: 2 records gone")).to_be_visible()
    steps.open_page(page, served, "customers")
    page.get_by_placeholder("Search name").fill("ada@loader.example")
    expect(page.get_by_text("Nothing found.")).to_be_visible()


DROPPED = """(box) => {
  for (const name of ["first.txt", "second.txt"]) {
    const carried = new DataTransfer();
    carried.items.add(new File([name.repeat(20000)], name, { type: "text/plain" }));
    box.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
}"""


def test_files_dropped_while_others_are_on_their_way_come_too(served: Served, browser_page: Page) -> None:
    steps.open_page(browser_page, served, "customers")
    steps.section(browser_page, "Files")
    steps.still(browser_page)
    browser_page.locator(".st-key-centre_body .box").first.evaluate(DROPPED)
    shown = browser_page.locator(".st-key-centre_body")
    expect(shown).to_contain_text("first.txt")
    expect(shown).to_contain_text("second.txt")


def test_what_one_types_overwrites_nothing_that_somebody_else_has_saved_meanwhile(
    served: Served, customers: Page, key: str
) -> None:
    made = steps.call(
        served, "v1/modules/customers/records", {"name": "Two Hands", "remarks": "first"}, key=key
    )
    path = f"v1/modules/customers/records/{made['id']}"
    steps.open_page(customers, served, f"customers?id={made['id']}")
    customers.locator('[data-click^="edit:"]').filter(has_text="Edit").last.click()
    field = customers.get_by_label("Remarks")
    expect(field).to_be_visible()
    steps.still(customers)
    field.fill("mine")
    steps.call(served, path, {"remarks": "theirs"}, method="PATCH", key=key)
    expect(customers.get_by_text("Somebody else has changed this to theirs")).to_be_visible()
    expect(field).to_have_value("mine")
    field.press("Control+Enter")
    expect(customers.get_by_text("Which one shall stand?")).to_be_visible()
    assert steps.call(served, path, key=key)["remarks"] == "theirs"
    steps.still(customers)
    customers.get_by_role("button", name="Keep mine").click()
    expect(customers.get_by_text("Which one shall stand?")).to_have_count(0)
    assert steps.call(served, path, key=key)["remarks"] == "mine"
