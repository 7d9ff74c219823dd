"""Opening a lake, and the sessions that read and write it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast

import duckdb
import polars as pl
import pyarrow as pa

from lake import engine
from lake.catalog import newest_snapshot_sql
from lake.cursors import Cursors
from lake.door import Change, Committed, Door, Transaction
from lake.engine import Cursor, Params
from lake.errors import LakeError, SettingError, SnapshotMissingError, StatementError, TransientError
from lake.feed import Feed
from lake.group import Group
from lake.lease import lease
from lake.lock import FileWriterLock, PostgresWriterLock, WriterLock
from lake.mirror import MIRROR, Mirror
from lake.names import CATALOG

T = TypeVar("T")

_READ_ATTEMPTS = 4
_TRANSACTION_SNAPSHOT = "SELECT id FROM ducklake_current_snapshot('lake')"


@dataclass(frozen=True, kw_only=True)
class LakeConfig:
    """Where a lake lives and what its engine may use.

    Attributes:
        catalog: `sqlite:/absolute/file.sqlite`, or `postgres:` and a libpq connection string.
        data_path: the folder, or `s3://` prefix, of the Parquet files.
        threads: threads of the engine; as many as cores when not given.
        memory_limit: for example `2GB`; 80 % of the machine when not given.
        inlined_rows: a write of at most so many rows stays in the catalog until maintenance flushes it.
        lock_timeout: seconds that a writer waits for its turn.
    """

    catalog: str
    data_path: str
    threads: int | None = None
    memory_limit: str | None = None
    inlined_rows: int = 500
    lock_timeout: float = 60.0

    def __post_init__(self) -> None:
        kind, _, place = self.catalog.partition(":")
        if kind not in {"sqlite", "postgres"} or not place:
            raise SettingError(
                f"The catalog {self.catalog!r} is not known: write sqlite:/path/to/catalog.sqlite or "
                "postgres:host=… dbname=….",
                setting="catalog",
                received=self.catalog,
            )

    @property
    def kind(self) -> str:
        """`sqlite` or `postgres`."""
        return self.catalog.partition(":")[0]

    @property
    def place(self) -> str:
        """The catalog's file, or its libpq connection string."""
        return self.catalog.partition(":")[2]

    @property
    def shown(self) -> str:
        """The catalog as messages may name it; a connection string may hold a password."""
        return self.place if self.kind == "sqlite" else "postgres"


class Session:
    """One cursor with its own temp tables, for one thread: stage here, then commit."""

    def __init__(self, cursor: Cursor, *, door: Door, newest_sql: str) -> None:
        self._cursor = cursor
        self._door = door
        self._newest_sql = newest_sql
        self._in_transaction = False
        self.failed: LakeError | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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

    def bring_back(self, snapshot: int) -> bool:
        """Make a snapshot readable that was parked; returns whether it was."""
        return self._door.bring_back(self._cursor, snapshot)

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
        try:
            return call()
        except SnapshotMissingError as error:
            if self._in_transaction or not self.bring_back(error.snapshot):
                self.failed = error
                raise
            return self._tried(call)
        except LakeError as error:
            self.failed = error
            raise


class Lake:
    """A DuckLake, attached as `lake` in a DuckDB of its own."""

    def __init__(self, config: LakeConfig, *, root: Cursor, lock: WriterLock) -> None:
        self.config = config
        self._root = root
        self._lock = lock
        self._idle: list[Cursor] = []
        self._guard = threading.Lock()
        self._newest_sql = newest_snapshot_sql(config.kind)
        self.door = Door(lock, config=config)
        self.group = Group(self)
        self.cursors = Cursors(self)
        self.feed = Feed(self)
        self.mirror: Mirror | None = None

    @classmethod
    def open(cls, config: LakeConfig) -> Lake:
        """Open a lake, making it when it is not there yet; several processes may do so at once.

        Raises:
            SettingError: the catalog or the data path cannot be used.
            LakeLockedError: another process is making the lake and does not finish in time.
        """
        from lake.bootstrap import attach, bootstrap_lake

        settings: dict[str, str | int | bool] = {}
        if config.threads is not None:
            settings["threads"] = config.threads
        if config.memory_limit is not None:
            settings["memory_limit"] = config.memory_limit
        root = engine.connect(extensions=("ducklake", config.kind), settings=settings)
        lock: WriterLock
        if config.kind == "sqlite":
            Path(config.place).parent.mkdir(parents=True, exist_ok=True)
            lock = FileWriterLock(Path(config.place))
        else:
            lock = PostgresWriterLock(config.place)
        attach(root, config=config, lock=lock)
        lake = cls(config, root=root, lock=lock)
        bootstrap_lake(lake)
        return lake

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection of the lake."""
        if self.mirror is not None:
            self.mirror.close()
            self.mirror = None
        with self._guard:
            for cursor in self._idle:
                cursor.close()
            self._idle.clear()
        self._lock.close()
        self._root.close()

    def snapshot(self) -> int:
        """The number of the current snapshot; cheap enough to poll."""
        return int(self.read_arrow(self._newest_sql).column(0)[0].as_py())

    def snapshot_at(self, instant: datetime) -> int:
        """The last snapshot whose change counts for `instant` or earlier; 0 when there was none yet."""
        found = self.read_arrow(
            'SELECT coalesce(max(snapshot), 0) FROM "lake"."ops"."changes" WHERE occurred_at <= ?', [instant]
        )
        return int(found.column(0)[0].as_py())

    def read(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Run one statement on a cursor of its own, beside any writer; instants are UTC, uuid and json are text.

        Raises:
            StatementError: the statement is wrong.
            TransientError: the catalog stayed busy.
        """
        return cast(pl.DataFrame, pl.from_arrow(self.read_arrow(sql, params)))

    def read_arrow(self, sql: str, params: Params = None) -> pa.Table:
        """As `read`, as an Arrow table."""
        for attempt in range(1, _READ_ATTEMPTS + 1):
            try:
                with self._borrowed() as cursor:
                    return engine.fetch_arrow(cursor, sql, params)
            except LakeError as error:
                if attempt == _READ_ATTEMPTS or not self._worth_rereading(error):
                    raise
            time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def session(self) -> Session:
        """A session for one thread: `with lake.session() as s`."""
        return Session(self._new_cursor(), door=self.door, newest_sql=self._newest_sql)

    def commit(self, work: Callable[[Transaction], T], change: Change) -> Committed[T]:
        """`Session.commit` on a fresh session."""
        with self.session() as session:
            return session.commit(work, change)

    def start_mirror(self) -> Mirror:
        """Keep a serving copy of tables in this process, for a server; see `lake.mirror`."""
        if self.mirror is None:
            self.mirror = Mirror(self)
        return self.mirror

    def serving(self) -> str:
        """The catalog that current reads should name: the mirror when there is one up to date, else the lake."""
        return MIRROR if self.mirror is not None and self.mirror.current() else CATALOG

    def known_snapshot(self) -> int:
        """The snapshot that current reads see: the mirror's when they are served by it, else the current one."""
        if self.mirror is not None and self.mirror.current():
            return self.mirror.snapshot
        return self.snapshot()

    def lease(self, name: str) -> AbstractContextManager[bool]:
        """Try to be the only holder of a name: `with lake.lease("runner") as mine`; freed when the process dies."""
        return lease(self.config, name)

    def bootstrap(self, sql_text: str) -> bool:
        """Run a `schema.sql` so far as something in it is missing; see `lake.bootstrap.bootstrap`."""
        from lake.bootstrap import bootstrap

        return bootstrap(self, sql_text)

    def load_extension(self, name: str) -> None:
        """Load a further extension from its wheel: `excel`, `sqlite`, `postgres`, `httpfs`."""
        engine.load_extension(self._root, name)

    def _worth_rereading(self, error: LakeError) -> bool:
        """Maintenance may take a file away, or DDL a table, between the planning of a read and its running."""
        if isinstance(error, SnapshotMissingError):
            with self._borrowed() as cursor:
                return self.door.bring_back(cursor, error.snapshot)
        if isinstance(error, TransientError):
            return True
        cause = error.__cause__
        return isinstance(error, StatementError) and isinstance(
            cause, duckdb.IOException | duckdb.CatalogException
        )

    def _new_cursor(self) -> Cursor:
        with self._guard:
            cursor = self._root.cursor()
        # A cursor knows nothing of what was set on the connection that it came from.
        cursor.execute("SET TimeZone = 'UTC'")
        return cursor

    @contextmanager
    def _borrowed(self) -> Iterator[Cursor]:
        with self._guard:
            cursor = self._idle.pop() if self._idle else None
        cursor = cursor or self._new_cursor()
        try:
            yield cursor
        except BaseException:
            cursor.close()
            raise
        with self._guard:
            self._idle.append(cursor)
