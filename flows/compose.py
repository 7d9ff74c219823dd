"""Mail that a person writes: its record, its conversation, and what leaves for each address, in one commit."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

import polars as pl

from crm_core import definitions, people
from crm_core.access import Actor
from crm_core.definitions import read_catalog, read_catalog_in
from crm_core.errors import UnknownModule
from crm_core.model import Catalog
from crm_core.people import read_directory_in
from crm_core.query import read_record
from crm_core.records.create import create_in
from crm_core.records.rows import write_rows
from crm_core.records.writer import Writer
from crm_core.settings import Settings
from flows.actions.send_email import COMMUNICATIONS
from flows.consent import judge
from flows.drafts import Draft, check_draft
from flows.errors import NotConsented, NotReachable
from flows.outbox_tables import OUTBOX
from flows.smtp import mail_domain
from lake import Change, Lake, Transaction, new_id, table

__all__ = ["Draft", "Sent", "conversation_ids", "send", "sender_of"]

MOST_REFERENCES = 20
"""Message-IDs that a message names at most: the first of the conversation, and the newest."""

ANSWERED = ("answered", "waiting")
"""The status that a request comes to when a person answers it: the first of these that its folder has."""

_DUE, _JUDGED = "compose_due", "compose_judged"


@dataclass(frozen=True)
class Sent:
    """A message on its way: its record, its Message-ID, and its rows in the outbox, one an address."""

    id: str
    message_id: str
    thread: str
    outbox_ids: tuple[str, ...]
    snapshot: int


@dataclass(frozen=True)
class _Place:
    """Where a message belongs: to whom, what it is about, and what of a conversation it continues."""

    customer: str | None = None
    about: tuple[str, str] | None = None
    thread: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    asked_by: str | None = None
    """The address of who wrote what is answered; None for an answer to words of our own."""


def send(lake: Lake, draft: Draft, *, actor: Actor, settings: Settings, door: str = "api") -> Sent:
    """Put a message on its way: it leaves with the next delivery, or at the draft's moment.

    What it is about has its first answer now, when it keeps one (`first_answer_at`) and had none, and comes to the
    status `answered` (or `waiting`) where its folder has that.

    Args:
        lake: the lake.
        draft: what is sent, to whom.
        actor: who sends it; his name stands before the workspace's address.
        settings: the workspace's address (`mail_from`).
        door: through which door.

    Raises:
        Forbidden: The actor may only look.
        UnknownModule: The workspace keeps no messages.
        RecordNotFound: The customer, what it is about, or what it answers is not there for the actor.
        ValuesInvalid: With everything that is wrong with the draft; nothing was written.
        NotConsented: An address has said that it wants no such mail.
        NotReachable: Somebody is not to be contacted then, and it answers nothing that he wrote.
    """
    actor.require_change(f"records of {COMMUNICATIONS}")
    catalog = read_catalog(lake)
    if COMMUNICATIONS not in catalog.modules:
        raise UnknownModule(COMMUNICATIONS, sorted(catalog.modules))
    check_draft(lake, catalog, draft, actor=actor)
    place = _place(lake, catalog, draft, actor)
    message_id = f"<{new_id()}@{mail_domain(settings.mail_from)}>"
    values = _values(draft, place, message_id, sender_of(actor, settings.mail_from))

    def work(tx: Transaction) -> tuple[str, tuple[str, ...]]:
        known = read_catalog_in(tx, lake)
        writer = Writer(known, read_directory_in(tx, lake), actor, door)
        consents = _judge(tx, known, draft, place)
        fields = known.columns(COMMUNICATIONS)
        given = {**values, "consent": next(iter(consents.values())) or "none"}
        [made] = create_in(tx, writer, module=COMMUNICATIONS, values=[_known(given, known, fields)])
        rows = _queue(tx, draft, made, message_id, place)
        _note_answer(tx, writer, place.about)
        return made, rows

    done = lake.commit(work, Change(actor=actor.user, door=door, reason="mail"))
    definitions.note_commit(lake, done.snapshot)
    people.note_commit(lake, done.snapshot)
    made, rows = done.value
    return Sent(made, message_id, values["thread"], rows, done.snapshot)


def sender_of(actor: Actor, mail_from: str) -> str:
    """Who a mail says that it is from: the person's name before the workspace's address.

    Answers go to that address, so that they come back into the conversation.
    """
    name, address = parseaddr(mail_from)
    said = "".join(letter for letter in actor.name if letter.isprintable() and letter not in '"<>\\').strip()
    shown = said or name
    return f'"{shown}" <{address}>' if shown else address


def conversation_ids(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The Message-IDs that an answer to a message names, the oldest first (RFC 5322, section 3.6.4)."""
    before = str(message.get("references") or message.get("in_reply_to") or "").split()
    ids = list(dict.fromkeys([*before, *str(message.get("message_id") or "").split()]))
    return tuple(ids if len(ids) <= MOST_REFERENCES else [ids[0], *ids[1 - MOST_REFERENCES :]])


def _place(lake: Lake, catalog: Catalog, draft: Draft, actor: Actor) -> _Place:
    customer, about, found = draft.customer, draft.about, _Place()
    if draft.answers is not None:
        parent = read_record(lake, catalog, module=COMMUNICATIONS, record_id=draft.answers, actor=actor)
        ids = conversation_ids(parent)
        own = parent.get("about")
        if about is None and isinstance(own, Mapping):
            about = (str(own["module"]), str(own["id"]))
        customer = customer or parent.get("customer")
        found = _Place(thread=parent.get("thread") or (ids[0] if ids else None), references=ids,
                       in_reply_to=parent.get("message_id"), asked_by=_writer(parent))  # fmt: skip
    if about is not None:
        record = read_record(lake, catalog, module=about[0], record_id=about[1], actor=actor)
        theirs = catalog.reference(about[0], "customer")
        if theirs is not None and not theirs.polymorphic:
            customer = customer or record.get("customer")
        if about[0] == "customers":
            customer = customer or about[1]
    if customer is not None:
        read_record(lake, catalog, module="customers", record_id=customer, actor=actor)
    return replace(found, customer=customer, about=about)


def _writer(message: Mapping[str, Any]) -> str | None:
    """To whom an answer to a message goes: where its writer said, else to himself."""
    said = str(message.get("reply_to") or message.get("from") or "")
    return parseaddr(said)[1].lower() if message["direction"] == "in" else None


def _values(draft: Draft, place: _Place, message_id: str, sender: str) -> dict[str, Any]:
    return {
        "channel": "email", "direction": "out", "state": "queued", "from": sender, "to": ", ".join(draft.to),
        "cc": ", ".join(draft.cc) or None, "bcc": ", ".join(draft.bcc) or None, "subject": draft.subject.strip(),
        "text": draft.text, "html": draft.html, "files": list(draft.files), "message_id": message_id,
        "in_reply_to": place.in_reply_to, "references": " ".join(place.references) or None,
        "thread": place.thread or message_id, "purpose": draft.purpose, "occurred_at": draft.at or datetime.now(UTC),
        "customer": place.customer,
        "about": None if place.about is None else {"module": place.about[0], "id": place.about[1]},
    }  # fmt: skip


def _known(values: Mapping[str, Any], catalog: Catalog, columns: Mapping[str, str]) -> dict[str, Any]:
    """The values that the workspace's messages have a place for."""
    found = {name: value for name, value in values.items() if name in columns and value not in (None, [])}
    about = catalog.reference(COMMUNICATIONS, "about")
    if "about" in found and (about is None or found["about"]["module"] not in about.targets):
        del found["about"]
    elif "about" in found and about is not None and not about.polymorphic:
        found["about"] = found["about"]["id"]
    return found


def _judge(tx: Transaction, catalog: Catalog, draft: Draft, place: _Place) -> dict[str, str | None]:
    """What each address said to the purpose, refusing when one allows no such mail or is not to be contacted then."""
    rows = [
        (one, "email", one, draft.purpose, True, one.lower() == place.asked_by) for one in draft.everybody
    ]
    schema = ["id", "channel", "recipient", "purpose", "by_hand", "answers"]
    tx.register("compose_given", pl.DataFrame(rows, schema=schema, orient="row"))
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {_DUE} AS SELECT * FROM compose_given")
    judge(tx, catalog, due=_DUE, into=_JUDGED, now=draft.at or datetime.now(UTC))
    found = tx.read(f"SELECT id, consent, refusal, unreachable FROM {_JUDGED}").to_dicts()
    quiet = {row["id"]: row["unreachable"] for row in found if row["unreachable"]}
    if quiet:
        raise NotReachable(quiet)
    refused = {row["id"]: row["refusal"] for row in found if row["refusal"]}
    if refused:
        raise NotConsented(refused)
    return {row["id"]: row["consent"] for row in found}


def _queue(
    tx: Transaction, draft: Draft, communication: str, message_id: str, place: _Place
) -> tuple[str, ...]:
    """A row for each address: one that is refused keeps the message from nobody else, and is tried again alone."""
    ids = tuple(new_id() for _ in draft.everybody)
    tx.register(
        "compose_rows",
        pl.DataFrame(list(zip(ids, draft.everybody, strict=True)), schema=["id", "recipient"], orient="row"),
    )
    about = place.about or (("customers", place.customer) if place.customer else (None, None))
    tx.execute(
        f"INSERT INTO {OUTBOX} BY NAME SELECT CAST(r.id AS UUID) AS id, 'email' AS channel, r.recipient, "
        "CAST($communication AS UUID) AS communication_id, $message_id AS message_id, $purpose AS purpose, "
        "$files::varchar[] AS attachments, $module AS module, CAST($record AS UUID) AS record_id, "
        "'queued' AS state, 0 AS attempts, $due AS next_attempt_at, $now AS created_at, $now AS updated_at, "
        "CAST($change AS UUID) AS change_id FROM compose_rows r",
        {
            "communication": communication, "message_id": message_id, "purpose": draft.purpose,
            "files": list(draft.files), "module": about[0], "record": about[1], "due": draft.at or tx.occurred_at,
            "now": tx.occurred_at, "change": tx.change_id,
        },
    )  # fmt: skip
    return ids


def _note_answer(tx: Transaction, writer: Writer, about: tuple[str, str] | None) -> None:
    """Its first answer, and the status of one that is answered, for what keeps them."""
    if about is None or "first_answer_at" not in writer.catalog.columns(about[0]):
        return
    module = writer.catalog.module(about[0])
    [row] = tx.read(
        f"SELECT folder, status, first_answer_at FROM {table('crm', module.slug)} WHERE id = CAST($id AS UUID)",
        {"id": about[1]},
    ).to_dicts()
    folder = module.folder(row["folder"] or "") or module.default_folder
    open_ = [status.slug for status in folder.statuses if not status.end]
    status = next((slug for slug in ANSWERED if slug in open_), None)
    values: dict[str, Any] = {"id": about[1]}
    if row["first_answer_at"] is None:
        values["first_answer_at"] = tx.occurred_at
    if status is not None and row["status"] in open_ and row["status"] != status:
        values["status"] = status
    if len(values) > 1:
        write_rows(tx, writer, module=module.slug, rows=pl.DataFrame([values]))
