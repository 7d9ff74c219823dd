"""Read marks: up to when a team has read the messages of a record, and when somebody looked at its timeline last.

Kept in memory for moments, then written. Nobody waits for a mark: what a page marks while it draws itself is written a
second later, with what else came.
"""

import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

import polars as pl

from crm_core.access import Actor
from crm_core.badges import reader_of
from crm_core.model import Catalog
from crm_core.relations import relations_for
from crm_core.trees import lake_table
from crm_core.write_behind import WriteBehind
from lake import Change, Lake, Transaction, table
from lake.names import CATALOG

_TABLE = table("ops", "read_marks")
_Key = tuple[str, str]
"""Reader, record."""


class ReadMarks:
    """Collects marks of one process and writes them together, `every` seconds after the first of them."""

    def __init__(self, lake: Lake, *, every: float = 1.0) -> None:
        """Begin with what stands in the lake."""
        self._lake = lake
        self._behind: WriteBehind[_Key, datetime] = WriteBehind("read marks", partial(_write, lake), every)

    def mark(self, *, record_id: str, actor: Actor, now: datetime | None = None) -> None:
        """Note that the actor's team has read the record's messages up to now."""
        self._behind.note((reader_of(actor), record_id), now or datetime.now(UTC))

    def mark_looked(self, *, record_id: str, actor: Actor, now: datetime | None = None) -> None:
        """Note that the actor has looked at what happened with the record up to now."""
        self._behind.note((_looker(actor), record_id), now or datetime.now(UTC))

    def looked(self, catalog: Catalog, *, record_id: str, actor: Actor) -> datetime | None:
        """When the actor has looked at the record's timeline last (UTC); None when never."""
        waiting = self._behind.waiting().get((_looker(actor), record_id))
        if waiting is not None:
            return waiting
        serving = relations_for(self._lake, catalog, actor).catalog_name
        if self._lake.known_snapshot() < self._lake.door.newest:
            serving = CATALOG  # nobody waits until the serving copy has marks
        marks = lake_table("read_marks", schema="ops", catalog=serving).sql("duckdb")
        found = self._lake.read(
            f"SELECT max(read_at) AS at FROM {marks} WHERE reader = ? AND record_id = ?::UUID",
            [_looker(actor), record_id],
        ).item()
        return found.astimezone(UTC) if found is not None else None

    def flush(self) -> int:
        """Write what waits in one commit; returns how many marks. What could not be written waits on."""
        return self._behind.flush()

    def close(self) -> None:
        """Write what waits, as at the end of a process."""
        self._behind.close()


def _write(lake: Lake, read: Mapping[_Key, datetime]) -> None:
    rows = pl.DataFrame(
        [(*key, at) for key, at in read.items()],
        schema={"reader": pl.String, "record_id": pl.String, "read_at": pl.Datetime("us", "UTC")},
        orient="row",
    )
    lake.commit(
        lambda tx: _store(tx, rows),
        Change(actor="system", door="read-marks", reason="messages read", awaited=False),
    )


def _store(tx: Transaction, rows: pl.DataFrame) -> None:
    """Put marks in the place of those of the same readers and records."""
    tx.register("marks", rows)
    tx.execute(
        f"DELETE FROM {_TABLE} WHERE EXISTS (SELECT 1 FROM marks m "
        f"WHERE m.reader = {_TABLE}.reader AND m.record_id::UUID = {_TABLE}.record_id)"
    )
    tx.execute(
        f"INSERT INTO {_TABLE} BY NAME "
        "SELECT reader, record_id::UUID AS record_id, read_at, $version::BIGINT AS version FROM marks",
        {"version": tx.snapshot},
    )


def _looker(actor: Actor) -> str:
    return f"looked:{actor.user}"


_OF_LAKE: weakref.WeakKeyDictionary[Lake, ReadMarks] = weakref.WeakKeyDictionary()


def marks_of(lake: Lake) -> ReadMarks:
    """The marks that wait in this process for a lake."""
    return _OF_LAKE.setdefault(lake, ReadMarks(lake))
