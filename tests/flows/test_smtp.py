"""Handing letters to a mail server: every answer is told, and one letter holds up no other."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flows.answers import Ledger
from flows.lanes import Lane, MailWay, Settled
from flows.smtp import Letter, MailServer, build_message, deliver
from tests.flows.mail_server import Mailbox, free_port, mail_server

LETTER = Letter(
    id="1",
    message_id="<1@merganser.example>",
    sender="Müller & Söhne <sales@merganser.example>",
    recipient="anna@buyer.example",
    subject="Grüße",
    text="Hallo\n.\nEnde",
    sent_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
)


def letter(recipient: str) -> Letter:
    return replace(LETTER, id=recipient, message_id=f"<{recipient}>", recipient=recipient)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def test_a_letter_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    [answer] = deliver(MailServer.from_url(mailbox.url), [LETTER])
    [message] = mailbox.messages
    assert (answer.outcome, answer.words) == ("sent", "250 taken")
    assert (message["Subject"], message["Message-ID"]) == ("Grüße", "<1@merganser.example>")
    assert str(message["From"]) == "Müller & Söhne <sales@merganser.example>"
    assert message.get_content().splitlines() == ["Hallo", ".", "Ende"]


@pytest.mark.parametrize(
    ("recipient", "outcome", "words"),
    [
        pytest.param("nobody@x.example", "refused", "550", id="no such mailbox"),
        pytest.param("spam@x.example", "refused", "554", id="refused after the data"),
        pytest.param("later@x.example", "retry", "451", id="not now"),
        pytest.param("slow@x.example", "unknown", "", id="no answer after the data"),
        pytest.param("no address", "refused", "no e-mail address", id="no address"),
        pytest.param("käthe@x.example", "sent", "250", id="an address beyond ASCII"),
        pytest.param("anna@müller.example", "sent", "250", id="a domain beyond ASCII"),
    ],
)
def test_an_answer_says_what_became_of_a_letter(
    mailbox: Mailbox, recipient: str, outcome: str, words: str
) -> None:
    [answer] = deliver(MailServer.from_url(mailbox.url, timeout=0.7), [letter(recipient)])
    assert answer.outcome == outcome and words in answer.words


def test_bad_letters_hold_up_no_other(mailbox: Mailbox) -> None:
    recipients = [
        "nobody@x.example",
        "spam@x.example",
        "later@x.example",
        *[f"p{i}@x.example" for i in range(20)],
    ]
    answers = deliver(MailServer.from_url(mailbox.url, connections=2), [letter(one) for one in recipients])
    assert [answer.id for answer in answers] == recipients
    assert [answer.outcome for answer in answers] == ["refused", "refused", "retry"] + ["sent"] * 20
    assert len(mailbox.messages) == 20


def test_a_server_that_is_down_puts_everything_off() -> None:
    answers = deliver(
        MailServer.from_url(f"smtp://127.0.0.1:{free_port()}"), [letter(f"p{i}@x") for i in range(9)]
    )
    assert {answer.outcome for answer in answers} == {"retry"}


def test_a_server_that_says_nothing_is_given_up_soon() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = MailServer.from_url(f"smtp://127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
        answers = deliver(server, [letter(f"p{i}@x") for i in range(50)])
    assert {answer.outcome for answer in answers} == {"retry"}


def test_what_comes_when_the_last_connection_has_just_ended_is_handed_over_too(mailbox: Mailbox) -> None:
    async def run() -> object:
        ledger = Ledger(None)
        lane = Lane(MailWay(MailServer.from_url(mailbox.url, connections=1), ledger).begin(""))
        lane.feed([letter("first@x.example")])
        await asyncio.wait(lane.tasks)
        lane.feed([letter("second@x.example")])
        await asyncio.wait(lane.tasks)
        settled = lane.settle()
        await lane.close()
        return settled

    assert asyncio.run(run()) == Settled([], None, False)
    assert len(mailbox.messages) == 2


@pytest.mark.parametrize("subject", ["a\r\nBcc: all@x.example", "a\nb", "\ta\x0bb"])
def test_a_subject_begins_no_other_header(subject: str) -> None:
    message = build_message(replace(LETTER, subject=subject))
    assert message["Bcc"] is None and "\n" not in str(message["Subject"])


@pytest.mark.parametrize(
    ("url", "server"),
    [
        pytest.param("smtp://h", MailServer("h", 25), id="plain"),
        pytest.param("smtps://u:p%40ss@h", MailServer("h", 465, "u", "p@ss", True, False), id="TLS"),
        pytest.param("smtp+starttls://h:2525", MailServer("h", 2525, start_tls=True), id="STARTTLS"),
    ],
)
def test_the_url_says_how_to_connect(url: str, server: MailServer) -> None:
    assert MailServer.from_url(url) == server
