"""Opening a lake, and the sessions that read and write it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar, cast

import duckdb
import polars as pl
import pyarrow as pa

from lake import engine
from lake.attachment import Attachment
from lake.catalog import newest_snapshot_sql
from lake.closing import Closing
from lake.config import LakeConfig
from lake.cursors import Cursors
from lake.door import Change, Committed, Door, Transaction
from lake.engine import Cursor, Params
from lake.errors import (
    LakeError,
    SnapshotMissingError,
    StaleCatalogError,
    StatementError,
    TransientError,
)
from lake.feed import Feed
from lake.group import Group
from lake.history import History
from lake.lease import lease
from lake.lock import FileWriterLock, PostgresWriterLock, WriterLock
from lake.mirror import MIRROR, POLL_SECONDS, Mirror
from lake.names import CATALOG
from lake.session import Session
from lake.stamp import CatalogFiles, Stamp

T = TypeVar("T")

_BULK_MEMORY = "1200MB"
_READ_ATTEMPTS = 4


class Lake(Closing):
    """A DuckLake, attached as `lake` in a DuckDB of its own."""

    def __init__(self, config: LakeConfig, *, attachment: Attachment, lock: WriterLock) -> None:
        self.config = config
        self._attachment = attachment
        self._further: dict[str, Attachment] = {}
        self._lock = lock
        self._idle: list[Cursor] = []
        self._guard = threading.Lock()
        self._newest_sql = newest_snapshot_sql(config.kind)
        self.door = Door(lock, config=config)
        self.group = Group(self)
        self.cursors = Cursors(self)
        self.feed = Feed(self)
        self.history = History(self)
        self.mirror: Mirror | None = None
        self._recent = (0, 0.0)
        self._files = CatalogFiles(Path(config.place)) if config.kind == "sqlite" else None
        self._stamped: tuple[Stamp, int] | None = None

    @classmethod
    def open(cls, config: LakeConfig) -> Lake:
        """Open a lake, making it when it is not there yet; several processes may do so at once.

        Raises:
            SettingError: the catalog or the data path cannot be used.
            LakeLockedError: another process is making the lake and does not finish in time.
        """
        from lake.bootstrap import bootstrap_lake

        lock: WriterLock
        if config.kind == "sqlite":
            Path(config.place).parent.mkdir(parents=True, exist_ok=True)
            lock = FileWriterLock(Path(config.place))
        else:
            lock = PostgresWriterLock(config.place)
        attachment = Attachment(config, lock=lock, threads=config.threads, memory_limit=config.memory_limit)
        lake = cls(config, attachment=attachment, lock=lock)
        bootstrap_lake(lake)
        return lake

    def close(self) -> None:
        """Close every connection of the lake."""
        if self.mirror is not None:
            self.mirror.close()
            self.mirror = None
        with self._guard:
            for cursor in self._idle:
                cursor.close()
            self._idle.clear()
            for one in self._further.values():
                one.close()
            self._further.clear()
        self._lock.close()
        self._attachment.close()

    def snapshot(self) -> int:
        """The number of the current snapshot; cheap enough to poll."""
        stamp = self._files.stamp() if self._files is not None else None
        known = self._stamped
        if stamp is not None and known is not None and known[0] == stamp:
            return known[1]
        found = int(self.read_arrow(self._newest_sql).column(0)[0].as_py())
        if stamp is not None:
            self._stamped = (stamp, found)
        return found

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
            seen = self._attachment.generation
            try:
                with self._borrowed() as cursor:
                    return engine.fetch_arrow(cursor, sql, params)
            except LakeError as error:
                if attempt == _READ_ATTEMPTS or not self._worth_rereading(error, seen=seen):
                    raise
            time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def session(self, *, light: bool = False, bulk: bool = False) -> Session:
        """A session for one thread: `with lake.session() as s`.

        Args:
            light: for a handful of rows. It runs on an engine of one thread: a commit consists of dozens of tiny
                statements on the catalog, which cost the more the more threads an engine wakes for each.
            bulk: for millions of rows. It runs on an engine of bounded memory, which writes what does not fit to disk,
                so that a large load takes nothing from those who read.
        """
        attachment = self._engine("light") if light else self._engine("bulk") if bulk else self._attachment
        return Session(attachment, door=self.door, newest_sql=self._newest_sql)

    def commit(
        self, work: Callable[[Transaction], T], change: Change, *, light: bool = False
    ) -> Committed[T]:
        """`Session.commit` on a fresh session; `light` as for `session`."""
        with self.session(light=light) as session:
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

    def recent_snapshot(self) -> int:
        """The newest snapshot, never older than the last commit of this process.

        Where this process serves pages, the catalog is asked for the commits of others only every `POLL_SECONDS`:
        a page asks some twenty times what definitions, people and rights are as of now.
        """
        if self.mirror is None:
            return self.snapshot()
        known, asked = self._recent
        if known < self.door.newest or time.monotonic() - asked > POLL_SECONDS:
            asked = time.monotonic()
            known = self.snapshot()
            self._recent = (known, asked)
        return known

    def lease(self, name: str) -> AbstractContextManager[bool]:
        """Try to be the only holder of a name: `with lake.lease("runner") as mine`; freed when the process dies."""
        return lease(self.config, name)

    def bootstrap(self, sql_text: str) -> bool:
        """Run a `schema.sql` so far as something in it is missing; see `lake.bootstrap.bootstrap`."""
        from lake.bootstrap import bootstrap

        return bootstrap(self, sql_text)

    def load_extension(self, name: str) -> None:
        """Load a further extension from its wheel: `excel`, `sqlite`, `postgres`, `httpfs`."""
        self._attachment.load_extension(name)

    def _worth_rereading(self, error: LakeError, *, seen: int) -> bool:
        """Maintenance may take a file away, or DDL a table, between the planning of a read and its running."""
        if isinstance(error, StaleCatalogError):
            self._attachment.refresh(seen=seen)
            with self._guard:
                self._idle.clear()
            return True
        if isinstance(error, TransientError | SnapshotMissingError):
            with self.session() as session:
                return session.mend(error, seen=seen)
        cause = error.__cause__
        return isinstance(error, StatementError) and isinstance(
            cause, duckdb.IOException | duckdb.CatalogException
        )

    def _engine(self, name: Literal["light", "bulk"]) -> Attachment:
        threads, memory = (1, "512MB") if name == "light" else (self.config.threads, _BULK_MEMORY)
        with self._guard:
            if name not in self._further:
                self._further[name] = Attachment(
                    self.config, lock=self._lock, threads=threads, memory_limit=memory
                )
            return self._further[name]

    @contextmanager
    def _borrowed(self) -> Iterator[Cursor]:
        with self._guard:
            cursor = self._idle.pop() if self._idle else None
        cursor = cursor or self._attachment.cursor()
        try:
            yield cursor
        except BaseException:
            cursor.close()
            raise
        with self._guard:
            self._idle.append(cursor)
