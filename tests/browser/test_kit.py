"""The parts that need JavaScript, in a real browser: list, clicks, the switch of panels, widgets, grid."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.server import ROOT, free_port


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that shows the kit's own page with the project's look."""
    home, port = tmp_path_factory.mktemp("kit"), free_port()
    # The font and the settings lie beside the main script, as they do beside app.py.
    for name in (".streamlit", "static"):
        (home / name).symlink_to(ROOT / name)
    app = shutil.copy(Path(__file__).parent / "kit" / "main.py", home)
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port)]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1"], cwd=home, env=env, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer within 30 s")


@pytest.fixture
def workspace(kit: str, browser_page: Page) -> Page:
    browser_page.goto(kit)
    expect(browser_page.get_by_role("option").first).to_be_visible()
    expect(browser_page.get_by_label("Search")).to_be_visible()
    return browser_page


def test_a_click_selects_a_record_and_keeps_the_list(workspace: Page) -> None:
    workspace.get_by_role("option", name="Person 003").click()
    expect(workspace.locator(".m-title")).to_contain_text("Person 003")
    expect(workspace.get_by_role("option", selected=True)).to_contain_text("Person 003")


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        pytest.param(["ArrowDown", "ArrowDown"], "Person 003", id="down"),
        pytest.param(["j", "j", "k"], "Person 002", id="j and k"),
        pytest.param(["End"], "Person 120", id="End"),
        pytest.param(["End", "Home"], "Person 001", id="Home"),
        pytest.param(["ArrowUp"], "Person 001", id="up stops at the first"),
    ],
)
def test_keys_walk_through_the_list(workspace: Page, keys: list[str], name: str) -> None:
    workspace.get_by_role("option", name="Person 001").click()
    for key in keys:
        workspace.keyboard.press(key)
    expect(workspace.locator(".m-title")).to_contain_text(name)


def test_a_slash_goes_to_the_search_and_down_comes_back(workspace: Page) -> None:
    workspace.keyboard.press("/")
    expect(workspace.get_by_label("Search")).to_be_focused()
    workspace.keyboard.type("person 01")
    expect(workspace.get_by_role("option")).to_have_count(10)
    workspace.keyboard.press("ArrowDown")
    workspace.keyboard.press("ArrowDown")
    expect(workspace.locator(".m-title")).to_contain_text("Person 011")


def test_the_selection_stays_when_the_list_is_searched_and_cleared(workspace: Page) -> None:
    workspace.get_by_role("option", name="Person 003").click()
    expect(workspace.locator(".m-title")).to_contain_text("Person 003")
    workspace.get_by_label("Search").fill("nobody")
    expect(workspace.get_by_text("Nobody is called that.")).to_be_visible()
    workspace.get_by_label("Search").fill("")
    expect(workspace.get_by_role("option", selected=True)).to_contain_text("Person 003")


def test_a_click_on_a_marked_row_is_heard_without_a_reload(workspace: Page) -> None:
    workspace.evaluate("window.stayed = true")
    workspace.get_by_role("cell", name="A deal").first.click()
    expect(workspace.locator("#heard")).to_have_text("click open deals 42:7")
    assert workspace.evaluate("window.stayed")


def test_markup_in_values_is_shown_and_not_run(workspace: Page) -> None:
    expect(workspace.get_by_text('<img src=x onerror="document.title=1">').first).to_be_visible()
    expect(workspace.get_by_text("<b>Company</b>")).to_be_visible()
    assert workspace.title() != "1"


def test_a_phone_shows_one_panel_and_a_choice_moves_on(workspace: Page) -> None:
    workspace.set_viewport_size({"width": 390, "height": 844})
    expect(workspace.locator(".st-key-centre")).to_be_hidden()
    workspace.get_by_role("option", name="Person 002").click()
    expect(workspace.locator(".st-key-centre")).to_be_visible()
    expect(workspace.locator(".st-key-left")).to_be_hidden()
    workspace.get_by_role("radio", name="Details").click()
    expect(workspace.locator(".st-key-right")).to_be_visible()


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)], ids=["desktop", "phone"])
def test_a_panel_scrolls_within_the_window(workspace: Page, size: tuple[int, int]) -> None:
    workspace.set_viewport_size({"width": size[0], "height": size[1]})
    workspace.get_by_role("option", name="Person 002").click()
    last = workspace.locator("#heard")
    expect(last).not_to_be_in_viewport()
    workspace.locator(".st-key-centre .m-title").hover()
    workspace.mouse.wheel(0, 5000)
    expect(last).to_be_in_viewport()


def test_a_widget_commits_the_value_in_the_shape_of_a_record(kit: str, browser_page: Page) -> None:
    browser_page.goto(f"{kit}/form")
    expect(browser_page.get_by_text("**Name** <i>")).to_be_visible()
    browser_page.get_by_label("Price").fill("1.204,50")
    browser_page.keyboard.press("Enter")
    heard = browser_page.locator("#heard")
    expect(heard).to_contain_text("price = {'amount': Decimal('1204.50'), 'currency': 'EUR'}")


def test_a_rule_is_added_and_only_counts_when_it_is_finished(kit: str, browser_page: Page) -> None:
    browser_page.goto(f"{kit}/form")
    tree = browser_page.locator("#tree")
    expect(tree).to_have_text("{'field': 'name', 'op': 'contains', 'value': 'a'}")
    browser_page.get_by_role("button", name="Rule").click()
    browser_page.get_by_role("combobox", name="Field").nth(1).click()
    browser_page.get_by_role("option", name="Stage").click()
    expect(browser_page.get_by_role("combobox", name="Operator")).to_have_count(2)
    expect(tree).to_have_text("{'field': 'name', 'op': 'contains', 'value': 'a'}")
    browser_page.get_by_role("combobox", name="Value").click()
    browser_page.get_by_role("option", name="Won").click()
    expect(tree).to_contain_text("{'field': 'stage', 'op': 'eq', 'value': 'won'}")


def test_the_grid_opens_ticks_sorts_and_turns_pages(kit: str, browser_page: Page) -> None:
    browser_page.goto(f"{kit}/table")
    frame, heard = browser_page.frame_locator("iframe"), browser_page.locator("#heard")
    frame.get_by_role("gridcell", name="Person 003").click()
    expect(heard).to_have_text("open 003")
    frame.get_by_role("checkbox", name="Press Space to toggle row selection").first.click()
    expect(heard).to_contain_text("ticked 1")
    frame.get_by_role("columnheader", name="Name").click()
    expect(heard).to_contain_text("sort -name")
    expect(frame.get_by_role("gridcell", name="Person 120")).to_be_visible()
    browser_page.get_by_test_id("stPagination").get_by_text("2", exact=True).click()
    expect(frame.get_by_role("gridcell", name="Person 110")).to_be_visible()


def test_what_is_typed_into_a_list_of_choices_stays_while_the_page_is_drawn_anew(
    kit: str, browser_page: Page
) -> None:
    page = browser_page
    page.goto(f"{kit}/busy")
    tags = page.get_by_role("combobox", name="Tags")
    tags.click()
    tags.press_sequentially("big")
    # Nobody presses it by the mouse, which would leave the list: another program has changed something.
    page.get_by_role("button", name="Again", include_hidden=True).dispatch_event("click")
    expect(page.locator("#drawn")).to_have_text("2")
    expect(tags).to_have_value("big")
    page.keyboard.press("Enter")
    expect(page.locator("#tags")).to_have_text("big")


def test_two_presses_in_two_panels_are_both_heard_while_a_third_is_at_work(
    kit: str, browser_page: Page
) -> None:
    page = browser_page
    page.goto(f"{kit}/busy")
    expect(page.locator("#pressed")).to_have_text("False")
    page.get_by_role("button", name="Work").click()
    page.get_by_role("button", name="Press").click()
    page.get_by_role("button", name="Again").click()
    expect(page.locator("#drawn")).to_have_text("2")
    expect(page.locator("#pressed")).to_have_text("True")
