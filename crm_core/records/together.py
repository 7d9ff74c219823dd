"""Several records in one commit: all of them are there afterwards, or none."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from crm_core.access import Actor
from crm_core.definitions import read_catalog_in
from crm_core.people import read_directory_in
from crm_core.records.create import create_in
from crm_core.records.links import link_in
from crm_core.records.outcome import Created
from crm_core.records.writer import Writer, note_commit
from lake import Change, Committed, Lake, Transaction

T = TypeVar("T")
Values = Mapping[str, Any]


def write_together(
    lake: Lake, work: Callable[[Transaction, Writer], T], *, actor: Actor, door: str = "api", reason: str = ""
) -> Committed[T]:
    """Run `work` in one transaction, for an actor and by the definitions that count under the lock.

    Raises:
        Forbidden: The actor may only look.
        And whatever `work` raises; nothing was written then.
    """
    actor.require_change("records")

    def run(tx: Transaction) -> T:
        return work(tx, Writer(read_catalog_in(tx, lake), read_directory_in(tx, lake), actor, door))

    done = lake.commit(run, Change(actor=actor.user, door=door, reason=reason))
    note_commit(lake, done)
    return done


def create_linked(
    lake: Lake, *, module: str, values: Values, to: str, relationship: str, link_values: Values | None = None,
    actor: Actor, door: str = "api",
) -> Created:  # fmt: skip
    """Create a record and link another one of its module to it, in one commit.

    Args:
        lake: the lake.
        module: of which module both are.
        values: of the new record.
        to: the id of the record that is there, from which the link goes out.
        relationship: its many-to-many, by slug or inverse.
        link_values: the link's own fields.
        actor: who does it.
        door: through which door.

    Raises:
        Forbidden, RecordNotFound, NoSuchRelationship, ValuesInvalid: As `create` and `link`; nothing was written.
    """

    def work(tx: Transaction, writer: Writer) -> tuple[str, ...]:
        [made] = create_in(tx, writer, module=module, values=[values])
        link_in(
            tx, writer, module=module, record_id=to, relationship=relationship, to=made, values=link_values
        )
        return (made,)

    done = write_together(lake, work, actor=actor, door=door)
    return Created(done.value, done.snapshot, done.change_id)
