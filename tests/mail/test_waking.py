"""What an answer does to the request that it is about, and where our own answer goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm_core.conversations import read_conversations
from crm_core.definitions import read_catalog
from crm_core.records import update
from pages._ui import composer
from tests.mail.conftest import ADMIN, Office
from tests.mail.letters import letter

LATER = datetime.now(UTC) + timedelta(days=3)


def change(office: Office, inquiry: str | None, **values: object) -> None:
    given = {"outcome": "solved", **values}
    update(office.lake, module="inquiries", record_id=str(inquiry), values=given, actor=ADMIN)


@pytest.mark.parametrize(
    ("before", "status", "awake"),
    [
        ({"status": "closed"}, "in_progress", True),
        ({"snoozed_until": LATER.isoformat()}, "new", True),
        ({"status": "closed", "snoozed_until": LATER.isoformat()}, "in_progress", True),
        ({"status": "answered"}, "answered", True),
        ({"status": "spam"}, "spam", True),
    ],
    ids=["closed", "put off", "closed and put off", "open already", "spam"],
)
def test_an_answer_opens_and_wakes_what_it_is_about(
    office: Office, before: dict[str, str], status: str, awake: bool
) -> None:
    first = office.take(letter("Hello"))
    change(office, first.record_id, **before)
    message = office.one("communications", first.communication_id)
    office.take(letter("And now?", In_Reply_To=message["message_id"]))
    inquiry = office.one("inquiries", first.record_id)
    assert inquiry["status"] == status
    assert ((inquiry["snoozed_until"] or datetime.now(UTC)) <= datetime.now(UTC)) is awake


def test_a_machine_wakes_nobody(office: Office) -> None:
    first = office.take(letter("Hello", message_id="<tired@x.example>"))
    change(office, first.record_id, status="closed", snoozed_until=LATER.isoformat())
    office.take(letter("I am away", In_Reply_To="<tired@x.example>", Auto_Submitted="auto-replied"))
    inquiry = office.one("inquiries", first.record_id)
    assert (inquiry["status"], inquiry["snoozed_until"] > datetime.now(UTC)) == ("closed", True)


def test_an_answer_goes_where_its_writer_said(office: Office) -> None:
    taken = office.take(letter("Write to my colleague", Reply_To="Bea <bea@else.example>"))
    found = read_conversations(
        office.lake,
        read_catalog(office.lake),
        module="inquiries",
        record_id=str(taken.record_id),
        actor=ADMIN,
    )
    [message] = found.items[0].messages
    assert message.reply_to == "Bea <bea@else.example>"
    made = composer.reply(message, zone="UTC")
    assert (made.to, made.answering) == ("bea@else.example", "bea@else.example")
