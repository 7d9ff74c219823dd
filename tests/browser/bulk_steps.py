"""What a person does to change many records at once, and to take that back."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser import steps


def change_tags(page: Page, tag: str, many: str) -> None:
    """Add a tag to all that match, after a preview; `many` is what it says of them, such as `5,000 deals`."""
    page.get_by_role("button", name="Change").click()
    box = steps.dialog(page)
    steps.choose(page, "What", "Add to Tags", within=box)
    steps.still(page)
    box.get_by_role("combobox", name="Tags").fill(tag)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")  # the list of tags shuts
    steps.still(page)
    box.get_by_role("button", name="Preview").click()
    expect(box).to_contain_text(f"{many} would change")
    box.get_by_role("button", name=f"Change {many}").click()
    expect(page.get_by_text(f"{many} changed")).to_be_visible()
    steps.still(page)


def take_back(page: Page, many: str) -> None:
    """Undo it, also where flows did something meanwhile."""
    page.get_by_role("button", name="Undo").click()
    again = page.get_by_role("button", name="Undo all the same")
    done = page.get_by_text(f"Undone: {many} are as before.")
    expect(again.or_(done)).to_be_visible()
    if again.is_visible():
        again.click()
    expect(done).to_be_visible()
