"""Handing messages to a mail server: each one by itself, and an answer for every one of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import EmailPolicy
from email.utils import format_datetime, getaddresses, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from flows.answers import Answer, Ledger, Record


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed over, and how patiently: seconds for each answer, connections at a time."""

    host: str
    port: int
    username: str | None = None
    password: str | None = None
    use_tls: bool = False
    start_tls: bool | None = None
    timeout: float = 30.0
    connections: int = 4

    @classmethod
    def from_url(cls, url: str, *, timeout: float = 30.0, connections: int = 4) -> "MailServer":
        """Read `smtp://user:password@host:port`, `smtp+starttls://…` (TLS or nothing) or `smtps://…`."""
        parts = urlsplit(url)
        ports = {"smtps": 465, "smtp+starttls": 587}
        return cls(
            parts.hostname or "localhost",
            parts.port or ports.get(parts.scheme, 25),
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            parts.scheme == "smtps",
            True if parts.scheme == "smtp+starttls" else None if parts.scheme == "smtp" else False,
            timeout,
            connections,
        )

    @property
    def name(self) -> str:
        """Host and port, without the password."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Letter:
    """One message: the same `message_id` at every attempt, `sent_at` for its date (UTC).

    `recipient` is who gets it; `to` and `cc` are what its headers say, where it goes to several. `automatic` is
    whether a program wrote it (RFC 3834).
    """

    id: str
    message_id: str
    sender: str
    recipient: str
    subject: str
    text: str
    sent_at: datetime
    html: str | None = None
    reply_to: str | None = None
    in_reply_to: str | None = None
    attachments: tuple["Attachment", ...] = ()
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    automatic: bool = True


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message: its name, its media type, and where its bytes lie."""

    name: str
    media_type: str
    place: Path


def build_message(letter: Letter) -> EmailMessage:
    """The message with its headers; whatever a field brought along stays within its header.

    Raises:
        ValueError: An address is none.
        OSError: The bytes of an attachment are gone.
    """
    message = EmailMessage(policy=SMTP_POLICY)
    message["From"] = _from(letter.sender)
    message["To"] = tuple(_address(one) for one in letter.to or (letter.recipient,))
    if letter.cc:
        message["Cc"] = tuple(_address(one) for one in letter.cc)
    message["Subject"] = " ".join(letter.subject.split())
    message["Message-ID"] = _id_of(letter.message_id)
    message["Date"] = format_datetime(letter.sent_at)
    if letter.automatic:
        message["Auto-Submitted"] = _AUTOMATIC
    if letter.reply_to:
        message["Reply-To"] = _address(letter.reply_to)
    if letter.in_reply_to:
        message["In-Reply-To"] = _Ids.of("In-Reply-To", [letter.in_reply_to])
    if letter.references:
        message["References"] = _Ids.of("References", letter.references)
    message.set_content(letter.text)
    if letter.html:
        message.add_alternative(letter.html, subtype="html")
    for one in letter.attachments:
        main, _, sub = one.media_type.partition("/")
        known = (main, sub) if main and sub and main != "multipart" else ("application", "octet-stream")
        message.add_attachment(
            one.place.read_bytes(), maintype=known[0], subtype=known[1], filename=" ".join(one.name.split())
        )
    return message


class _Ids(str):
    """A header of Message-IDs. Python would encode those that are longer than a line, and nobody could match them."""

    name: str

    @classmethod
    def of(cls, name: str, ids: Sequence[str]) -> "_Ids":
        made = cls(" ".join(_id_of(one) for one in ids))
        made.name = name
        return made

    def fold(self, *, policy: EmailPolicy) -> str:
        """Each id on a line of its own."""
        return f"{self.name}: {f'{policy.linesep} '.join(self.split())}{policy.linesep}"


_AUTOMATIC = SMTP_POLICY.header_factory("Auto-Submitted", "auto-generated")


@lru_cache(maxsize=64)
def _from(sender: str) -> Any:
    """The header of a sender, read once: reading headers is most of the work of putting a message together."""
    name, address = parseaddr(sender)
    return SMTP_POLICY.header_factory("From", _address(address, name))


def mail_domain(mail_from: str) -> str:
    """The right side of new Message-IDs: that of the workspace's address."""
    return parseaddr(mail_from)[1].rpartition("@")[2] or "merganser.invalid"


def _id_of(given: str) -> str:
    """A message's id as its header can carry it: one word in ASCII (RFC 5322, section 3.6.4)."""
    return "".join(given.split()).encode("ascii", "ignore").decode("ascii")


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.strip().rpartition("@")
    if not local or not domain:
        raise ValueError(f"{address!r} is no e-mail address")
    with suppress(UnicodeError):
        domain = domain.encode("idna").decode("ascii")
    return Address(name, local, domain)


def deliver(server: MailServer, letters: Sequence[Letter], *, record: Record | None = None) -> list[Answer]:
    """Hand the letters to the server, over a few connections at once; one bad letter holds up no other.

    Never raises for a letter's or the server's fault: the answers say it. Letters that could not be tried since the
    server cannot be reached are to be tried again.

    Args:
        server: where they go.
        letters: what goes there.
        record: told every answer once, and before its connection takes the next letter: whoever dies has at most
            one letter a connection that the server took and nobody remembers. What it raises ends the delivery.
    """
    return asyncio.run(_deliver(server, letters, Ledger(record)))


async def _deliver(server: MailServer, letters: Sequence[Letter], ledger: Ledger) -> list[Answer]:
    queue: asyncio.Queue[Letter] = asyncio.Queue()
    for letter in letters:
        queue.put_nowait(letter)
    workers = min(server.connections, len(letters))
    await asyncio.gather(*[hand_over_all(server, queue, ledger) for _ in range(workers)])
    # When every connection failed nobody is to blame, and the others wait for the server.
    words = _last_words(ledger.answers)
    await ledger.note(*[Answer(one.id, "retry", words) for one in letters if one.id not in ledger.answers])
    return [ledger.answers[letter.id] for letter in letters]


def _last_words(answers: dict[str, Answer]) -> str:
    failed = [answer.words for answer in answers.values() if answer.outcome in ("retry", "unknown")]
    return f"not tried, since the server failed before: {failed[-1]}" if failed else "not tried"


_PATIENCE = 2
"""Connections in a row that may break under a worker before it leaves the rest for another time."""


async def hand_over_all(server: MailServer, queue: "asyncio.Queue[Letter]", ledger: Ledger) -> None:
    """One connection's work: letter after letter from the queue, until it is empty or the server fails."""
    broken = 0
    while not queue.empty() and broken < _PATIENCE:
        letter = queue.get_nowait()
        try:
            async with _connected(server) as client:
                await ledger.note(await _hand_over(client, letter))
                while client.is_connected and not queue.empty():
                    broken, letter = 0, queue.get_nowait()
                    await ledger.note(await _hand_over(client, letter))
                broken += not client.is_connected
        except (SMTPException, OSError, TimeoutError) as error:
            if letter.id not in ledger.answers:
                await ledger.note(Answer(letter.id, "retry", _words(error)))
            return


@asynccontextmanager
async def _connected(server: MailServer) -> AsyncIterator[SMTP]:
    client = SMTP(
        hostname=server.host, port=server.port, timeout=server.timeout, use_tls=server.use_tls,
        start_tls=server.start_tls, username=server.username, password=server.password,
    )  # fmt: skip
    await client.connect()
    try:
        yield client
    finally:
        with suppress(SMTPException, OSError):
            await client.quit()
        client.close()


async def _hand_over(client: SMTP, letter: Letter) -> Answer:
    """One letter in its three steps, so that it is known in which of them it failed."""
    try:
        message = build_message(letter)
    except (ValueError, IndexError) as error:
        return Answer(letter.id, "refused", str(error)[:500])
    except OSError as error:
        return Answer(letter.id, "refused", f"an attachment cannot be read ({type(error).__name__})")
    options: list[str] = []
    if not _is_ascii(message):
        if not client.supports_extension("smtputf8"):
            return Answer(letter.id, "refused", "the server takes no addresses beyond ASCII (SMTPUTF8)")
        options = ["SMTPUTF8", "BODY=8BITMIME"]
    content = message.as_bytes(policy=SMTP_POLICY.clone(utf8=bool(options)))
    try:
        await client.mail(parseaddr(str(message["From"]))[1], options=options, encoding="utf-8")
        await client.rcpt(_address(letter.recipient).addr_spec, encoding="utf-8")
    except SMTPResponseException as error:
        with suppress(SMTPException):
            await client.rset()
        return Answer(letter.id, "refused" if _is_terminal(error) else "retry", _words(error))
    except (SMTPException, OSError, TimeoutError) as error:
        client.close()
        return Answer(letter.id, "retry", _words(error))
    try:
        said = await client.data(content)
    except SMTPResponseException as error:
        return Answer(letter.id, "refused" if _is_terminal(error) else "retry", _words(error))
    except (SMTPException, OSError, TimeoutError) as error:
        client.close()
        # The data may be with the server, its answer is not with us.
        return Answer(letter.id, "unknown", _words(error))
    return Answer(letter.id, "sent", f"{said.code} {said.message}"[:500])


def _is_ascii(message: EmailMessage) -> bool:
    """Whether every address can be written without SMTPUTF8 (RFC 6531); a name beside it can always be encoded."""
    headers = [str(message[header] or "") for header in ("From", "To", "Cc", "Reply-To")]
    return all(address.isascii() for _, address in getaddresses(headers))


def _is_terminal(error: SMTPResponseException) -> bool:
    """5xx is for good (RFC 5321, section 4.2.1), except that a server that ends its service will be back."""
    return 500 <= error.code < 600 and not isinstance(error, aiosmtplib.SMTPConnectResponseError)


def _words(error: BaseException) -> str:
    if isinstance(error, SMTPResponseException):
        return f"{error.code} {error.message}"[:500]
    return (str(error) or type(error).__name__)[:500]
