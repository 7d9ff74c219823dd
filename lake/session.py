"""Sessions: one cursor each, with its own temp tables, to stage in and to commit from."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

import duckdb
import polars as pl
import pyarrow as pa

from lake import engine
from lake.attachment import Attachment
from lake.closing import Closing
from lake.door import Change, Committed, Door, Transaction
from lake.engine import Cursor, Params
from lake.errors import LakeError, SnapshotMissingError, StaleCatalogError, TransientError

T = TypeVar("T")

_ATTEMPTS = 4
_PAUSE_SECONDS = 0.05

_TRANSACTION_SNAPSHOT = "SELECT id FROM ducklake_current_snapshot('lake')"


class Session(Closing):
    """One cursor with its own temp tables, for one thread: stage here, then commit."""

    def __init__(self, attachment: Attachment, *, door: Door, newest_sql: str) -> None:
        self._attachment = attachment
        self._opened = attachment.opened
        self._cursor = attachment.cursor()
        self._door = door
        self._newest_sql = newest_sql
        self._in_transaction = False
        self.failed: LakeError | None = None

    def execute(self, sql: str, params: Params = None) -> int:
        """Run a statement; returns the number of rows that it inserted, updated or deleted.

        Raises:
            LakeError: it failed. Inside a transaction, nothing of that transaction can be stored any more.
        """
        return self._tried(lambda: self._executed(sql, params))

    def read(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Run one statement and return its result; instants are UTC, uuid and json are text."""
        return cast(pl.DataFrame, pl.from_arrow(self.read_arrow(sql, params)))

    def read_arrow(self, sql: str, params: Params = None) -> pa.Table:
        """As `read`, as an Arrow table."""
        return self._tried(lambda: engine.fetch_arrow(self._cursor, sql, params))

    def register(self, name: str, data: pa.Table | pl.DataFrame) -> None:
        """Make a table in memory readable under a name, in this session only."""
        engine.register(self._cursor, name, data)

    def snapshot(self) -> int:
        """The lake's current snapshot, or the one that the open transaction reads."""
        return int(self.read_arrow(_TRANSACTION_SNAPSHOT).column(0)[0].as_py())

    def newest_snapshot(self) -> int:
        """The newest snapshot of the catalog, whatever an open transaction reads."""
        return int(self.read_arrow(self._newest_sql).column(0)[0].as_py())

    @property
    def cursor(self) -> Cursor:
        """DuckDB's own cursor, for the parts of this package."""
        return self._cursor

    @property
    def door(self) -> Door:
        """The write door of the lake."""
        return self._door

    @property
    def generation(self) -> int:
        """How often the lake was attached anew."""
        return self._attachment.generation

    def mend(self, error: LakeError, *, seen: int) -> bool:
        """Take away what made a statement fail; returns whether it may succeed now. Not within a transaction.

        Args:
            error: what the statement raised.
            seen: the `generation` in which it did.
        """
        if isinstance(error, SnapshotMissingError):
            return self._door.bring_back(self._cursor, error.snapshot)
        if isinstance(error, StaleCatalogError):
            self._attachment.refresh(seen=seen)
            if self._opened != self._attachment.opened:
                self._opened = self._attachment.opened
                self._cursor = self._attachment.cursor()
            return True
        if isinstance(error, TransientError):
            time.sleep(_PAUSE_SECONDS)
            return True
        return False

    def interrupt(self) -> None:
        """Stop the statement that runs in this session; it raises `CancelledError`. May be called by any thread."""
        self._cursor.interrupt()

    def commit(self, work: Callable[[Transaction], T], change: Change) -> Committed[T]:
        """Run `work(tx)` in one transaction, under the writer lock, and commit it.

        `work` is run again, from the start, when the catalog was busy or an outside writer came between. Any error
        rolls everything back and leaves the session usable.

        Raises:
            LakeLockedError: the writer lock was not free in time.
            TransactionAbortedError: a statement failed and `work` went on.
            Exception: whatever `work` raised.
        """
        return self._door.commit(self, work, change)

    def begin(self) -> None:
        """Begin a transaction; only the door may."""
        self.failed = None
        self.execute("BEGIN TRANSACTION")
        self._in_transaction = True

    def end(self) -> None:
        """Commit what is open; only the door may."""
        self.execute("COMMIT")
        self._in_transaction = False

    def rollback(self) -> None:
        """Roll back whatever is open; nothing open is no error."""
        with suppress(duckdb.TransactionException):
            self._cursor.execute("ROLLBACK")
        self._in_transaction = False
        self.failed = None

    def close(self) -> None:
        """Drop the session with its temp tables."""
        self._cursor.close()

    def _executed(self, sql: str, params: Params) -> int:
        engine.run(self._cursor, sql, params)
        return engine.fetch_count(self._cursor)

    def _tried(self, call: Callable[[], T]) -> T:
        """Call; outside a transaction, once more after what kept it from succeeding is mended."""
        for attempt in range(1, _ATTEMPTS + 1):
            seen = self._attachment.generation
            try:
                return call()
            except LakeError as error:
                self.failed = error
                if self._in_transaction or attempt == _ATTEMPTS or not self.mend(error, seen=seen):
                    raise
        raise AssertionError("unreachable")
