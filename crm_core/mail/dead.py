"""Dead letters: mail that could not be read or kept, for a person to look at and to have read again."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from mailbox import mbox
from pathlib import Path
from typing import Any

from crm_core.access import Actor
from crm_core.errors import Problem, ValuesInvalid
from crm_core.files import blob_path
from crm_core.mail.arrivals import Arrival, prepare
from crm_core.mail.errors import UnknownLetter
from crm_core.mail.store import MAIL_IN, Taken, store_all, store_letter
from lake import Lake

_BATCH = 200
_COLUMNS = (
    "CAST(id AS VARCHAR) AS id, via, mailbox, uidvalidity, uid, sha256, size, envelope_from, envelope_to, "
    "received_at, reason, sender, subject"
)


@dataclass(frozen=True)
class DeadLetter:
    """A message that could not be read or kept; `sha256` is where its bytes lie, None when they were not fetched."""

    id: str
    via: str
    received_at: datetime
    size: int
    reason: str
    envelope_from: str | None
    mailbox: str | None
    sha256: str | None


@dataclass(frozen=True)
class Imported:
    """What became of messages from files."""

    stored: int
    dead: int
    ignored: int


def list_dead(lake: Lake, *, actor: Actor, limit: int = 100) -> list[DeadLetter]:
    """The dead letters, the newest first.

    Raises:
        Forbidden: The actor is no administrator.
    """
    actor.require_admin("dead letters")
    rows = _dead(lake, None, limit)
    names = DeadLetter.__dataclass_fields__
    return [DeadLetter(**{name: row[name] for name in names}) for row in rows]


def retry(
    lake: Lake, *, actor: Actor, files: Path, ids: Sequence[str] | None = None, own: Collection[str] = ()
) -> list[Taken]:
    """Read dead letters again: those named, or all whose bytes are there; what came of each.

    Args:
        lake: the lake.
        actor: an administrator.
        files: the folder of uploaded files.
        ids: which ones.
        own: our own addresses, in small letters.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownLetter: One that is named is not there, or its bytes are not.
    """
    actor.require_admin("dead letters")
    rows = {row["id"]: row for row in _dead(lake, ids, None)}
    kept = {
        id: row for id, row in rows.items() if row["sha256"] and blob_path(files, row["sha256"]).is_file()
    }
    missing = [one for one in ids or () if one not in kept]
    if missing:
        raise UnknownLetter(missing[0])
    return [_again(lake, row, files, own) for row in kept.values()]


def import_files(
    lake: Lake, paths: Sequence[Path], *, actor: Actor, files: Path, own: Collection[str] = ()
) -> Imported:
    """Take in messages from files: one each (`.eml`), or many (`mbox`); those that came before are passed over.

    Raises:
        Forbidden: The actor is no administrator.
        ValuesInvalid: A file cannot be read; those before it were taken in.
    """
    actor.require_admin("imports of mail")
    states: list[str] = []
    batch: list[Arrival] = []
    for raw in (raw for path in paths for raw in _messages(path)):
        batch.append(Arrival(raw, "import", received_at=datetime.now(UTC)))
        if len(batch) == _BATCH:
            states += [one.state for one in store_all(lake, batch, files=files, own=own)]
            batch = []
    states += [one.state for one in store_all(lake, batch, files=files, own=own)]
    return Imported(states.count("stored"), states.count("dead"), states.count("ignored"))


def _messages(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            begins = file.read(5)
        if begins != b"From " or path.suffix.lower() == ".eml":
            yield path.read_bytes()
            return
        for message in mbox(path, create=False):
            yield message.as_bytes()
    except OSError as error:
        problem = Problem("file", "unreadable", f"{path} cannot be read ({error.strerror})", str(path))
        raise ValuesInvalid("mail", [problem]) from error


def _dead(lake: Lake, ids: Sequence[str] | None, limit: int | None) -> list[dict[str, Any]]:
    wanted = "" if ids is None else " AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))"
    rows = lake.read(
        f"SELECT {_COLUMNS} FROM {MAIL_IN} WHERE state = 'dead'{wanted} ORDER BY received_at DESC, id DESC "
        "LIMIT $limit",
        {"limit": limit or 1_000_000} | ({} if ids is None else {"ids": list(ids)}),
    )
    return rows.to_dicts()


def _again(lake: Lake, row: dict[str, Any], files: Path, own: Collection[str]) -> Taken:
    arrival = Arrival(
        blob_path(files, row["sha256"]).read_bytes(), row["via"], row["envelope_from"],
        tuple(row["envelope_to"] or ()), row["received_at"], row["mailbox"], row["uidvalidity"], row["uid"],
    )  # fmt: skip
    letter = prepare(lake, arrival, files=files, own=own)
    return store_letter(lake, replace(letter, id=row["id"], again=True))
