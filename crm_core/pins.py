"""Pinned entries of a timeline: what somebody keeps on top of it, of whatever module.

A module with a field `pinned` (notes) keeps it there, as a change of the record that history and flows see. Of all
others it is no part of the record: it stands in `ops.pins`, for the timeline of one record, for everybody.
"""

from datetime import UTC, datetime

from crm_core import records
from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.query import read_record
from crm_core.timeline_rows import PINNED, has_pin_field
from lake import Change, Lake, Transaction, table

_PINS = table("ops", "pins")


def pin(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, kind: str, entry_id: str, actor: Actor,
    pinned: bool = True, door: str = "api",
) -> None:  # fmt: skip
    """Keep an entry on top of a record's timeline, or no longer; once more changes nothing.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the module of the record whose timeline it is.
        record_id: that record.
        kind: the module of the entry.
        entry_id: the record that the entry stands for.
        actor: who pins it.
        pinned: False takes it down.
        door: through which door.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: There is no such record or entry, or none that the actor may see.
        UnknownModule: There is no such module.
    """
    actor.require_change("pinned entries")
    record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    entry = read_record(lake, catalog, module=kind, record_id=entry_id, actor=actor)
    if has_pin_field(catalog.module(kind)):
        records.update(
            lake, module=kind, record_id=entry["id"], values={PINNED: pinned}, actor=actor, door=door
        )
        return
    change = Change(actor=actor.user, door=door, reason=f"{kind} {'pinned' if pinned else 'unpinned'}")
    keys = [record["id"], entry["id"]]

    def work(tx: Transaction) -> None:
        known = tx.read(f"SELECT 1 AS there FROM {_PINS} WHERE record_id = ? AND entry_id = ?", keys).height
        if bool(known) is pinned:
            tx.cancel()
        elif pinned:
            tx.execute(
                f"INSERT INTO {_PINS} (record_id, entry_id, module, pinned_at, change_id) VALUES (?, ?, ?, ?, ?)",
                [*keys, kind, datetime.now(UTC), change.id],
            )
        else:
            tx.execute(f"DELETE FROM {_PINS} WHERE record_id = ? AND entry_id = ?", keys)

    lake.commit(work, change)
