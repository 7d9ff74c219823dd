"""A real SMTP server that can be told to misbehave, by the local part of the recipient."""

from __future__ import annotations

import asyncio
import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """What the server took, in order. `broken` makes it put every recipient off; `pause` is before each answer."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    broken: bool = False
    pause: float = 0.0

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, recipient: str) -> list[EmailMessage]:
        return [message for message in self.messages if recipient in str(message["To"])]


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        local = address.partition("@")[0]
        if local.startswith("nobody"):
            return "550 5.1.1 no such mailbox"
        if local.startswith("later") or self.mailbox.broken:
            return "451 4.7.1 greylisted, try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipient = envelope.rcpt_tos[0]
        if recipient.startswith("spam"):
            return "554 5.7.1 message refused"
        content = envelope.content
        assert isinstance(content, bytes)
        self.mailbox.messages.append(email.message_from_bytes(content, policy=default))  # type: ignore[arg-type]
        await asyncio.sleep(3 if recipient.startswith("slow") else self.mailbox.pause)
        return "250 taken"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A server on a free port of this machine."""
    mailbox = Mailbox(free_port())
    controller = Controller(_Handler(mailbox), hostname="127.0.0.1", port=mailbox.port, enable_SMTPUTF8=True)
    controller.start()
    try:
        yield mailbox
    finally:
        controller.stop()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
