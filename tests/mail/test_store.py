"""Mail becomes messages, files and inquiries."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from crm_core.files import blob_path
from crm_core.records import create
from tests.mail.conftest import ADMIN, Office
from tests.mail.letters import letter, report

PDF = b"%PDF-1.4 pretend"
WITH_FILE = (
    b"From: ida@shipper.example\r\nTo: help@freight.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    b"--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"Anbei die Pl=E4ne.\r\n--x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
    b"Content-Disposition: attachment; filename*=utf-8''Pl%C3%A4ne.pdf\r\n\r\nJVBERi0xLjQgcHJldGVuZA==\r\n--x--\r\n"
)


def sent(office: Office, message_id: str, to: str, **more: Any) -> str:
    """A message of ours that has left; returns its id."""
    values = {"channel": "email", "direction": "out", "state": "sent", "to": to, "subject": "An offer"}
    return create(
        office.lake, module="communications", values={**values, "message_id": message_id, **more}, actor=ADMIN
    ).id


def test_a_first_message_begins_an_inquiry_of_the_customer(office: Office) -> None:
    customer = office.customer("Ida Berg", "Ida@first.example")
    taken = office.take(letter("Can you ship?\r\n\r\n-- \r\nIda", sender="Ida <ida@FIRST.example>"))
    message, inquiry = (
        office.one("communications", taken.communication_id),
        office.one("inquiries", taken.record_id),
    )
    assert (taken.state, taken.module) == ("stored", "inquiries")
    assert (message["direction"], message["state"], message["channel"]) == ("in", "received", "email")
    assert (message["reply_text"], message["about"], message["automatic"]) == (
        "Can you ship?",
        inquiry["id"],
        False,
    )
    assert message["customer"] == inquiry["customer"] == customer
    assert (inquiry["channel"], inquiry["email"]) == ("email", "ida@first.example")


def test_who_is_not_known_begins_an_inquiry_without_a_customer(office: Office) -> None:
    taken = office.take(letter(sender="new@nobody.example"))
    assert office.one("inquiries", taken.record_id)["customer"] is None


def test_what_comes_with_a_message_is_a_file_of_what_it_is_about(office: Office) -> None:
    taken = office.take(WITH_FILE)
    message = office.one("communications", taken.communication_id)
    [file_id] = message["files"]
    file = office.one("files", file_id)
    digest = hashlib.sha256(PDF).hexdigest()
    assert (message["subject"], message["text"]) == ("Grüße", "Anbei die Pläne.")
    assert (file["name"], file["media_type"], file["sha256"]) == ("Pläne.pdf", "application/pdf", digest)
    assert (file["about"], file["about__module"]) == (taken.record_id, "inquiries")
    assert blob_path(office.files, digest).read_bytes() == PDF
    assert blob_path(office.files, message["raw"]).read_bytes() == WITH_FILE


def test_an_answer_goes_to_the_thread_the_customer_and_the_matter_of_what_it_answers(office: Office) -> None:
    first = office.take(letter(sender="ole@thread.example", message_id="<root@thread.example>"))
    customer = office.customer("Ole", "other@thread.example")
    ours = sent(
        office, "<ours@freight.example>", "ole@thread.example", thread="<root@thread.example>", customer=customer,
        about={"module": "inquiries", "id": first.record_id}, in_reply_to="<root@thread.example>",
    )  # fmt: skip
    answer = office.take(letter("Yes", sender="ole@elsewhere.example", In_Reply_To="<ours@freight.example>"))
    message = office.one("communications", answer.communication_id)
    assert (answer.module, answer.record_id) == ("inquiries", first.record_id)
    assert (message["thread"], message["customer"]) == ("<root@thread.example>", customer)
    assert ours and office.count("crm", "inquiries", f"id = '{first.record_id}'") == 1


def test_answers_to_a_message_that_never_came_are_one_conversation(office: Office) -> None:
    lost = "<lost@shipper.example>"
    one, two = (office.take(letter(References=lost)) for _ in range(2))
    assert one.record_id == two.record_id
    assert office.one("communications", two.communication_id)["thread"] == lost


def test_the_same_bytes_come_once_and_the_same_id_twice(office: Office) -> None:
    raw = letter(message_id="<same@shipper.example>")
    first, again = office.take(raw), office.take(raw)
    other = office.take(letter("Another", message_id="<same@shipper.example>"))
    assert [first.state, again.state, other.state] == ["stored", "ignored", "stored"]
    assert again.communication_id == first.communication_id != other.communication_id


@pytest.mark.parametrize(
    ("status", "action", "state", "invalid"),
    [
        pytest.param("5.1.1", "failed", "failed", True, id="no such mailbox"),
        pytest.param("5.2.2", "failed", "failed", False, id="a full mailbox"),
        pytest.param("4.4.1", "delayed", "sent", False, id="a delay"),
    ],
)
def test_a_report_marks_the_message_and_the_address(
    office: Office, status: str, action: str, state: str, invalid: bool
) -> None:
    address, message_id = f"gone{status}@bounce.example", f"<{status}@freight.example>"
    customer = office.customer("Gone", address)
    ours = sent(office, message_id, address, customer=customer)
    taken = office.take(report(message_id, address, status=status, action=action), sender="")
    [point] = office.lake.read(
        "SELECT invalid FROM lake.crm.contact_points WHERE customer = CAST(? AS UUID)", [customer]
    ).to_dicts()
    message = office.one("communications", taken.communication_id)
    assert (office.one("communications", ours)["state"], bool(point["invalid"])) == (state, invalid)
    assert (message["automatic"], message["customer"], taken.record_id) == (True, customer, None)


def test_a_report_on_a_message_that_is_not_ours_silences_nobody(office: Office) -> None:
    customer = office.customer("Alive", "alive@bounce.example")
    office.take(report("<made-up@freight.example>", "alive@bounce.example"), sender="")
    assert office.count("crm", "contact_points", f"customer = '{customer}' AND invalid") == 0


def test_what_cannot_be_read_is_a_dead_letter_with_its_bytes_and_stops_nobody(office: Office) -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(60)
    )
    found = [
        office.take(raw) for raw in (b"", b"\r\n\r\nno header", b"From: a@b.example\r\n" + deep, letter())
    ]
    assert [one.state for one in found] == ["dead", "dead", "dead", "stored"]
    assert all(one.reason for one in found[:3])
    assert office.count("ops", "mail_in", f"id = '{found[2].id}' AND sha256 IS NOT NULL AND size > 100") == 1
