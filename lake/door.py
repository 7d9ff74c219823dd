"""The write door: every commit passes it, one at a time, with its provenance."""

from __future__ import annotations

import itertools
import random
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import polars as pl
import pyarrow as pa

from lake import catalog
from lake.errors import (
    CatalogBusyError,
    LakeError,
    LakeLockedError,
    SnapshotMissingError,
    StaleCatalogError,
    StorageFullError,
    TransactionAbortedError,
    TransientError,
)
from lake.feed_window import METADATA, ROW_CHANGES
from lake.lock import WriterLock

if TYPE_CHECKING:
    from lake.config import LakeConfig
    from lake.engine import Cursor, Params
    from lake.session import Session

T = TypeVar("T")

_ATTEMPTS = 8
_FIRST_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5
_CHANGES = '"lake"."ops"."changes"'
_CHANGE_COLUMNS = ("id", "actor", "door", "reason", "load_id", "flow_run_id", "cause_id", "depth")
# One statement for any number of rows: a VALUES list of a hundred rows takes ten times as long to parse.
_INSERT_CHANGES = f"""
INSERT INTO {_CHANGES} (id, actor, door, reason, load_id, flow_run_id, cause_id, depth, occurred_at, snapshot)
SELECT unnest($id::uuid[]), unnest($actor::varchar[]), unnest($door::varchar[]), unnest($reason::varchar[]),
    unnest($load_id::uuid[]), unnest($flow_run_id::uuid[]), unnest($cause_id::uuid[]), unnest($depth::integer[]),
    unnest($occurred_at::timestamptz[]), $snapshot::bigint
"""


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): sorts by the millisecond in which it was made."""
    stamp = time.time_ns() // 1_000_000
    value = (stamp << 80) | (0x7 << 76) | (secrets.randbits(12) << 64) | (0b10 << 62) | secrets.randbits(62)
    return str(uuid.UUID(int=value))


@dataclass(frozen=True, kw_only=True)
class Change:
    """Who changes the lake, through which door, and why; `cause_id` and `depth` tell chains of flows.

    `awaited` is False of what nobody looks for at once: reads of the serving copy do not wait until they see it.
    """

    actor: str
    door: str
    reason: str = ""
    load_id: str | None = None
    flow_run_id: str | None = None
    cause_id: str | None = None
    depth: int = 0
    occurred_at: datetime | None = None
    id: str = field(default_factory=new_id)
    awaited: bool = True


@dataclass(frozen=True)
class Committed(Generic[T]):
    """What a commit gave: the work's value, the snapshot it made, and the change that it is recorded under."""

    value: T
    snapshot: int
    change_id: str
    wrote: bool = True


class Transaction:
    """An open transaction of the lake, valid only while its work runs.

    Attributes:
        snapshot: the number that this commit will have; rows carry it as `version`.
        change_id: the id under which the commit stands in `ops.changes`.
        occurred_at: the instant (UTC) that the change counts for.
        kept: what the work of this transaction remembers from one step to the next, by a key of its own.
    """

    def __init__(self, session: Session, *, change: Change, snapshot: int) -> None:
        self._session = session
        self._changes = [change]
        self.change_id = change.id
        self.snapshot = snapshot
        self.occurred_at = change.occurred_at or datetime.now(UTC)
        self.cancelled = False
        self.kept: dict[object, Any] = {}
        self._then: list[Callable[[int], None]] = []

    def execute(self, sql: str, params: Params = None) -> int:
        """Run a statement; returns the number of rows that it inserted, updated or deleted."""
        return self._session.execute(sql, params)

    def read(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Read within the transaction: what it has written so far is seen."""
        return self._session.read(sql, params)

    def read_arrow(self, sql: str, params: Params = None) -> pa.Table:
        """As `read`, as an Arrow table."""
        return self._session.read_arrow(sql, params)

    def register(self, name: str, data: pa.Table | pl.DataFrame) -> None:
        """Make a table in memory readable under a name within this session."""
        self._session.register(name, data)

    def record(self, changes: Sequence[Change]) -> None:
        """Record further changes that this transaction stands for, beside its own."""
        self._changes.extend(changes)

    def adopt(self, change: Change) -> None:
        """Let another change stand in the place of this transaction's own, before anything is written under it."""
        self._changes[0] = change
        self.change_id = change.id
        self.occurred_at = change.occurred_at or self.occurred_at

    @property
    def door(self) -> Door:
        """The door that it came through: one for each lake that is open."""
        return self._session.door

    def touched_since(self, snapshot: int, schema: str, name: str) -> bool:
        """Whether rows of a table were written after a snapshot, by whomever; this transaction's own do not count.

        Much quicker than a look into the table, since only the lines of those snapshots are read.
        """
        if snapshot >= self.snapshot - 1:
            return False
        found = self.read(
            f"""SELECT count(*) AS n, count(*) FILTER (WHERE EXISTS (
                SELECT 1 FROM {METADATA}.ducklake_table AS t JOIN {METADATA}.ducklake_schema AS s USING (schema_id)
                WHERE s.schema_name = $schema AND t.table_name = $name AND t.end_snapshot IS NULL
                  AND regexp_matches(c.changes_made, '(^|,)({ROW_CHANGES}):' || t.table_id || '(,|$)'))) AS hits
            FROM {METADATA}.ducklake_snapshot_changes AS c WHERE snapshot_id > $after AND snapshot_id <= $until""",
            {"schema": schema, "name": name, "after": snapshot, "until": self.snapshot - 1},
        )
        # A line that is not there any more may have told of it.
        return bool(found["hits"][0]) or found["n"][0] < self.snapshot - 1 - snapshot

    def then(self, tell: Callable[[int], None]) -> None:
        """Call `tell(snapshot)` once the commit stands, and never when it does not."""
        self._then.append(tell)

    def cancel(self) -> None:
        """Write nothing after all: the transaction is rolled back and its value still returned."""
        self.cancelled = True

    def _tell(self) -> None:
        for tell in self._then:
            tell(self.snapshot)

    def _write_changes(self) -> None:
        changes = self._changes
        columns: dict[str, list[object]] = {
            name: [getattr(change, name) for change in changes] for name in _CHANGE_COLUMNS
        }
        occurred_at = [change.occurred_at or self.occurred_at for change in changes]
        self._session.execute(
            _INSERT_CHANGES, {**columns, "occurred_at": occurred_at, "snapshot": self.snapshot}
        )
        first = self._changes[0]
        self._session.execute(
            "CALL ducklake_set_commit_message('lake', ?, ?, extra_info => ?)",
            [first.actor, first.reason or first.door, first.id],
        )


class Door:
    """Holds the writer lock from BEGIN to COMMIT, and tries again when the catalog was busy."""

    def __init__(self, lock: WriterLock, *, config: LakeConfig) -> None:
        self._lock = lock
        self._config = config
        self._timeout = config.lock_timeout
        self.newest = 0
        """The snapshot of the last commit that came through this door; 0 before the first."""
        self.latest = 0
        """That of the last one that is awaited."""
        self.listeners: list[Callable[[], None]] = []
        """Called after each commit."""

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold the writer lock, for what writes to the lake without being a commit of it; no other thread writes.

        Raises:
            LakeLockedError: it was not free in time.
        """
        if self._lock.mine:
            yield
            return
        with self._lock.hold(timeout=self._timeout):
            yield

    def bring_back(self, cursor: Cursor, snapshot: int | None) -> bool:
        """Bring a parked snapshot back so that it can be read, or all of them; returns whether there was any."""
        if self._config.kind != "sqlite":
            return False
        with self.hold():
            return catalog.unpark(cursor, snapshot)

    def commit(self, session: Session, work: Callable[[Transaction], T], change: Change) -> Committed[T]:
        """Run `work` in one transaction and commit it with its provenance; see `Session.commit`."""
        started = time.monotonic()
        for attempt in itertools.count(1):
            try:
                with self._lock.hold(timeout=self._timeout):
                    return self._attempt_mended(session, work, change)
            except LakeLockedError:
                raise
            except StorageFullError as error:
                _remove_unfinished(error.file, self._config.data_path)
                raise
            except CatalogBusyError as error:
                waited = time.monotonic() - started
                if waited > self._timeout:
                    raise LakeLockedError(self._config.shown, waited=waited) from error
            except TransientError:
                if attempt >= _ATTEMPTS:
                    raise
            pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            time.sleep(pause * random.uniform(0.5, 1.0))
        raise AssertionError("unreachable")

    def _attempt_mended(
        self, session: Session, work: Callable[[Transaction], T], change: Change
    ) -> Committed[T]:
        """Attempt; again under the same lock when a parked snapshot was asked for, or the catalog was stale."""
        mended: set[str] = set()
        while True:
            seen = session.generation
            try:
                return self._attempt(session, work, change)
            except (SnapshotMissingError, StaleCatalogError) as error:
                if str(error) in mended or not session.mend(error, seen=seen):
                    raise
                mended.add(str(error))

    def _attempt(self, session: Session, work: Callable[[Transaction], T], change: Change) -> Committed[T]:
        session.begin()
        try:
            before = session.snapshot()
            transaction = Transaction(session, change=change, snapshot=before + 1)
            value = work(transaction)
            if session.failed is not None:
                raise TransactionAbortedError(change.id, detail=f"a statement failed: {session.failed}")
            if transaction.cancelled:
                session.rollback()
                return Committed(value, before, transaction.change_id, wrote=False)
            transaction._write_changes()
        except BaseException:
            session.rollback()
            raise
        return self._finish(session, transaction, value)

    def _finish(self, session: Session, transaction: Transaction, value: T) -> Committed[T]:
        try:
            session.end()
        except LakeError:
            session.rollback()
            # The answer to a COMMIT can be lost though it was carried out: never do the work twice.
            if not _stands(session, transaction.change_id):
                raise
        if session.newest_snapshot() != transaction.snapshot and not _stands(session, transaction.change_id):
            raise TransactionAbortedError(
                transaction.change_id, detail="the commit was rolled back by the engine."
            )
        self.newest = max(self.newest, transaction.snapshot)
        if any(change.awaited for change in transaction._changes):
            self.latest = max(self.latest, transaction.snapshot)
        transaction._tell()
        for listener in tuple(self.listeners):
            listener()
        return Committed(value, transaction.snapshot, transaction.change_id)


def _stands(session: Session, change_id: str) -> bool:
    found = session.read_arrow(f"SELECT 1 FROM {_CHANGES} WHERE id = ?", [change_id])
    return bool(found.num_rows)


def _remove_unfinished(file: str | None, data_path: str) -> None:
    """Give back the room that the file which did not fit has taken; nothing refers to it."""
    if file is None or not Path(file).is_relative_to(data_path):
        return
    with suppress(OSError):
        Path(file).unlink()
