"""A mail that is being written, and the draft that is kept of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import uuid4

from crm_core.drafts import Draft

MAIL = "mail:"
"""What the places of mails begin with."""
TYPED = ("to", "cc", "subject", "text")
"""What is typed of a mail."""


@dataclass
class Composing:
    """A mail that is being written: what it began with, and what is kept of it so far.

    `answers` is the message that it answers, `answering` the address of who wrote that, unless we did ourselves;
    `quoted` is what stands of that below what is written. `files` are files of the lake, `came` what was attached
    since: its name and the SHA-256 of its bytes. `known` is said once it was looked for a draft of it.
    """

    to: str = ""
    cc: str = ""
    subject: str = ""
    text: str = ""
    answers: str | None = None
    answering: str = ""
    about: tuple[str, str] | None = None
    customer: str | None = None
    files: tuple[str, ...] = ()
    place: str = f"{MAIL}new"
    quoted: str | None = None
    came: tuple[tuple[str, str], ...] = ()
    box: str = ""
    kept_at: datetime | None = None
    known: bool = False
    token: str = field(default_factory=lambda: uuid4().hex[:8])

    def __post_init__(self) -> None:
        if self.quoted is None:
            self.quoted = self.text

    def key(self, name: str) -> str:
        """The key of a widget of this mail."""
        return f"compose:{self.token}:{name}"

    def without(self, place: int) -> None:
        """Take out one of what is attached, by its place among all of it."""
        known = len(self.files)
        self.files = tuple(one for at, one in enumerate(self.files) if at != place)
        self.came = tuple(one for at, one in enumerate(self.came, known) if at != place)


_PASSING = ("place", "box", "kept_at", "known", "token")
"""What belongs to a page that shows it, and not to the mail."""


def kept(made: Composing, *, record: str) -> Draft:
    """The draft of a mail at a record."""
    content = {name: value for name, value in asdict(made).items() if name not in _PASSING}
    return Draft(record, made.place, content)


def restored(drafts: Sequence[Draft], *, place: str | None = None) -> Composing | None:
    """The newest mail among drafts, or the one of a place; None without one."""
    mails = (one for one in drafts if one.place.startswith(MAIL) and place in (None, one.place))
    draft = next(mails, None)
    if draft is None:
        return None
    # A draft of an older version may have other parts.
    known = {one.name for one in fields(Composing)}
    given: dict[str, Any] = {name: value for name, value in draft.content.items() if name in known}
    about = given.get("about")
    given |= {
        "about": tuple(about) if about else None,
        "files": tuple(given.get("files") or ()),
        "came": tuple((str(name), str(digest)) for name, digest in given.get("came") or ()),
    }
    return Composing(**given, place=draft.place, kept_at=draft.kept_at)
