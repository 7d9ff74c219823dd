"""Reports of mail that did not arrive (RFC 3464): which message, for whom, and whether for good."""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message

from crm_core.mail.headers import Headers, addresses_in, first, id_of, ids_in, read_headers

_DEEPEST = 6


@dataclass(frozen=True)
class Refused:
    """What a report says of one recipient: what was done, the code (RFC 3463), and the words of the server."""

    address: str
    action: str
    status: str
    words: str

    @property
    def failed(self) -> bool:
        """Whether the message did not arrive, and will not."""
        return self.action == "failed"

    @property
    def for_good(self) -> bool:
        """Whether the address itself is of no use: it, its domain or its mailbox is not there.

        A full mailbox, a message that was too large or was taken for spam say nothing of the address.
        """
        return (self.failed and self.status.startswith(("5.1.", "5.0.", "5.2.1", "5.4.4"))) or (
            self.failed and not self.status
        )


@dataclass(frozen=True)
class Bounce:
    """A report on a message of ours; `message_ids` are those it may be, the likeliest first."""

    message_ids: tuple[str, ...]
    recipients: tuple[Refused, ...]


def read_bounce(message: Message, headers: Headers) -> Bounce | None:
    """The report that a message is, or None when it is none."""
    status = next(
        (part for part in _parts(message) if part.get_content_type() == "message/delivery-status"), None
    )
    if status is None:
        return None
    found = [one for block in _blocks(status) if (one := _recipient(read_headers(block))) is not None]
    original = list(_original(message))
    more = ids_in(first(headers, "in-reply-to"), first(headers, "references"))
    return Bounce(tuple(dict.fromkeys(original or reversed(more))), tuple(found))


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    yield message
    payload = message.get_payload()
    if depth < _DEEPEST and isinstance(payload, list):
        for part in payload:
            # What a report encloses is the message it speaks of, not another report.
            if isinstance(part, Message) and message.get_content_type() != "message/rfc822":
                yield from _parts(part, depth + 1)


def _blocks(status: Message) -> list[Message]:
    """The groups of fields of a report: the first is on the message, each other on a recipient."""
    payload = status.get_payload()
    if isinstance(payload, list):
        return [one for one in payload if isinstance(one, Message)]
    content = status.get_payload(decode=True)
    text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(payload)
    return [message_from_string(one) for one in text.replace("\r\n", "\n").split("\n\n") if one.strip()]


def _recipient(fields: Headers) -> Refused | None:
    typed = first(fields, "original-recipient") or first(fields, "final-recipient")
    final = first(fields, "final-recipient") or typed
    if not typed:
        return None
    given = next((one for one in map(_address, (typed, final)) if one), "")
    action = first(fields, "action").lower().split(" ")[0]
    code = first(fields, "status").split(" ")[0]
    return Refused(given, action, code, first(fields, "diagnostic-code")[:500])


def _address(typed: str) -> str:
    kind, _, address = typed.rpartition(";")
    found = addresses_in(address.strip())
    return found[0].key if found and kind.strip().lower() in ("", "rfc822", "utf-8") else ""


def _original(message: Message) -> Iterator[str]:
    for part in _parts(message):
        payload = part.get_payload()
        inner: Message | None = None
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
            inner = payload[0] if isinstance(payload[0], Message) else None
        elif part.get_content_type() in ("text/rfc822-headers", "message/rfc822-headers"):
            content = part.get_payload(decode=True)
            text = content.decode("utf-8", "replace") if isinstance(content, bytes) else str(payload)
            inner = message_from_string(text)
        if inner is not None and (found := id_of(first(read_headers(inner), "message-id"))):
            yield found
