"""What a message becomes: the values of its record, of its files, and of the inquiry that it may begin."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crm_core.mail.arrivals import Letter
from crm_core.mail.parse import Mail
from crm_core.mail.threads import MESSAGES, Known
from crm_core.model import Catalog, Module
from crm_core.model.fields import EmailField, Field, LongTextField, SelectField, TextField
from crm_core.values.standards import to_address

FILES = "files"
OLD = timedelta(days=7)
_LATE = timedelta(days=2)


@dataclass(frozen=True)
class Placed:
    """Where a message belongs: its conversation, the customer, and what it is about.

    `begins` is whether it begins that itself: a new inquiry.
    """

    thread: str
    customer: str | None
    module: str | None
    record: str | None
    begins: bool = False


def place(
    letter: Letter, mail: Mail, *, known: Mapping[str, Known], customer: str | None, intake: Module | None
) -> Placed:
    """Where a message belongs, given the messages that it may answer (by their ids) and the sender's customer."""
    parent = next((known[one] for one in mail.answers if one in known), None)
    root = mail.references[0] if mail.references else mail.message_id or f"<{letter.communication_id}@mail>"
    thread = (parent.thread if parent else None) or root
    owner = (parent.customer if parent else None) or customer
    if parent is not None and parent.record is not None:
        return Placed(thread, owner, parent.module, parent.record)
    # A machine's answer to nothing we know is no business of anybody.
    if (
        intake is None
        or mail.bounce is not None
        or (mail.automatic is not None and not mail.automatic.begins)
    ):
        return Placed(thread, owner, None, None)
    return Placed(thread, owner, intake.slug, letter.inquiry_id, begins=True)


def unanswerable(letter: Letter, mail: Mail) -> str | None:
    """Why no flow may answer a message, or None."""
    if mail.automatic is not None:
        return mail.automatic.reason
    if mail.date is not None and letter.arrival.received_at - mail.date > OLD:
        return f"it was written more than {OLD.days} days before it came"
    return None


def message_values(
    catalog: Catalog, letter: Letter, mail: Mail, placed: Placed, files: tuple[str, ...]
) -> dict[str, Any]:
    """The record of a message."""
    values: dict[str, Any] = {
        "channel": "email", "direction": "in", "state": "received", "from": str(mail.sender or ""),
        "to": mail.to,
        "reply_to": _elsewhere(mail), "cc": mail.cc,
        "subject": mail.subject, "text": mail.text, "reply_text": mail.reply_text,
        "html": mail.html, "message_id": mail.message_id, "in_reply_to": mail.answers[0] if mail.answers else None,
        "references": " ".join(mail.references), "thread": placed.thread, "automatic": mail.automatic is not None,
        "raw": letter.sha256, "occurred_at": _moment(letter, mail), "files": list(files),
    }  # fmt: skip
    module = catalog.module(MESSAGES)
    return fit(module, values) | _links(catalog, MESSAGES, placed) | {"source": f"mail:{letter.arrival.via}"}


def _elsewhere(mail: Mail) -> str | None:
    """To whom an answer goes, where that is not the sender."""
    given, sender = mail.reply_to, mail.sender
    return str(given) if given is not None and (sender is None or given.key != sender.key) else None


def inquiry_values(
    catalog: Catalog, module: Module, letter: Letter, mail: Mail, placed: Placed
) -> dict[str, Any]:
    """The inquiry that a message begins: what was written, whole, since what is forwarded is what is asked."""
    answer = mail.reply_to or mail.sender
    values: dict[str, Any] = {
        "subject": mail.subject, "message": mail.text, "channel": "email", "thread": placed.thread,
        "name": answer.name or answer.address if answer else None, "email": answer.address if answer else None,
        "automatic": mail.automatic is not None, "service": "general", "topic": "other",
    }  # fmt: skip
    links = {"customer": placed.customer} if catalog.reference(module.slug, "customer") is not None else {}
    return fit(module, values) | links | {"source": f"mail:{letter.arrival.via}"}


def file_values(catalog: Catalog, letter: Letter, placed: Placed) -> list[dict[str, Any]]:
    """The records of what came with a message."""
    module = catalog.module(FILES)
    links = _links(catalog, FILES, placed)
    return [
        fit(module, {"name": one.name, "sha256": one.sha256, "size": one.size, "media_type": one.media_type})
        | links | {"source": f"mail:{letter.arrival.via}"}
        for one in letter.files
    ]  # fmt: skip


def fit(module: Module, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the fields of a module can take them: cut to their length; what does not fit otherwise is left out."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        field = module.field(name)
        if field is None or value is None or value == "" or not _can_be(field, value):
            continue
        if isinstance(field, (TextField, LongTextField)):
            value = value[: field.max_length]
        found[name] = value
    return found


def _can_be(field: Field, value: Any) -> bool:
    if isinstance(field, SelectField):
        return value in {option.value for option in field.options}
    return not isinstance(field, EmailField) or to_address(str(value)) is not None


def _links(catalog: Catalog, module: str, placed: Placed) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if catalog.reference(module, "customer") is not None and placed.customer:
        found["customer"] = placed.customer
    about = catalog.reference(module, "about")
    if about is not None and placed.record and placed.module in about.targets:
        found["about"] = (
            {"module": placed.module, "id": placed.record} if about.polymorphic else placed.record
        )
    return found


def _moment(letter: Letter, mail: Mail) -> datetime:
    """When it happened: when it came, unless a mailbox was read long after it was written."""
    came = letter.arrival.received_at
    if letter.arrival.via != "smtp" and mail.date is not None and came - mail.date > _LATE:
        return mail.date
    return came
