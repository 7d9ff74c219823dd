"""The inbox: what came in is answered, put off, noted and closed, with the customer beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core import records
from crm_core.access import Actor
from crm_core.bulk import BulkAction, run_bulk, those
from crm_core.intake import submit
from crm_core.workspace import Workspace
from flows import outbox
from flows.compose import Draft, send
from pages._ui.inbox_actions import wakes_at
from pages._ui.inbox_list import InboxState, matching, read_list
from pages._ui.session import Here
from tests.pages.conftest import Open, _opened, _opener, told

ADMIN = Actor.local_admin()


@pytest.fixture(scope="module")
def anna(empty_workspace: Workspace) -> str:
    """The only customer."""
    values = {"name": "Anna Berger", "email": "anna@buyer.example", "company": "Berger & Co"}
    return records.create(empty_workspace.lake, module="customers", values=values, actor=ADMIN).id


@pytest.fixture
def asked(empty_workspace: Workspace, anna: str) -> str:
    """A new inquiry of hers."""
    body = {
        "name": "Anna",
        "email": "anna@buyer.example",
        "subject": "Freight to Riga",
        "message": "How much?",
    }
    return submit(empty_workspace.lake, form="contact", body=body).inquiry_id


def inquiry(workspace: Workspace, record_id: str) -> dict[str, Any]:
    return records.read_record(
        workspace.lake, workspace.catalog, module="inquiries", record_id=record_id, actor=ADMIN
    )


def press(page: AppTest, label: str) -> AppTest:
    return next(button for button in page.button if button.label == label).click().run()


def test_it_is_answered_from_there_and_has_its_first_answer(
    empty: Open, empty_workspace: Workspace, asked: str
) -> None:
    page = empty("pages/inbox.py")
    assert "How much?" in told(page) and "Waits for an answer" in told(page)
    page = press(page, "Reply")
    boxes = {box.label: box.value for box in page.text_input if str(box.key).startswith("compose:")}
    assert (boxes["To"], boxes["Subject"]) == ("anna@buyer.example", "Re: Freight to Riga")
    text = next(box for box in page.text_area if str(box.key).startswith("compose:"))
    text.set_value(f"1,200 EUR.{text.value}")
    page = press(page, "Send")
    assert not page.exception
    assert "First answer after" in told(page) and "1,200 EUR." in told(page)
    answered = inquiry(empty_workspace, asked)
    assert answered["status"] == "answered" and answered["first_answer_at"]
    [row] = outbox.list_messages(empty_workspace.lake, actor=ADMIN)
    assert (row.recipient, row.module, row.record_id) == ("anna@buyer.example", "inquiries", asked)


def test_the_customer_stands_beside_it(empty: Open, asked: str) -> None:
    text = told(empty("pages/inbox.py"))
    assert "Berger &amp; Co" in text and "Open tasks" in text


def test_who_is_nobody_yet_becomes_a_customer_with_what_he_wrote(
    empty: Open, empty_workspace: Workspace
) -> None:
    body = {"name": "Nils New", "email": "nils@new.example", "subject": "Hello", "message": "Who are you?"}
    request = submit(empty_workspace.lake, form="contact", body=body).inquiry_id
    page = empty("pages/inbox.py", id=request)
    assert "Nobody has this address" in told(page)
    page = page.button(key=f"whose:{request}").click().run()
    boxes = {box.key: box.value for box in page.text_input if str(box.key).startswith("new:customers")}
    assert (boxes["new:customers:name"], boxes["new:customers:email"]) == ("Nils New", "nils@new.example")
    page = page.button(key="new:customers:create").click().run()
    customer = inquiry(empty_workspace, request)["customer"]
    assert customer and "Nobody has this address" not in told(page) and "Open tasks" in told(page)


def opened(page: AppTest, record_id: str) -> AppTest:
    """The page with what stands behind “More”."""
    page.session_state[f"more:{record_id}"] = True
    return page.run()


def test_what_is_put_off_leaves_the_queue_until_its_time(
    empty: Open, empty_workspace: Workspace, asked: str
) -> None:
    now = Here(empty_workspace, empty_workspace.catalog, ADMIN)
    module = now.catalog.module("inquiries")

    def standing(queue: str) -> bool:
        state = InboxState(queue=queue)
        return asked in [row["id"] for row in read_list(now, module, state).items]

    page = press(opened(empty("pages/inbox.py"), asked), "For a week")
    assert not page.exception and "Put off until" in told(page)
    assert (standing("open"), standing("mine"), standing("snoozed")) == (False, False, True)
    press(opened(page, asked), "Wake it")
    assert (standing("open"), standing("snoozed")) == (True, False)


def test_a_note_is_for_colleagues(empty: Open, empty_workspace: Workspace, asked: str) -> None:
    page = opened(empty("pages/inbox.py"), asked)
    page.text_area(key=f"note:text:{asked}").set_value("She calls on Monday.")
    page = press(page, "Add note")
    assert not page.exception and "She calls on Monday." in told(page)
    [note] = records.read_page(
        empty_workspace.lake, empty_workspace.catalog, module="notes", actor=ADMIN
    ).items
    assert note["about"] == {"module": "inquiries", "id": asked} and note["customer"]


@pytest.mark.parametrize(
    ("choice", "until"),
    [
        pytest.param("hour", datetime(2026, 11, 20, 16, 30, tzinfo=UTC), id="an hour"),
        pytest.param("tomorrow", datetime(2026, 11, 21, 7, 0, tzinfo=UTC), id="tomorrow morning"),
        pytest.param("monday", datetime(2026, 11, 23, 7, 0, tzinfo=UTC), id="Monday morning"),
        pytest.param("week", datetime(2026, 11, 27, 7, 0, tzinfo=UTC), id="a week"),
    ],
)
def test_morning_is_where_the_person_is(choice: str, until: datetime) -> None:
    friday = datetime(2026, 11, 20, 15, 30, tzinfo=UTC)
    assert wakes_at(choice, zone="Europe/Berlin", now=friday) == until


@pytest.fixture
def shop(tmp_path: Path, new_catalog: Callable[[Path], str]) -> Iterator[Open]:
    """Opens a page over a shop with one ticket."""
    with _opened(tmp_path, new_catalog(tmp_path), pack="ecommerce") as workspace:
        values = {"subject": "Where is it?", "email": "anna@buyer.example"}
        records.create(workspace.lake, module="tickets", values=values, actor=ADMIN)
        yield from _opener(workspace)


def test_the_inbox_of_a_shop_is_its_tickets(shop: Open) -> None:
    page = shop("pages/inbox.py")
    assert not page.exception
    assert "Where is it?" in told(page) and "New ticket" in [button.help for button in page.button]


@pytest.mark.parametrize(("label", "module"), [("Task", "tasks"), ("Deal", "deals"), ("Quote", "quotes")])
def test_it_becomes_a_task_a_deal_or_a_quote(
    empty: Open, empty_workspace: Workspace, asked: str, label: str, module: str
) -> None:
    page = press(opened(empty("pages/inbox.py", id=asked), asked), label)
    assert not page.exception
    made = records.read_page(
        empty_workspace.lake, empty_workspace.catalog, module=module, actor=ADMIN, sort="-created_at", limit=1
    ).items[0]
    assert "Freight to Riga" in made["title"] and asked in str(made)
    assert inquiry(empty_workspace, asked)["status"] == "in_progress"


def test_a_queue_is_narrowed_to_a_channel_and_changed_as_a_whole(
    empty_workspace: Workspace, asked: str
) -> None:
    now = Here(empty_workspace, empty_workspace.catalog, ADMIN)
    module = now.catalog.module("inquiries")
    called = records.create(
        empty_workspace.lake, module="inquiries", values={"subject": "Rang", "channel": "phone"}, actor=ADMIN
    ).id
    state = InboxState(queue="all", channel="phone")
    assert [row["id"] for row in read_list(now, module, state).items] == [called]
    condition = matching(now, module, state)
    assert condition is not None
    tag = BulkAction({"tags": ["urgent"]})
    run_bulk(empty_workspace.lake, module="inquiries", condition=condition, action=tag, actor=ADMIN)
    tagged = [inquiry(empty_workspace, one)["tags"] or [] for one in (called, asked)]
    assert tagged == [["urgent"], []]
    state = InboxState(queue="all", words="rang")
    assert matching(now, module, state) == those([called])


def test_why_a_mail_failed_stands_at_it_with_a_way_to_send_it_again(
    empty: Open, empty_workspace: Workspace, anna: str
) -> None:
    lake = empty_workspace.lake
    sent = send(
        lake, Draft(to=("anna@buyer.example",), subject="Lost", text="Hello", customer=anna), actor=ADMIN,
        settings=empty_workspace.settings,
    )  # fmt: skip
    outbox.drop(lake, actor=ADMIN, ids=sent.outbox_ids, reason="no such user")
    text = told(empty("customers", id=anna, section="communications"))
    assert "It did not arrive: no such user." in text and f'data-click="retry:{sent.id}"' in text


def test_a_press_on_task_beside_an_inquiry_asks_for_one(empty: Open, asked: str) -> None:
    page = empty("pages/inbox.py", id=asked)
    page.session_state["forms:new"] = "tasks"
    page.run()
    assert not page.exception and any("New task" in str(one.proto) for one in page.get("dialog"))
