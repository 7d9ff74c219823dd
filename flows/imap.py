"""Mailboxes that are read by IMAP: each message once, whatever dies in between, and nothing changed there."""

import hashlib
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from imaplib import IMAP4
from urllib.parse import unquote, urlsplit

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from crm_core.mail.arrivals import Arrival
from crm_core.mail.errors import MailboxFailed
from crm_core.mail.store import store_all
from flows.mail_in import MailIn
from lake import Change, Lake, Transaction, table

MAILBOXES = table("ops", "mailboxes")
BATCH = 50
"""Messages of one commit at most."""

BATCH_BYTES = 50_000_000
"""Bytes that are fetched for one commit, unless one message alone has more."""

RANGE = 50_000
"""UIDs that are asked about at once: a server answers in one line, which has a limit."""

TIMEOUT = 60.0

_UID = re.compile(rb"\bUID (\d+)")
_SIZE = re.compile(rb"\bRFC822\.SIZE (\d+)")


@dataclass(frozen=True)
class Mailbox:
    """A mailbox: where it is, and who reads it. `name` tells it from others, without the password."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"

    @classmethod
    def from_url(cls, url: str) -> "Mailbox":
        """Read `imaps://user:password@host:port/Folder`, `imap+starttls://…` or `imap://…`."""
        parts = urlsplit(url)
        port = parts.port or (993 if parts.scheme == "imaps" else 143)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(
            parts.scheme,
            parts.hostname or "",
            port,
            user,
            password,
            unquote(parts.path.strip("/")) or "INBOX",
        )

    @property
    def name(self) -> str:
        """User, host and folder."""
        return f"{self.user}@{self.host}/{self.folder}"

    @property
    def lease(self) -> str:
        """The lease under which one process at a time reads it."""
        return f"mailbox-{hashlib.sha256(self.name.encode()).hexdigest()[:12]}"

    def open(self) -> BaseMailBox:
        """A connection that has signed in, with no folder opened.

        Raises:
            MailboxFailed: The server cannot be reached, or refuses who signs in.
        """
        try:
            if self.scheme == "imap":
                box: BaseMailBox = MailBoxUnencrypted(self.host, self.port, timeout=TIMEOUT)
            elif self.scheme == "imaps":
                context = ssl.create_default_context()
                box = MailBox(self.host, self.port, timeout=TIMEOUT, ssl_context=context)
            else:
                box = MailBoxStartTls(
                    self.host, self.port, timeout=TIMEOUT, ssl_context=ssl.create_default_context()
                )
            return box.login(self.user, self.password, initial_folder=None)
        except Exception as error:
            raise MailboxFailed(self.name, str(error)) from error


def poll(
    lake: Lake,
    mailbox: Mailbox,
    mail_in: MailIn,
    *,
    max_bytes: int = 25_000_000,
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Take in what is new in a mailbox; returns how many messages. Whoever calls it holds the mailbox's lease.

    Messages and how far the mailbox was read are one commit, and those that are known are passed over, so that each
    comes in once, even when two should poll at a time.

    Args:
        lake: the lake.
        mailbox: the mailbox.
        mail_in: how mail is taken in.
        max_bytes: larger messages are dead letters, and stay where they are.
        stopped: asked between the commits.

    Raises:
        MailboxFailed: The server cannot be reached, or does not do as it should; it is noted in `ops.mailboxes`.
    """
    try:
        box = mailbox.open()
        try:
            found = _poll(lake, mailbox, box, mail_in, max_bytes, stopped)
        finally:
            _leave(box)
    except (MailboxFailed, ImapToolsError, IMAP4.error, OSError) as error:
        failed = error if isinstance(error, MailboxFailed) else MailboxFailed(mailbox.name, str(error))
        _note(lake, mailbox, error=failed.reason)
        raise failed from error
    _note(lake, mailbox, error=None)
    return found


def read_place(reader: Lake | Transaction, name: str) -> tuple[int, int]:
    """UIDVALIDITY of a mailbox, and the UID up to which it was read; zeros when it never was."""
    rows = reader.read(
        f"SELECT coalesce(uidvalidity, 0) AS v, last_uid FROM {MAILBOXES} WHERE name = ?", [name]
    ).rows()
    return rows[0] if rows else (0, 0)


def _poll(
    lake: Lake,
    mailbox: Mailbox,
    box: BaseMailBox,
    mail_in: MailIn,
    max_bytes: int,
    stopped: Callable[[], bool],
) -> int:
    status = box.folder.status(mailbox.folder, ["UIDVALIDITY", "UIDNEXT"])
    validity, coming = status["UIDVALIDITY"], status["UIDNEXT"]
    known, last = read_place(lake, mailbox.name)
    last = last if known == validity else 0
    if coming <= last + 1:
        return 0
    box.folder.set(mailbox.folder, readonly=True)
    count = 0
    for uids, until in _chunks(box, last, coming):
        sizes = {uid: int(size) for uid, size in _answers(box, uids, "(UID RFC822.SIZE)")} if uids else {}
        for part, end in _portions(uids, sizes, until):
            if stopped():
                return count
            arrivals = _fetch(box, mailbox.name, validity, part, sizes, max_bytes)
            _take(lake, mailbox.name, validity, end, arrivals, mail_in)
            count += len(arrivals)
    return count


def _chunks(box: BaseMailBox, last: int, coming: int) -> Iterator[tuple[list[int], int]]:
    """The UIDs after `last` in sets, each with the UID up to which everything was looked at then."""
    for begin in range(last + 1, coming, RANGE):
        end = min(begin + RANGE, coming) - 1
        # `n:*` would name the last message even where none is new; both ends are given.
        uids = sorted(int(one) for one in box.uids(f"UID {begin}:{end}"))
        for place in range(0, max(len(uids), 1), BATCH):
            part = uids[place : place + BATCH]
            yield part, end if place + BATCH >= len(uids) else part[-1]


def _portions(uids: Sequence[int], sizes: Mapping[int, int], until: int) -> Iterator[tuple[list[int], int]]:
    """A set in parts that may be in memory at a time."""
    part: list[int] = []
    held = 0
    for uid in uids:
        if part and held + sizes.get(uid, 0) > BATCH_BYTES:
            yield part, part[-1]
            part, held = [], 0
        part.append(uid)
        held += sizes.get(uid, 0)
    yield part, until


def _fetch(
    box: BaseMailBox, name: str, validity: int, uids: Sequence[int], sizes: Mapping[int, int], max_bytes: int
) -> list[Arrival]:
    found: dict[int, Arrival] = {}
    asked = [uid for uid in uids if sizes.get(uid, 0) <= max_bytes]
    for uid in uids:
        if uid not in asked:
            problem = (
                f"it has {sizes[uid]:,} bytes, more than the {max_bytes:,} that are taken; it stays there"
            )
            found[uid] = _arrival(b"", name, validity, uid, problem=problem, size=sizes[uid])
    for uid, raw in _answers(box, asked, "(UID BODY.PEEK[])") if asked else ():
        found[uid] = _arrival(raw, name, validity, uid)
    missing = [uid for uid in uids if uid not in found]
    # What was removed meanwhile is gone; what is there and was not given would be lost for good.
    if missing and box.uids("UID " + ",".join(map(str, missing))):
        raise MailboxFailed(name, f"the server did not give the messages {missing[:5]}")
    return [found[uid] for uid in sorted(found)]


def _arrival(
    raw: bytes, name: str, validity: int, uid: int, *, problem: str | None = None, size: int = 0
) -> Arrival:
    return Arrival(
        raw, "imap", mailbox=name, uidvalidity=validity, uid=uid, problem=problem, size=size or len(raw)
    )


def _answers(box: BaseMailBox, uids: Sequence[int], parts: str) -> Iterator[tuple[int, bytes]]:
    """UID and literal of each message that the server gives; without a literal, its size."""
    kind, given = box.client.uid("FETCH", ",".join(map(str, uids)), parts)
    if kind != "OK":
        raise MailboxFailed("the mailbox", f"the server answered {kind} to FETCH")
    for place, one in enumerate(given):
        after = given[place + 1] if place + 1 < len(given) else b""
        head, literal = one if isinstance(one, tuple) else (one or b"", None)
        # The UID stands before the literal, or after it.
        uid = _UID.search(head) or (
            _UID.search(after) if literal is not None and isinstance(after, bytes) else None
        )
        size = _SIZE.search(head)
        if uid is not None and literal is not None:
            yield int(uid[1]), literal
        elif uid is not None and size is not None:
            yield int(uid[1]), size[1]


def _take(
    lake: Lake, name: str, validity: int, until: int, arrivals: Sequence[Arrival], mail_in: MailIn
) -> None:
    def move(tx: Transaction) -> None:
        known, last = read_place(tx, name)
        if known != validity or last < until:
            _put(tx, name, validity, until, None)

    if arrivals:
        store_all(lake, arrivals, files=mail_in.files, own=mail_in.own, also=move)
    else:
        lake.commit(move, Change(actor="mail", door="mail", reason="a mailbox was read"))


def _put(tx: Transaction, name: str, validity: int | None, last: int, error: str | None) -> None:
    values = {"name": name, "validity": validity, "last": last, "error": error, "now": datetime.now(UTC)}
    changed = tx.execute(
        f"UPDATE {MAILBOXES} SET uidvalidity = $validity, last_uid = $last, error = $error, updated_at = $now "
        "WHERE name = $name",
        values,
    )
    if not changed:
        tx.execute(
            f"INSERT INTO {MAILBOXES} (name, uidvalidity, last_uid, error, updated_at) "
            "VALUES ($name, $validity, $last, $error, $now)",
            values,
        )


def _note(lake: Lake, mailbox: Mailbox, *, error: str | None) -> None:
    """Keep why a mailbox could not be read, or that it could again, when that is news."""
    rows = lake.read(f"SELECT error FROM {MAILBOXES} WHERE name = ?", [mailbox.name])["error"].to_list()
    if (rows[0] if rows else None) == error:
        return

    def work(tx: Transaction) -> None:
        validity, last = read_place(tx, mailbox.name)
        _put(tx, mailbox.name, validity or None, last, error)

    lake.commit(work, Change(actor="mail", door="mail", reason=f"the mailbox {mailbox.name}"))


def _leave(box: BaseMailBox) -> None:
    with suppress(ImapToolsError, IMAP4.error, OSError):
        box.logout()
