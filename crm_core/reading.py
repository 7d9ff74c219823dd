"""Read marks: up to when a team has read the messages of a record, and when somebody looked at its timeline last.

Kept in memory for moments, then written. Nobody waits for a mark: what a page marks while it draws itself is written a
second later, with what else came.
"""

import threading
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from crm_core.access import Actor
from crm_core.badges import reader_of
from crm_core.logs import log_failure
from crm_core.model import Catalog
from crm_core.relations import relations_for
from crm_core.trees import lake_table
from lake import Change, Lake, Transaction, table
from lake.errors import LakeError
from lake.names import CATALOG


@dataclass
class ReadMarks:
    """Collects marks of one process and writes them together, `every` seconds after the first of them."""

    lake: Lake
    every: float = 1.0
    _waiting: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _timer: threading.Timer | None = None

    def mark(self, *, record_id: str, actor: Actor, now: datetime | None = None) -> None:
        """Note that the actor's team has read the record's messages up to now."""
        self._note(reader_of(actor), record_id, now or datetime.now(UTC))

    def mark_looked(self, *, record_id: str, actor: Actor, now: datetime | None = None) -> None:
        """Note that the actor has looked at what happened with the record up to now."""
        self._note(_looker(actor), record_id, now or datetime.now(UTC))

    def looked(self, catalog: Catalog, *, record_id: str, actor: Actor) -> datetime | None:
        """When the actor has looked at the record's timeline last (UTC); None when never."""
        with self._guard:
            waiting = self._waiting.get((_looker(actor), record_id))
        if waiting is not None:
            return waiting
        serving = relations_for(self.lake, catalog, actor).catalog_name
        if self.lake.known_snapshot() < self.lake.door.newest:
            serving = CATALOG  # nobody waits until the serving copy has marks
        marks = lake_table("read_marks", schema="ops", catalog=serving).sql("duckdb")
        found = self.lake.read(
            f"SELECT max(read_at) AS at FROM {marks} WHERE reader = ? AND record_id = ?::UUID",
            [_looker(actor), record_id],
        ).item()
        return found.astimezone(UTC) if found is not None else None

    def _note(self, reader: str, record_id: str, at: datetime) -> None:
        with self._guard:
            self._waiting[(reader, record_id)] = at
            if self._timer is None:
                self._timer = threading.Timer(self.every, self._write)
                self._timer.daemon = True
                self._timer.start()

    def close(self) -> None:
        """Write what waits, and start nothing more by itself."""
        with self._guard:
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.flush()

    def _write(self) -> None:
        with self._guard:
            self._timer = None
        try:
            self.flush()
        except LakeError as error:
            # A message that counts as unread once more is no loss; one that nobody hears of would be.
            log_failure("read marks not written", error)

    def flush(self) -> int:
        """Write what waits in one commit; returns how many marks."""
        with self._guard:
            waiting, self._waiting = self._waiting, {}
        if not waiting:
            return 0
        marks = pl.DataFrame(
            [(reader, record_id, at) for (reader, record_id), at in waiting.items()],
            schema={"reader": pl.String, "record_id": pl.String, "read_at": pl.Datetime("us", "UTC")},
            orient="row",
        )
        marks_table = table("ops", "read_marks")

        def work(tx: Transaction) -> None:
            tx.register("marks", marks)
            tx.execute(
                f"DELETE FROM {marks_table} WHERE EXISTS (SELECT 1 FROM marks m "
                f"WHERE m.reader = {marks_table}.reader AND m.record_id::UUID = {marks_table}.record_id)"
            )
            tx.execute(f"INSERT INTO {marks_table} SELECT reader, record_id::UUID, read_at FROM marks")

        self.lake.commit(
            work, Change(actor="system", door="read-marks", reason="messages read", awaited=False)
        )
        return len(waiting)


def _looker(actor: Actor) -> str:
    return f"looked:{actor.user}"


_OF_LAKE: weakref.WeakKeyDictionary[Lake, ReadMarks] = weakref.WeakKeyDictionary()


def marks_of(lake: Lake) -> ReadMarks:
    """The marks that wait in this process for a lake."""
    return _OF_LAKE.setdefault(lake, ReadMarks(lake))
