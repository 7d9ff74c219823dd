"""Messages on a profile: conversations as they went, mail shown safe, and a mail written and sent from there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crm_core import records
from crm_core.access import Actor
from crm_core.conversations import Conversations, Message, read_conversations
from crm_core.workspace import Workspace
from flows import outbox
from pages._ui import composer
from tests.pages.conftest import Open, told

ADMIN = Actor.local_admin()
TRACKER = (
    '<p>Hi &amp; bye</p><img src="https://t.example/p.gif"><script>alert(1)</script><p onclick="x()">End</p>'
)
ROOT = "<root@buyer.example>"


@pytest.fixture(scope="module")
def anna(empty_workspace: Workspace) -> str:
    """A customer who wrote twice, was answered once, and was called."""
    lake = empty_workspace.lake
    values = {"name": "Anna Berger", "email": "anna@buyer.example"}
    customer = records.create(lake, module="customers", values=values, actor=ADMIN).id
    mail = {"channel": "email", "customer": customer, "thread": ROOT, "subject": "Freight to Riga"}
    came = {**mail, "direction": "in", "state": "received", "from": "Anna <anna@buyer.example>"}
    said: list[dict[str, Any]] = [
        {**came, "text": "How much?", "message_id": ROOT, "html": TRACKER},
        {**mail, "direction": "out", "state": "failed", "to": "anna@buyer.example", "text": "A lot."},
        {**came, "text": "Really?\n> A lot.", "reply_text": "Really?", "message_id": "<2@buyer.example>"},
        {"channel": "call", "direction": "in", "customer": customer, "subject": "Call", "thread": "call"},
    ]
    for minute, values in enumerate(said):
        when = datetime(2026, 11, 20, 12, minute, tzinfo=UTC)
        records.create(lake, module="communications", values={**values, "occurred_at": when}, actor=ADMIN)
    return customer


def read(workspace: Workspace, customer: str, **more: Any) -> Conversations:
    return read_conversations(
        workspace.lake, workspace.catalog, module="customers", record_id=customer, actor=ADMIN, **more
    )


def test_messages_belong_together_with_the_newest_last(empty_workspace: Workspace, anna: str) -> None:
    found = read(empty_workspace, anna)
    call, talk = found.items
    assert [one.text.splitlines()[0] for one in talk.messages] == ["How much?", "A lot.", "Really?"]
    assert (talk.waits, call.waits, found.unanswered, found.messages) == (True, False, 1, 4)


def test_what_waits_is_counted_beyond_what_is_shown(empty_workspace: Workspace, anna: str) -> None:
    found = read(empty_workspace, anna, limit=1)
    assert (len(found.items), found.messages, found.unanswered) == (1, 4, 1)


def test_a_profile_shows_what_was_said_and_where_it_stands(empty: Open, anna: str) -> None:
    page = empty("customers", id=anna, section="communications")
    text = told(page)
    assert not page.exception
    assert "Unanswered" in text and "Show what it quotes" in text and "Failed" in text
    assert "<script" not in text and "t.example" not in text


def test_who_only_looks_is_offered_no_answer(empty: Open, anna: str) -> None:
    page = empty("customers", acting="vera", id=anna, section="communications")
    text = told(page)
    assert "How much?" in text and "reply:" not in text
    assert not [one for one in page.button if one.label in ("Email", "New mail")]


def test_a_mail_is_written_from_the_head_and_leaves(
    empty: Open, empty_workspace: Workspace, anna: str
) -> None:
    page = empty("customers", id=anna)
    page = next(one for one in page.button if one.label == "Email").click().run()
    field = {box.label: box for box in page.text_input if str(box.key).startswith("compose:")}
    assert field["To"].value == "anna@buyer.example"
    send = next(one for one in page.button if one.label == "Send")
    page = send.click().run()
    assert "give it a subject" in str([toast.value for toast in page.toast])
    field = {box.label: box for box in page.text_input if str(box.key).startswith("compose:")}
    field["Subject"].set_value("Your freight")
    next(box for box in page.text_area if str(box.key).startswith("compose:")).set_value("It is on its way.")
    page = next(one for one in page.button if one.label == "Send").click().run()
    assert not page.exception
    [row] = outbox.list_messages(empty_workspace.lake, actor=ADMIN)
    assert (row.recipient, row.subject, row.state) == ("anna@buyer.example", "Your freight", "queued")
    assert "It is on its way." in told(page) and not [one for one in page.button if one.label == "Send"]


def test_an_answer_quotes_and_copies_everybody_else(empty_workspace: Workspace, anna: str) -> None:
    [first] = [
        one for talk in read(empty_workspace, anna).items for one in talk.messages if one.message_id == ROOT
    ]
    seen = Message(**{**vars(first), "to": "us@x.example, bob@x.example", "cc": "Eve <eve@x.example>"})
    made = composer.reply(seen, zone="UTC", everybody=True, own="us@x.example")
    assert (made.to, made.cc) == ("anna@buyer.example", "bob@x.example, eve@x.example")
    assert made.subject == "Re: Freight to Riga" and made.answers == first.id
    assert made.text.endswith("Anna wrote:\n> How much?")
    again = Message(**{**vars(first), "subject": "AW: Freight"})
    assert composer.reply(again, zone="UTC").subject == "AW: Freight"


def test_what_is_forwarded_takes_its_files_along_and_begins_anew(
    empty_workspace: Workspace, anna: str
) -> None:
    [first] = [
        one for talk in read(empty_workspace, anna).items for one in talk.messages if one.message_id == ROOT
    ]
    made = composer.forward(Message(**{**vars(first), "files": ("f",)}), zone="UTC")
    assert (made.to, made.answers, made.files) == ("", None, ("f",))
    assert made.subject == "Fwd: Freight to Riga" and "How much?" in made.text
