"""The headers of a message: unfolded, decoded, and safe to store, however broken they are."""

import base64
import binascii
import quopri
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email import utils
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime, quote

from crm_core.mail.charsets import clean, to_text
from crm_core.media import unturned

Headers = Mapping[str, tuple[str, ...]]
"""Name in small letters → its values in their order, each one line."""

LONGEST_ID = 998
MOST_REFERENCES = 200

_WORD = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(r"(\?=)\s+(?==\?[^?\s]{1,60}\?[bBqQ]\?)")
_ID = re.compile(r"<([^<>\s]{1,990})>")
# Newer interpreters give nothing at all for a list with one odd address, unless they are told otherwise.
_LENIENT = {"strict": False} if hasattr(utils, "supports_strict_parsing") else {}
_ADDRESSED = frozenset({"from", "sender", "reply-to", "to", "cc", "bcc"})
_SPECIAL = re.compile(r'[()<>\[\]:;@\\,"]')
"""What has a meaning between addresses, and in a name stands within quotation marks only (RFC 5322, 3.2.3)."""
_OLDEST = datetime(1971, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Address:
    """A name, which may be empty, and an e-mail address as it was written."""

    name: str
    address: str

    @property
    def key(self) -> str:
        """The address as it is compared."""
        return self.address.lower()

    def __str__(self) -> str:
        return f"{_phrase(self.name)} <{self.address}>" if self.name else self.address


def read_headers(message: Message) -> Headers:
    """All headers of a message or a part."""
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        slug = name.strip().lower()
        found.setdefault(slug, []).append(decode_words(str(value), named=slug in _ADDRESSED))
    return {name: tuple(values) for name, values in found.items()}


def decode_words(value: str, *, named: bool = False) -> str:
    """A header as one line of text: unfolded, its encoded words (RFC 2047) decoded, raw bytes read as they look.

    Args:
        value: the header as it came.
        named: whether its words are names beside addresses. Those stay names, whatever they say: an encoded `Smith,
            John` or `a@bank.example,` comes within quotation marks, and is no address of its own.
    """
    raw = " ".join(value.split())
    if not raw.isascii():
        raw = to_text(raw.encode("utf-8", "surrogateescape"), None)[0]
    if "=?" in raw:
        raw = _joined(_BETWEEN.sub(r"\1", raw), named=named)
    return " ".join(unturned(clean(raw)).split())


def _joined(raw: str, *, named: bool) -> str:
    """Encoded words replaced; neighbours of one charset are decoded together, for characters are split between them."""
    parts: list[tuple[str, bytes | str]] = []
    place = 0
    for word in _WORD.finditer(raw):
        if word.start() > place:
            parts.append(("", raw[place : word.start()]))
        place = word.end()
        charset = word[1].partition("*")[0].lower()
        content = _content(word[2].lower(), word[3])
        if content is None:
            parts.append(("", word[0]))
        elif parts and parts[-1][0] == charset and isinstance(parts[-1][1], bytes):
            parts[-1] = (charset, parts[-1][1] + content)
        else:
            parts.append((charset, content))
    parts.append(("", raw[place:]))
    line = ""
    for charset, one in parts:
        text = one if isinstance(one, str) else to_text(one, charset)[0]
        line += text if isinstance(one, str) or not named else _phrase(text, within=_is_open(line))
    return line


def _phrase(text: str, *, within: bool = False) -> str:
    """A name as it stands beside an address; `within` quotation marks already, only these are escaped."""
    if within:
        return quote(text)
    return f'"{quote(text)}"' if _SPECIAL.search(text) else text


def _is_open(line: str) -> bool:
    """Whether a quotation mark is still to be closed at the end of a line."""
    return len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2 == 1


def _content(way: str, text: str) -> bytes | None:
    given = text.encode("utf-8", "replace")
    if way == "q":
        return quopri.decodestring(given, header=True)
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", given)
    try:
        return base64.b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")
    except binascii.Error:
        return None


def first(headers: Headers, name: str) -> str:
    """The first value of a header, empty when there is none."""
    return headers.get(name, ("",))[0]


def ids_in(*values: str) -> tuple[str, ...]:
    """The Message-IDs in headers, with their brackets, each once."""
    found = [f"<{one}>" for value in values for one in _ID.findall(value)]
    return tuple(dict.fromkeys(found))[-MOST_REFERENCES:]


def id_of(value: str) -> str | None:
    """The id of a message; one without brackets, or with spaces in them, is taken as it is."""
    found = ids_in(value)
    if found:
        return found[0]
    bare = "".join(value.split()).strip("<>")[: LONGEST_ID - 2]
    return f"<{bare}>" if bare else None


def addresses_in(*values: str) -> tuple[Address, ...]:
    """The addresses in headers; what is none of them is left out."""
    found = []
    for name, address in getaddresses([one for one in values if one], **_LENIENT):
        plain = address.strip().strip("<>").replace(" ", "")
        if plain.rpartition("@")[0] and plain.rpartition("@")[2]:
            found.append(Address(" ".join(name.split()), plain))
    return tuple(found)


def date_of(value: str) -> datetime | None:
    """The instant (UTC) of a Date header; None when it is none, or one that cannot be."""
    try:
        found = parsedate_to_datetime(value)
        instant = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, IndexError, OverflowError, AttributeError):
        return None
    return instant if instant >= _OLDEST else None
