"""The timeline in the browser: the rest comes as one scrolls, once, and what is pinned stands on top."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocket, expect

from tests.browser import steps
from tests.browser.server import Served
from tests.browser.steps import call


def test_a_long_timeline_comes_as_one_scrolls_and_nothing_comes_twice(
    served: Served, browser_page: Page
) -> None:
    told = re.search(r"mgr_\S+", served.run("keys", "add", "--role", "agent").stdout)
    assert told is not None

    def add(module: str, **values: object) -> str:
        return str(call(served, f"v1/modules/{module}/records", values, key=told[0])["id"])

    customer = add("customers", name="Long Lane", kind="person")
    notes = [{"text": f"Note {n:03} {'of many words ' * 12}", "customer": customer} for n in range(150)]
    call(served, "v1/modules/notes/import?filename=notes.json", notes, key=told[0])
    came: list[str] = []

    def hear(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: came.append(str(frame)))

    browser_page.on("websocket", hear)
    steps.open_page(browser_page, served, f"customers?id={customer}&section=timeline")
    entries = browser_page.locator(".m-feed li")
    expect(entries).to_have_count(40)
    steps.calm(browser_page, served)
    first = set(re.findall(r"Note \d{3}", " ".join(entries.all_inner_texts())))
    came.clear()
    for count in (80, 120, 150):
        browser_page.locator(".near-end").scroll_into_view_if_needed()
        expect(entries).to_have_count(count)
    texts = entries.all_inner_texts()
    assert len(set(texts)) == len(texts) == 150
    # A next page came without the first; both together only when somebody else wrote meanwhile.
    later = [set(re.findall(r"Note \d{3}", frame)) for frame in came]
    assert [notes for notes in later if notes and not notes & first]
    entries.first.scroll_into_view_if_needed()
    entries.first.hover()
    entries.first.get_by_role("button", name=re.compile("^Pin")).click()
    expect(browser_page.locator(".m-card", has_text="Pinned").locator("li")).to_have_count(1)
    expect(entries).to_have_count(150)
