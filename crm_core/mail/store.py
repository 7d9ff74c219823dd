"""Storing mail: the message, what came with it, the inquiry that it begins, and where it came from, in one commit."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.customers_by_address import find_customers
from crm_core.errors import CrmError
from crm_core.intake_forms import intake_module
from crm_core.logs import log_failure
from crm_core.mail.arrivals import DOOR, Arrival, Letter, change_of, prepare
from crm_core.mail.parse import Mail
from crm_core.mail.records import (
    FILES,
    Placed,
    file_values,
    inquiry_values,
    message_values,
    place,
    unanswerable,
)
from crm_core.mail.reports import note_bounces
from crm_core.mail.threads import MESSAGES, Known, find_messages
from crm_core.mail.waking import wake
from crm_core.model import Catalog
from crm_core.records.create import Creation, create_each_in
from crm_core.records.writer import Writer
from lake import Lake, Transaction, new_id, table
from lake.errors import LakeError, StorageFullError, TransientError

MAIL_IN = table("ops", "mail_in")
AGAIN = timedelta(days=2)
"""The same bytes for the same recipients within this time are one message that was handed over twice."""

_ACTOR = Actor(DOOR, "admin", name="Mail")


@dataclass(frozen=True)
class Taken:
    """What became of a message: stored, dead (with the reason), or ignored (it had come before)."""

    id: str
    state: str
    reason: str | None = None
    communication_id: str | None = None
    module: str | None = None
    record_id: str | None = None
    snapshot: int = 0


Also = Callable[[Transaction], None]
"""What else belongs to the same commit."""


def store(lake: Lake, arrival: Arrival, *, files: Path, own: Collection[str] = ()) -> Taken:
    """Take in one message, in a transaction shared with whoever brings one at the same moment; durable on return.

    What cannot be read, or breaks a rule of the workspace, is kept as a dead letter.

    Raises:
        LakeLockedError: The writer lock was not free in time; nothing was kept.
        OSError: The bytes could not be kept.
    """
    letter = prepare(lake, arrival, files=files, own=own)
    return store_letter(lake, letter)


def store_letter(lake: Lake, letter: Letter) -> Taken:
    """As `store`, for a message that is prepared."""
    try:
        taken = lake.group.submit(write_letters, letter)
    except (TransientError, StorageFullError):
        raise
    except (CrmError, LakeError) as error:
        log_failure("mail cannot be stored", error, sha256=letter.sha256)
        taken = lake.group.submit(write_letters, letter.dead(f"it cannot be stored ({str(error)[:500]})"))
    definitions.note_commit(lake, taken.snapshot)
    people.note_commit(lake, taken.snapshot)
    return taken


def store_all(
    lake: Lake,
    arrivals: Sequence[Arrival],
    *,
    files: Path,
    own: Collection[str] = (),
    also: Also | None = None,
) -> list[Taken]:
    """Take in messages in their order, in one commit; if one of them cannot be stored, it is a dead letter.

    Args:
        lake: the lake.
        arrivals: the messages.
        files: the folder of uploaded files.
        own: our own addresses, in small letters.
        also: what else belongs to the commit.
    """
    if not arrivals:
        return []
    change = change_of(arrivals[0])
    letters = [prepare(lake, one, files=files, own=own, change=change) for one in arrivals]

    def work(tx: Transaction, given: Sequence[Letter]) -> list[Taken]:
        taken = write_letters(tx, given)
        if also is not None:
            also(tx)
        return taken

    for _ in range(len(letters) + 1):
        try:
            done = lake.commit(lambda tx: work(tx, letters), change, light=len(letters) < 20)
        except _Unfit as error:
            log_failure("mail cannot be stored", error.cause, sha256=letters[error.place].sha256)
            letters[error.place] = letters[error.place].dead(
                f"it cannot be stored ({str(error.cause)[:500]})"
            )
            continue
        definitions.note_commit(lake, done.snapshot)
        people.note_commit(lake, done.snapshot)
        return done.value
    raise AssertionError("each round makes one more of them a dead letter")


class _Unfit(CrmError):
    """One message of a set breaks a rule; nothing of the set was written."""

    def __init__(self, place: int, cause: CrmError) -> None:
        self.place, self.cause = place, cause
        super().__init__(str(cause))


def write_letters(tx: Transaction, given: Sequence[Letter]) -> list[Taken]:
    """The handler of the shared transaction: sets of messages, files and inquiries.

    Raises:
        CrmError: One of them breaks a rule of the workspace; it is tried alone then.
    """
    lake = given[0].lake
    catalog = definitions.read_catalog_in(tx, lake)
    taken = _known(tx, given)
    writer = Writer(catalog, people.read_directory_in(tx, lake), _ACTOR, DOOR, trusted=True)
    fresh = [one for one in given if one.id not in taken]
    if MESSAGES not in catalog.modules:
        fresh = [one.dead("this workspace keeps no messages") for one in fresh]
    open_ = [(one, one.mail) for one in fresh if one.mail is not None]
    placed = _places(tx, lake, catalog, open_)
    if open_:
        _write_records(tx, writer, open_, placed, [one.id for one in given])
        # A machine wakes nobody, nor does a report on mail that did not arrive.
        answers = [placed[one.id] for one, mail in open_ if mail.automatic is None and mail.bounce is None]
        wake(tx, writer, [(one.module, one.record) for one in answers if one.module and one.record])
        note_bounces(tx, lake, writer, [mail.bounce for _, mail in open_ if mail.bounce is not None])
    for one in fresh:
        where = placed.get(one.id)
        taken[one.id] = Taken(
            one.id, "stored" if where else "dead", one.problem, one.communication_id if where else None,
            where.module if where else None, where.record if where else None, tx.snapshot,
        )  # fmt: skip
    _write_arrivals(tx, given, taken)
    return [taken[one.id] for one in given]


def _known(tx: Transaction, given: Sequence[Letter]) -> dict[str, Taken]:
    """Those that came before: the same place in a mailbox, or the same bytes for the same recipients."""
    rows = [
        (one.id, one.arrival.via, one.arrival.mailbox, one.arrival.uidvalidity, one.arrival.uid, one.sha256,
         list(one.arrival.envelope_to), one.arrival.received_at - AGAIN if one.arrival.via == "smtp" else None)
        for one in given if not one.again
    ]  # fmt: skip
    if not rows:
        return {}
    schema: dict[str, Any] = {
        "id": pl.String, "via": pl.String, "mailbox": pl.String, "uidvalidity": pl.Int64, "uid": pl.Int64,
        "sha256": pl.String, "envelope_to": pl.List(pl.String), "since": pl.Datetime("us", "UTC"),
    }  # fmt: skip
    tx.register("mail_given", pl.DataFrame(rows, schema=schema, orient="row"))
    found = tx.read(
        "SELECT g.id, CAST(any_value(m.communication_id) AS VARCHAR) AS communication, any_value(m.module) AS module, "
        "CAST(any_value(m.record_id) AS VARCHAR) AS record, min(m.received_at) AS came "
        f"FROM mail_given g JOIN {MAIL_IN} m ON m.via = g.via AND ("
        "(m.mailbox = g.mailbox AND m.uidvalidity = g.uidvalidity AND m.uid = g.uid) OR "
        "(m.sha256 = g.sha256 AND m.mailbox IS NOT DISTINCT FROM g.mailbox "
        "AND m.envelope_to IS NOT DISTINCT FROM g.envelope_to AND (g.since IS NULL OR m.received_at > g.since))) "
        "WHERE m.state <> 'ignored' GROUP BY g.id"
    )
    return {row["id"]: _ignored(row, tx.snapshot) for row in found.to_dicts()}


def _ignored(row: Mapping[str, Any], snapshot: int) -> Taken:
    reason = f"it had come before, at {row['came']:%Y-%m-%d %H:%M} UTC"
    return Taken(row["id"], "ignored", reason, row["communication"], row["module"], row["record"], snapshot)


def _places(
    tx: Transaction, lake: Lake, catalog: Catalog, open_: Sequence[tuple[Letter, Mail]]
) -> dict[str, Placed]:
    """Where each belongs; one may answer another of the same set."""
    asked = [one for _, mail in open_ for one in mail.answers]
    known: dict[str, Known] = dict(find_messages(tx, lake, catalog, ids=asked)) if asked else {}
    addresses = {one.key for _, mail in open_ for one in (mail.sender, mail.reply_to) if one is not None}
    customers = find_customers(tx, lake, catalog, emails=addresses) if addresses else {}
    intake, placed = intake_module(catalog), {}
    for letter, mail in open_:
        senders = (one.key for one in (mail.sender, mail.reply_to) if one is not None)
        customer = next((customers[one] for one in senders if one in customers), None)
        found = place(letter, mail, known=known, customer=customer, intake=intake)
        placed[letter.id] = found
        here = Known(letter.communication_id, found.thread, found.customer, found.module, found.record)
        for name in (mail.message_id, found.thread):
            if name is not None:
                known.setdefault(name, here)
    return placed


def _write_records(
    tx: Transaction,
    writer: Writer,
    open_: Sequence[tuple[Letter, Mail]],
    placed: Mapping[str, Placed],
    order: Sequence[str],
) -> None:
    catalog, intake = writer.catalog, intake_module(writer.catalog)
    new = [(letter, mail) for letter, mail in open_ if placed[letter.id].begins]
    if intake is not None and new:
        inquiries = [
            _creation(
                one,
                intake.slug,
                [inquiry_values(catalog, intake, one, mail, placed[one.id])],
                [one.inquiry_id],
            )
            for one, mail in new
        ]
        _create(tx, writer, inquiries, [one.id for one, _ in new], order)
    files = _write_files(tx, writer, [one for one, _ in open_], placed, order)
    messages = [
        _creation(
            one, MESSAGES, [message_values(catalog, one, mail, placed[one.id], files.get(one.id, ()))],
            [one.communication_id],
        )
        for one, mail in open_
    ]  # fmt: skip
    _create(tx, writer, messages, [one.id for one, _ in open_], order)


def _write_files(
    tx: Transaction,
    writer: Writer,
    letters: Sequence[Letter],
    placed: Mapping[str, Placed],
    order: Sequence[str],
) -> dict[str, tuple[str, ...]]:
    """Letter → the ids of the records of what came with it."""
    having = [one for one in letters if one.files]
    if FILES not in writer.catalog.modules or not having:
        return {}
    ids = {one.id: tuple(new_id() for _ in one.files) for one in having}
    rows = [
        _creation(one, FILES, file_values(writer.catalog, one, placed[one.id]), ids[one.id]) for one in having
    ]
    _create(tx, writer, rows, [one.id for one in having], order)
    return ids


def _creation(one: Letter, module: str, rows: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> Creation:
    return Creation(one.lake, module, tuple(rows), _ACTOR, DOOR, True, one.change, tuple(ids))


def _create(
    tx: Transaction, writer: Writer, wanted: Sequence[Creation], letters: Sequence[str], order: Sequence[str]
) -> None:
    for letter, error in zip(letters, create_each_in(tx, writer, wanted), strict=True):
        if error is not None:
            # Part of it may be written already: all of the set goes back, and it alone is set aside.
            raise _Unfit(order.index(letter), error)


def _write_arrivals(tx: Transaction, given: Sequence[Letter], taken: Mapping[str, Taken]) -> None:
    again = [one.id for one in given if one.again]
    if again:
        tx.execute(
            f"DELETE FROM {MAIL_IN} WHERE CAST(id AS VARCHAR) IN (SELECT unnest($ids))", {"ids": again}
        )
    rows = [
        {
            "id": one.id, "via": one.arrival.via, "mailbox": one.arrival.mailbox, "uid": one.arrival.uid,
            "uidvalidity": one.arrival.uidvalidity, "sha256": one.sha256, "size": one.size,
            "envelope_from": one.arrival.envelope_from, "envelope_to": list(one.arrival.envelope_to),
            "received_at": one.arrival.received_at, "state": taken[one.id].state, "reason": taken[one.id].reason,
            "sender": one.sender, "subject": one.mail.subject[:500] if one.mail else None,
            "unanswerable": unanswerable(one, one.mail) if one.mail else None,
            "communication_id": taken[one.id].communication_id, "module": taken[one.id].module,
            "record_id": taken[one.id].record_id, "change_id": one.change.id,
        }
        for one in given
    ]  # fmt: skip
    tx.register("mail_arrived", pl.DataFrame(rows, schema=_COLUMNS, orient="row"))
    tx.execute(f"INSERT INTO {MAIL_IN} BY NAME SELECT * FROM mail_arrived")


_COLUMNS: dict[str, Any] = {
    "id": pl.String, "via": pl.String, "mailbox": pl.String, "uid": pl.Int64, "uidvalidity": pl.Int64,
    "sha256": pl.String, "size": pl.Int64, "envelope_from": pl.String, "envelope_to": pl.List(pl.String),
    "received_at": pl.Datetime("us", "UTC"), "state": pl.String, "reason": pl.String, "sender": pl.String,
    "subject": pl.String, "unanswerable": pl.String, "communication_id": pl.String, "module": pl.String,
    "record_id": pl.String, "change_id": pl.String,
}  # fmt: skip
