"""The whole way in the browser: a module is made by form, filled by the page Load, and seen on a customer."""

from __future__ import annotations

import re

from playwright.sync_api import FilePayload, Page, expect

from tests.browser import steps
from tests.browser.server import Served

ROWS = 1_000
FIELDS = (("Plate", "Text"), ("Mileage", "Whole number"), ("Bought on", "Date"))


def test_a_module_made_by_form_is_loaded_edited_and_seen_on_the_customer(
    served: Served, browser_page: Page
) -> None:
    page = browser_page
    customer = _a_customer(page, served)
    _make_module(page, served)
    _load(page, served, customer)
    _edit_one(page)
    steps.open_page(page, served, "customers")
    page.get_by_placeholder("Search name").fill(customer["number"])
    expect(steps.row(page, customer["name"])).to_have_count(1)
    steps.row(page, customer["name"]).click()
    expect(steps.title(page)).to_contain_text(customer["name"])
    steps.section(page, "Vehicles")
    expect(page.get_by_role("cell", name="Truck 0007 of ours")).to_be_visible()


def _a_customer(page: Page, served: Served) -> dict[str, str]:
    steps.open_page(page, served, "customers")
    expect(steps.title(page)).to_be_visible()
    number = re.search(r"C-\d+", page.locator(".st-key-centre_head .m-sub").inner_text())
    name = page.locator(".st-key-centre_head .m-title").inner_text().split("\n")[0]
    assert number is not None
    return {"number": number[0], "name": name.strip()}


def _make_module(page: Page, served: Served) -> None:
    steps.open_page(page, served, "modules")
    page.get_by_role("button", name="New module").click()
    steps.dialog(page).get_by_label("Name of many").fill("Vehicles")
    steps.dialog(page).get_by_label("Name of one").fill("Vehicle")
    steps.dialog(page).get_by_role("button", name="Create module").click()
    expect(steps.title(page)).to_have_text("Vehicles")
    for label, kind in FIELDS:
        steps.choose(page, "Kind", kind)
        steps.still(page)
        form = page.locator(".st-key-field_form")
        form.get_by_label("Label", exact=True).fill(label)
        form.get_by_role("button", name="Add field").click()
        expect(page.get_by_role("cell", name=label, exact=True)).to_be_visible()
    steps.still(page)
    page.get_by_role("radio", name="Relationships").click()
    form = page.locator(".st-key-link_form")
    steps.still(page)
    steps.choose(page, "To", "Customers", within=form)
    form.get_by_label("Called here").fill("Keeper")
    form.get_by_role("button", name="Add relationship").click()
    expect(page.get_by_role("cell", name="Keeper", exact=True)).to_be_visible()


def _load(page: Page, served: Served, customer: dict[str, str]) -> None:
    lines = ["Name;Plate;Mileage;Bought on;Keeper"]
    lines += [
        f"Truck {i:04};HH-M {i};{i * 37};{1 + i % 28:02}.03.2024;{customer['number'] if i == 7 else ''}"
        for i in range(1, ROWS + 1)
    ]
    steps.open_page(page, served, "load")
    file = FilePayload(name="vehicles.csv", mimeType="text/csv", buffer="\n".join(lines).encode())
    steps.drop(page, file)
    expect(page.get_by_text("First rows")).to_be_visible()
    expect(page.get_by_role("combobox", name="Into")).to_have_value("Vehicles")
    steps.choose(page, "Field for Keeper", "Keeper, by Customer no.")
    steps.still(page)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("What this load would do")).to_be_visible()
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.get_by_text("Loaded in")).to_be_visible()
    expect(page.locator(".m-kpis > div").filter(has_text="New")).to_contain_text("1,000")
    expect(page.locator(".m-kpis > div").filter(has_text="Rejected")).to_contain_text("0")


def _edit_one(page: Page) -> None:
    steps.still(page)
    page.get_by_role("button", name="Open vehicles").click()
    expect(page.get_by_placeholder("Search vehicles")).to_be_visible()
    expect(page.locator(".m-title small")).to_have_text("1,000")
    steps.still(page)
    page.get_by_placeholder("Search vehicles").fill("0007")
    expect(page.locator(".m-title small")).to_have_text("1")
    steps.still(page)
    steps.grid(page).get_by_role("gridcell", name="Truck 0007").click()
    expect(steps.title(page)).to_contain_text("Truck 0007")
    page.locator(".m-card").filter(has_text="Details").get_by_text("Edit").click()
    page.get_by_label("Name", exact=False).first.fill("Truck 0007 of ours")
    page.keyboard.press("Enter")
    expect(steps.title(page)).to_contain_text("Truck 0007 of ours")
