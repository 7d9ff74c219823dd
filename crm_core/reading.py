"""Read marks: up to when a team has read the messages of a record. Kept in memory for moments, then written."""

import threading
import time
import weakref
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from crm_core.access import Actor
from crm_core.badges import reader_of
from lake import Change, Lake, Transaction, table


@dataclass
class ReadMarks:
    """Collects marks of one process and writes them together, at most every `every` seconds."""

    lake: Lake
    every: float = 1.0
    _waiting: dict[tuple[str, str], datetime] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _last: float = 0.0

    def mark(self, *, record_id: str, actor: Actor, now: datetime | None = None) -> None:
        """Note that the actor's team has read the record's messages up to now."""
        with self._guard:
            self._waiting[(reader_of(actor), record_id)] = now or datetime.now(UTC)
        if time.monotonic() - self._last >= self.every:
            self.flush()

    def flush(self) -> int:
        """Write what waits in one commit; returns how many marks."""
        with self._guard:
            waiting, self._waiting = self._waiting, {}
            self._last = time.monotonic()
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

        self.lake.commit(work, Change(actor="system", door="read-marks", reason="messages read"))
        return len(waiting)


_OF_LAKE: weakref.WeakKeyDictionary[Lake, ReadMarks] = weakref.WeakKeyDictionary()


def marks_of(lake: Lake) -> ReadMarks:
    """The marks that wait in this process for a lake."""
    return _OF_LAKE.setdefault(lake, ReadMarks(lake))
