"""Raw mail as what it says: who to whom, in which conversation, its words, what came with it, and who sent it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from email.policy import compat32

from crm_core.mail.automatic import Automatic, judge
from crm_core.mail.bodies import Attached, read_bodies
from crm_core.mail.bounces import Bounce, read_bounce
from crm_core.mail.errors import MailUnreadable
from crm_core.mail.headers import Address, Headers, addresses_in, date_of, first, id_of, ids_in, read_headers
from crm_core.mail.quotes import own_words

NO_SUBJECT = "(no subject)"


@dataclass(frozen=True)
class Mail:
    """A message as it is stored.

    Attributes:
        headers: all of them.
        message_id: with its brackets, None when it has none.
        answers: the ids of what it may answer or report on, the nearest first: In-Reply-To, then References from
            their end.
        references: the ids of its conversation, the oldest first.
        subject: one line, never empty.
        sender: who wrote it.
        reply_to: to whom an answer goes, the sender unless it says otherwise.
        to, cc: as written, one line each.
        date: when it says that it was written (UTC).
        text: its words, made from its HTML where it has none in plain text.
        reply_text: the words without what they quote.
        html: its HTML as it came: never to be shown before it is cleaned.
        attachments: what came with it.
        bounce: what it reports, when it is a report on a message of ours.
        automatic: why it counts as sent by a machine, None for a person's.
        notes: what was not as it should be.
    """

    headers: Headers
    message_id: str | None
    answers: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    sender: Address | None
    reply_to: Address | None
    to: str
    cc: str
    date: datetime | None
    text: str
    reply_text: str
    html: str | None
    attachments: tuple[Attached, ...]
    bounce: Bounce | None
    automatic: Automatic | None
    notes: tuple[str, ...]


def read_mail(raw: bytes, *, envelope_from: str | None = None, own: Collection[str] = ()) -> Mail:
    """Take a message apart.

    Args:
        raw: as it came (RFC 5322); line ends may be either.
        envelope_from: the sender of the envelope, empty for none, None when it is not known.
        own: our own addresses, in small letters.

    Raises:
        MailUnreadable: It is empty, has no header, or too many parts within each other.
    """
    message = _taken_apart(raw)
    headers = read_headers(message)
    if not headers:
        raise MailUnreadable("it has no header" if raw.strip() else "it is empty")
    bounce, bodies = read_bounce(message, headers), read_bodies(message)
    references = ids_in(*headers.get("references", ()))
    nearest = ids_in(first(headers, "in-reply-to"))
    sender = next(iter(addresses_in(first(headers, "from"), first(headers, "sender"))), None)
    return Mail(
        headers=headers,
        message_id=id_of(first(headers, "message-id")),
        answers=tuple(
            dict.fromkeys([*(bounce.message_ids if bounce else ()), *nearest, *reversed(references)])
        ),
        references=references or nearest,
        subject=first(headers, "subject") or NO_SUBJECT,
        sender=sender,
        reply_to=next(iter(addresses_in(first(headers, "reply-to"))), sender),
        to=", ".join(headers.get("to", ())),
        cc=", ".join(headers.get("cc", ())),
        date=date_of(first(headers, "date")),
        text=bodies.text,
        reply_text=own_words(bodies.text),
        html=bodies.html,
        attachments=bodies.attachments,
        bounce=bounce,
        automatic=judge(headers, envelope_from=envelope_from, is_bounce=bounce is not None, own=own),
        notes=bodies.notes,
    )


def _taken_apart(raw: bytes) -> Message:
    # A mailbox file's own first line is no header.
    content = raw.partition(b"\n")[2] if raw.startswith(b"From ") else raw
    try:
        message: Message = message_from_bytes(content, policy=compat32)
    except RecursionError as error:
        raise MailUnreadable("its parts lie too deep within each other") from error
    return message
