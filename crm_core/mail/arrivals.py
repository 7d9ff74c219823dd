"""A message on its way in: its bytes safe on disk, taken apart before the writer lock is asked for."""

import io
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from crm_core import media
from crm_core.files import write_blob
from crm_core.logs import log_failure
from crm_core.mail.bodies import Attached
from crm_core.mail.errors import MailUnreadable
from crm_core.mail.parse import Mail, read_mail
from lake import Change, Lake, new_id

DOOR = "mail"


@dataclass(frozen=True)
class Arrival:
    """A message as it came.

    Attributes:
        raw: its bytes; empty where only `problem` says why it was not taken.
        via: smtp, imap, or import.
        envelope_from: empty for the null sender, None where it is not known.
        envelope_to: for whom the envelope was.
        received_at: when it came (UTC).
        mailbox, uidvalidity, uid: where it lies, for IMAP (RFC 9051, section 2.3.1.1).
        problem: why it was not fetched at all.
        size: in bytes, where `raw` is left out.
    """

    raw: bytes = field(repr=False)
    via: str
    envelope_from: str | None = None
    envelope_to: tuple[str, ...] = ()
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    mailbox: str | None = None
    uidvalidity: int | None = None
    uid: int | None = None
    problem: str | None = None
    size: int = 0


@dataclass(frozen=True)
class KeptFile:
    """An attachment whose bytes lie under their digest."""

    name: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Letter:
    """A message on its way into a shared transaction; `again` is the dead letter that it is read anew for."""

    lake: Lake
    arrival: Arrival
    sha256: str | None
    size: int
    mail: Mail | None
    problem: str | None
    files: tuple[KeptFile, ...]
    change: Change
    id: str = field(default_factory=new_id)
    communication_id: str = field(default_factory=new_id)
    inquiry_id: str = field(default_factory=new_id)
    again: bool = False

    @property
    def keys(self) -> frozenset[str]:
        """Two of one mailbox are never written together by different callers."""
        return frozenset((f"mailbox:{self.arrival.mailbox}",)) if self.arrival.mailbox else frozenset()

    @property
    def sender(self) -> str | None:
        """Who wrote it, as addresses are compared."""
        return self.mail.sender.key if self.mail is not None and self.mail.sender is not None else None

    def dead(self, problem: str) -> "Letter":
        """The same message, to be kept for a person only."""
        return replace(self, mail=None, files=(), problem=problem)


def change_of(arrival: Arrival) -> Change:
    """Under which change a message is recorded."""
    return Change(actor=DOOR, door=DOOR, reason=f"mail by {arrival.via}")


def prepare(
    lake: Lake, arrival: Arrival, *, files: Path, own: Collection[str] = (), change: Change | None = None
) -> Letter:
    """Keep the bytes of a message and of what came with it, and take it apart.

    Whatever is wrong with it becomes its `problem`; it is kept all the same.

    Args:
        lake: where it goes.
        arrival: the message.
        files: the folder of uploaded files.
        own: our own addresses, in small letters.
        change: under which change it is recorded, instead of one of its own.

    Raises:
        OSError: Its bytes could not be kept.
    """
    made = change or change_of(arrival)
    if arrival.problem is not None:
        return Letter(lake, arrival, None, arrival.size, None, arrival.problem, (), made)
    digest, size = write_blob(files, io.BytesIO(arrival.raw))
    letter = Letter(lake, arrival, digest, size, None, None, (), made)
    try:
        mail = read_mail(arrival.raw, envelope_from=arrival.envelope_from, own=own)
    except MailUnreadable as error:
        return letter.dead(error.reason)
    except Exception as error:
        # Whatever a stranger writes must not stop the next message; that we could not read it is our fault.
        log_failure("mail cannot be read", error, sha256=digest)
        return letter.dead(f"it cannot be read ({type(error).__name__}: {str(error)[:300]})")
    kept = tuple(
        KeptFile(one.name, _kind_of(one), *write_blob(files, io.BytesIO(one.content)))
        for one in mail.attachments
    )
    return replace(letter, mail=mail, files=kept)


def _kind_of(one: Attached) -> str:
    return media.settled(one.content[: media.HEAD], name=one.name, said=one.media_type)
