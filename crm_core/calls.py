"""A call that somebody had: kept as a message of the channel `call`, with the task that comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Problem, UnknownModule, ValuesInvalid
from crm_core.model import Catalog
from crm_core.query import read_record
from crm_core.records.create import create_in
from crm_core.records.together import write_together
from crm_core.records.writer import Writer
from lake import Lake, Transaction

MESSAGES, TASKS, CUSTOMERS = "communications", "tasks", "customers"
OUTCOMES = {
    "reached": "Spoke",
    "no_answer": "No answer",
    "voicemail": "Left a voice message",
    "busy": "Busy",
    "wrong_number": "Wrong number",
}


@dataclass(frozen=True)
class Call:
    """A call as it was.

    Attributes:
        about: module and id of whom or what it was about.
        number: the number that was called, or that called.
        outcome: one of `OUTCOMES`.
        direction: `out` when we called.
        seconds: how long it took.
        notes: what was said.
        task: the values of the task that comes of it, with at least a `title`; None for none.
    """

    about: tuple[str, str]
    number: str = ""
    outcome: str = "reached"
    direction: Literal["in", "out"] = "out"
    seconds: int = 0
    notes: str = ""
    task: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Logged:
    """What was kept of a call: its message, and its task if one comes of it."""

    id: str
    task: str | None
    snapshot: int


def log_call(
    lake: Lake, call: Call, *, actor: Actor, door: str = "api", now: datetime | None = None
) -> Logged:
    """Keep a call, and the task that comes of it, in one commit.

    It began so many seconds before `now` (aware). The task belongs to the same record, and to the caller where it names
    no owner.

    Raises:
        Forbidden: The actor may only look.
        UnknownModule: The workspace keeps no messages, or no tasks where one is asked for.
        RecordNotFound: What it is about is not there for the actor.
        ValuesInvalid: With every problem; nothing was written.
    """
    actor.require_change(f"records of {MESSAGES}")
    if call.outcome not in OUTCOMES:
        allowed = f"an outcome is one of {', '.join(OUTCOMES)}"
        raise ValuesInvalid(MESSAGES, [Problem("outcome", "not_an_option", allowed, call.outcome)])
    catalog = read_catalog(lake)
    for module in (MESSAGES, *([TASKS] if call.task else [])):
        if module not in catalog.modules:
            raise UnknownModule(module, sorted(catalog.modules))
    record = read_record(lake, catalog, module=call.about[0], record_id=call.about[1], actor=actor)
    ended = now or datetime.now(UTC)
    told = {
        "channel": "call", "direction": call.direction,
        "state": "received" if call.direction == "in" else "sent" if call.outcome != "reached" else "delivered",
        "from" if call.direction == "in" else "to": call.number or None,
        "subject": OUTCOMES[call.outcome], "text": call.notes.strip() or None,
        "duration": call.seconds, "occurred_at": ended - timedelta(seconds=call.seconds),
    }  # fmt: skip

    def work(tx: Transaction, writer: Writer) -> tuple[str, str | None]:
        [made] = create_in(
            tx, writer, module=MESSAGES, values=[_of(writer.catalog, MESSAGES, call, record, told)]
        )
        if not call.task:
            return made, None
        given = {"owner": writer.person, **call.task}
        [task] = create_in(tx, writer, module=TASKS, values=[_of(writer.catalog, TASKS, call, record, given)])
        return made, task

    done = write_together(lake, work, actor=actor, door=door, reason="call")
    return Logged(*done.value, done.snapshot)


def _of(
    catalog: Catalog, module: str, call: Call, record: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """The values that a module has a place for, linked to what the call was about and to whose that is."""
    columns = catalog.columns(module)
    found = {name: value for name, value in values.items() if name in columns and value is not None}
    for reference in catalog.references(module):
        if reference.slug == "about" and call.about[0] in reference.targets and call.about[0] != CUSTOMERS:
            target = {"module": call.about[0], "id": call.about[1]}
            found.setdefault("about", target if reference.polymorphic else call.about[1])
        elif reference.slug == "customer":
            own = call.about[1] if call.about[0] in reference.targets else record.get("customer")
            if own:
                found.setdefault("customer", own)
    return found
