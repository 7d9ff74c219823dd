"""What a person wants to send, and whether it can be sent."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.errors import Problem, ValuesInvalid
from crm_core.model import Catalog, Leaf
from crm_core.query import read_page
from flows.actions.messages import PURPOSE
from flows.actions.send_email import ADDRESS, COMMUNICATIONS
from flows.outgoing import FILES, MOST_ATTACHED
from lake import Lake

MOST_ADDRESSES = 50
MOST_FILES = 20
_FILE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PIECE = re.compile(r'(?:"(?:\\.|[^"\\])*"|<[^<>]*>|\([^()]*\)|[^,;])+')
"""What stands between two commas or semicolons; a name in quotation marks may have some itself."""
_NAMED = re.compile(r'(?:"(?:\\.|[^"\\])*"|[^"<>])*<([^<>]*)>')
_COMMENT, _GROUP = re.compile(r"\([^()]*\)(?=[^\"]*$)"), re.compile(r"^[^@:\"<>]*:\s*")
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")


@dataclass(frozen=True)
class Draft:
    """A mail as a person writes it.

    Attributes:
        to: addresses without names.
        subject: one line.
        text: the words.
        cc: addresses that everybody sees.
        bcc: addresses that nobody sees.
        html: the same words with markup, if any.
        files: ids of files that go along.
        answers: the id of the message that is answered; the conversation, the customer and what it is about follow it.
        customer: the id of a customer.
        about: module and id of what it is about.
        purpose: the basis on which it is sent.
        at: the aware instant before which it does not leave.
    """

    to: tuple[str, ...]
    subject: str
    text: str
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    html: str | None = None
    files: tuple[str, ...] = ()
    answers: str | None = None
    customer: str | None = None
    about: tuple[str, str] | None = None
    purpose: str = "service"
    at: datetime | None = None

    @property
    def everybody(self) -> tuple[str, ...]:
        """Every address once, however it is written."""
        found: dict[str, str] = {}
        for address in (*self.to, *self.cc, *self.bcc):
            found.setdefault(address.lower(), address)
        return tuple(found.values())


def read_addresses(given: str) -> tuple[str, ...]:
    """The addresses of a line such as `Anna <anna@x.example>, bob@y.example`, without the names.

    What cannot be an address stays as it was written, for `check_draft` to say so.
    """
    if _UNSAFE.search(given) or not given.strip():
        return (given,) if given.strip() else ()
    pieces = (_one_address(piece) for piece in _PIECE.findall(given))
    return tuple(piece for piece in pieces if piece)


def _one_address(piece: str) -> str:
    """The address of one entry, without its name, comment or group; empty where it names nobody."""
    bare = _COMMENT.sub("", piece).strip()
    named = _NAMED.fullmatch(bare)
    return named[1].strip() if named else _GROUP.sub("", bare)


def check_draft(lake: Lake, catalog: Catalog, draft: Draft, *, actor: Actor) -> None:
    """Refuse what cannot be sent.

    Raises:
        ValuesInvalid: With everything that is wrong.
    """
    found = [*_problems(draft), *_file_problems(lake, catalog, draft.files, actor)]
    if found:
        raise ValuesInvalid(COMMUNICATIONS, found)


def _problems(draft: Draft) -> Iterator[Problem]:
    if not draft.to:
        yield Problem("to", "required", "say to whom it goes, such as anna@company.example")
    for name, addresses in (("to", draft.to), ("cc", draft.cc), ("bcc", draft.bcc)):
        for address in addresses:
            if not re.match(ADDRESS, address) or _UNSAFE.search(address):
                yield Problem(name, "invalid", f"{address[:80]!r} is no address", address[:200])
    if len(draft.everybody) > MOST_ADDRESSES:
        yield Problem(
            "to", "too_many", f"it has {len(draft.everybody)} addresses; {MOST_ADDRESSES} are the most"
        )
    if not draft.subject.strip():
        yield Problem("subject", "required", "give it a subject")
    elif _UNSAFE.search(draft.subject.strip()):
        yield Problem("subject", "invalid", "a subject is one line", draft.subject[:200])
    if not draft.text.strip():
        yield Problem("text", "required", "write something")
    if not re.match(PURPOSE, draft.purpose):
        yield Problem(
            "purpose", "invalid", "a purpose is a word such as service or marketing", draft.purpose[:80]
        )
    if draft.at is not None and draft.at.tzinfo is None:
        yield Problem("at", "invalid", "give the moment with its time zone, such as 2026-11-22T15:00:00Z")


def _file_problems(lake: Lake, catalog: Catalog, files: Sequence[str], actor: Actor) -> Iterator[Problem]:
    if not files:
        return
    if len(files) > MOST_FILES:
        yield Problem("files", "too_many", f"it has {len(files)} files; {MOST_FILES} are the most")
        return
    sizes = _sizes(lake, catalog, files, actor)
    for one in files:
        if one not in sizes:
            yield Problem("files", "unknown", f"there is no file {one} that you may see", one)
    if sum(sizes.values()) > MOST_ATTACHED:
        yield Problem(
            "files", "too_large",
            f"the files have {sum(sizes.values()):,} bytes together; {MOST_ATTACHED:,} are the most",
        )  # fmt: skip


def _sizes(lake: Lake, catalog: Catalog, files: Sequence[str], actor: Actor) -> dict[str, int]:
    """Id → bytes of the files that the actor may see."""
    ids = sorted({one for one in files if _FILE_ID.fullmatch(one)})
    if not ids or FILES not in catalog.modules:
        return {}
    found = read_page(
        lake,
        catalog,
        module=FILES,
        actor=actor,
        condition=Leaf(field="id", op="in", value=ids),
        limit=MOST_FILES,
    )
    return {row["id"]: int(row.get("size") or 0) for row in found.items}
