"""The parts of a message: which of them are its words, and which go with it."""

import html as markup
import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message

from crm_core.mail.charsets import clean, to_text
from crm_core.mail.errors import MailUnreadable
from crm_core.mail.headers import decode_words, first, read_headers
from crm_core.mail.plain import html_to_text

MOST_PARTS = 1000
DEEPEST = 40
MOST_ATTACHED = 100
LONGEST_TEXT = 100_000
LONGEST_HTML = 1_000_000
LONGEST_NAME = 200

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,99}")


@dataclass(frozen=True)
class Attached:
    """A file that came with a message; `content_id` (without brackets) is how its HTML refers to it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    content_id: str | None = None


@dataclass(frozen=True)
class Bodies:
    """The words of a message and what came with it; `notes` say what was not as it should be."""

    text: str
    html: str | None
    attachments: tuple[Attached, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Words:
    """What a part says, as text and as HTML; either may be missing."""

    text: str | None = None
    html: str | None = None

    @property
    def plain(self) -> str:
        return self.text if self.text is not None else html_to_text(self.html or "")

    @property
    def marked(self) -> str:
        if self.html is not None:
            return self.html
        return f'<div style="white-space:pre-wrap">{markup.escape(self.text or "")}</div>'


class _Walk:
    def __init__(self) -> None:
        self.parts = 0
        self.attached: list[Attached] = []
        self.notes: list[str] = []

    def words_of(self, part: Message, depth: int = 0) -> _Words:
        self.parts += 1
        if self.parts > MOST_PARTS or depth > DEEPEST:
            raise MailUnreadable(
                f"it has more than {MOST_PARTS} parts, or more than {DEEPEST} within each other"
            )
        payload = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(payload, list):
            children = [one for one in payload if isinstance(one, Message)]
            return self._joined(part, [self.words_of(one, depth + 1) for one in children])
        if isinstance(payload, list):
            self._attach(part, _enclosed(payload))
            return _Words()
        return self._leaf(part)

    def _joined(self, part: Message, words: Sequence[_Words]) -> _Words:
        given = [one for one in words if one.text is not None or one.html is not None]
        if not given:
            return _Words()
        if part.get_content_subtype() == "alternative":
            text = next((one.text for one in given if one.text is not None and one.text.strip()), None)
            marked = [one.html for one in given if one.html is not None]
            return _Words(text, marked[-1] if marked else None)
        if len(given) == 1:
            return given[0]
        text = "\n\n".join(one.plain.strip("\n") for one in given)
        return _Words(
            text, "\n".join(one.marked for one in given) if any(one.html for one in given) else None
        )

    def _leaf(self, part: Message) -> _Words:
        kind = part.get_content_type()
        # Of a container without its parts, the words that stand in it.
        broken = part.get_content_maintype() == "multipart"
        content = _bytes_of(part)
        named = _name_of(part)
        aside = part.get_content_disposition() == "attachment" or named is not None
        if broken or (kind in ("text/plain", "text/html") and not aside):
            text, as_said = to_text(content, _charset_of(part))
            if not as_said:
                self.notes.append(f"a part of {kind} was not in the charset it names")
            return _Words(html=text) if kind == "text/html" else _Words(text)
        if content or named:
            self._attach(part, content)
        return _Words()

    def _attach(self, part: Message, content: bytes) -> None:
        if len(self.attached) >= MOST_ATTACHED:
            self.notes.append(f"only the first {MOST_ATTACHED} attachments were taken")
            return
        kind = part.get_content_type().lower()
        media_type = kind if _MEDIA_TYPE.fullmatch(kind) else "application/octet-stream"
        name = _name_of(part) or _made_up(part, media_type, len(self.attached) + 1)
        content_id = first(read_headers(part), "content-id").strip("<> ")[:LONGEST_NAME] or None
        self.attached.append(Attached(name, media_type, content, content_id))


def read_bodies(message: Message) -> Bodies:
    """The words of a message, what came with it, and what was not as it should be.

    Raises:
        MailUnreadable: It has too many parts.
    """
    walk = _Walk()
    words = walk.words_of(message)
    text, html = words.plain.strip("\n"), words.html
    if len(text) > LONGEST_TEXT:
        walk.notes.append(f"the text was cut after {LONGEST_TEXT:,} characters")
        text = text[:LONGEST_TEXT]
    if html is not None and len(html) > LONGEST_HTML:
        walk.notes.append(f"the HTML was cut after {LONGEST_HTML:,} characters")
        html = html[:LONGEST_HTML]
    return Bodies(text.rstrip(), html, tuple(walk.attached), tuple(dict.fromkeys(walk.notes)))


def _bytes_of(part: Message) -> bytes:
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        content = None
    if isinstance(content, bytes):
        return content
    return str(part.get_payload()).encode("utf-8", "surrogateescape")


def _enclosed(payload: Sequence[object]) -> bytes:
    """A message within a message, or the lines of a report, as they came."""
    found = []
    for one in payload:
        try:
            found.append(one.as_bytes() if isinstance(one, Message) else str(one).encode("utf-8", "replace"))
        except (ValueError, LookupError, TypeError, AttributeError):
            # It cannot be written as it was read; the whole message is kept beside it.
            found.append(str(one).encode("utf-8", "replace"))
    return b"\n".join(found)


def _charset_of(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, TypeError):
        return None


def _name_of(part: Message) -> str | None:
    try:
        given = _described(part).get_filename()
    except (ValueError, LookupError, TypeError):
        return None
    name = re.split(r"[/\\]", decode_words(given or ""))[-1]
    name = re.sub(r"[\x00-\x1f\x7f<>:\"|?*]+", "_", clean(name)).strip(" .")
    return name[-LONGEST_NAME:] or None


def _described(part: Message) -> Message:
    """What a part says of itself; bytes that should have been encoded are read as they look."""
    told = Message()
    for name, value in part.raw_items():
        if name.lower() in ("content-disposition", "content-type"):
            raw = str(value)
            told[name] = raw if raw.isascii() else to_text(raw.encode("utf-8", "surrogateescape"), None)[0]
    return told


def _made_up(part: Message, media_type: str, number: int) -> str:
    if media_type == "message/rfc822":
        payload = part.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        subject = first(read_headers(inner), "subject") if isinstance(inner, Message) else ""
        words = re.sub(r"[^\w .,()-]+", "_", subject).strip(" .")[:100]
        return f"{words or 'message'}.eml"
    ending = {"message/delivery-status": ".txt", "text/rfc822-headers": ".txt"}.get(media_type)
    return f"attachment-{number}{ending or mimetypes.guess_extension(media_type) or '.bin'}"
