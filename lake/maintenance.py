"""Maintenance: small writes become files, small files become large ones, dead rows go; nothing expires by itself.

The order flush, merge, rewrite within one lock is not a taste: a rewrite while deletes are still inlined corrupts the
history of the table. The lock is taken table by table, so that writers get in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from lake import catalog
from lake.errors import LakeLockedError, TransientError

if TYPE_CHECKING:
    from lake.connection import Lake

T = TypeVar("T")

_ATTEMPTS = 5
_MEGABYTE = 1_000_000
# Files are merged with their like only, as in a log-structured merge tree: a table's large file is not written anew
# for each handful of rows. (O'Neil et al., "The Log-Structured Merge-Tree", 1996.)
# Each is (from, below, so many make it worth it); the smallest cost next to nothing.
_TIERS = ((0, _MEGABYTE, 2), (_MEGABYTE, 16 * _MEGABYTE, 4), (16 * _MEGABYTE, 256 * _MEGABYTE, 4))


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a table is worth the work.

    Attributes:
        inlined_rows: rows in the catalog, dead ones included, from which a table is flushed.
        dead_share: share of deleted rows from which a file is rewritten, above 0 and at most 1.
        dead_files: so many files with any deleted rows, which cannot be merged, are rewritten into one ...
        rewritten_bytes: ... when together they are not larger than this.
        old_files_after: how long a file that nothing refers to any more stays for readers who opened it before.
        orphans_after: age from which a file that was never committed is taken away; longer than any load lasts.
            None leaves orphans alone.
    """

    inlined_rows: int = 1000
    dead_share: float = 0.5
    dead_files: int = 4
    rewritten_bytes: int = 32 * _MEGABYTE
    old_files_after: timedelta = timedelta(hours=1)
    orphans_after: timedelta | None = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one run of maintenance did."""

    tables: tuple[str, ...]
    flushed_rows: int
    merged_files: int
    rewritten_files: int
    parked_snapshots: int
    removed_files: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class TableState:
    """How a table lies on disk: inlined rows and deletes, and its live files as (bytes, rows, deleted rows)."""

    table_id: int
    schema: str
    name: str
    inlined: int
    files: tuple[tuple[int, int, int], ...]

    def is_due(self, policy: Policy) -> bool:
        """Whether it is worth flushing, merging or rewriting."""
        return (
            self.inlined >= policy.inlined_rows
            or bool(self.crowded_tiers())
            or self.rewrite_threshold(policy) is not None
        )

    def crowded_tiers(self) -> list[tuple[int, int]]:
        """The size classes, as (from, below), that hold enough files to be merged."""
        # DuckLake does not merge a file that has deletes.
        whole = [size for size, _, deleted in self.files if not deleted]
        return [
            (low, high) for low, high, enough in _TIERS if sum(low <= size < high for size in whole) >= enough
        ]

    def rewrite_threshold(self, policy: Policy) -> float | None:
        """The share of deleted rows from which files are to be rewritten now; None when none is worth it."""
        shares = sorted(
            ((deleted / rows, size) for size, rows, deleted in self.files if deleted), reverse=True
        )
        if len(shares) >= policy.dead_files and sum(size for _, size in shares) <= policy.rewritten_bytes:
            return shares[-1][0]
        return policy.dead_share if shares and shares[0][0] >= policy.dead_share else None


def should_run(lake: Lake, *, policy: Policy = Policy()) -> bool:
    """Whether any table is worth the work; a few milliseconds, no lock."""
    return any(state.is_due(policy) for state in read_states(lake))


def run(lake: Lake, *, policy: Policy = Policy(), everything: bool = False) -> Report:
    """Flush, merge and rewrite what is due, park old snapshots, take away files that nothing needs.

    Safe while others read and write: each step is a transaction of its own under the writer lock.

    Args:
        lake: the lake.
        policy: when a table is due.
        everything: flush every inlined row, due or not.

    Raises:
        LakeLockedError: the writer lock was not free in time.
    """
    started = time.monotonic()
    flushed = merged = rewritten = 0
    touched: list[str] = []
    for state in read_states(lake):
        if not (state.is_due(policy) or (everything and state.inlined)):
            continue
        counts = _locked(lake, partial(_maintain, lake, state, policy))
        flushed, merged, rewritten = flushed + counts[0], merged + counts[1], rewritten + counts[2]
        touched.append(f"{state.schema}.{state.name}")
    parked = _locked(lake, lambda: catalog.park(lake))
    removed = _locked(lake, lambda: _remove_files(lake, policy))
    return Report(
        tables=tuple(touched),
        flushed_rows=flushed,
        merged_files=merged,
        rewritten_files=rewritten,
        parked_snapshots=parked,
        removed_files=removed,
        seconds=time.monotonic() - started,
    )


def read_states(lake: Lake) -> list[TableState]:
    """How every table lies on disk."""
    inlined = _inlined_rows(lake)
    files: dict[int, list[tuple[int, int, int]]] = {}
    for row in catalog.query(
        lake,
        "SELECT f.table_id, f.file_size_bytes, f.record_count, coalesce(sum(d.delete_count), 0) AS deleted "
        "FROM ducklake_data_file f LEFT JOIN ducklake_delete_file d "
        "ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL WHERE f.end_snapshot IS NULL "
        "GROUP BY f.data_file_id, f.table_id, f.file_size_bytes, f.record_count",
    ):
        file = (int(row["file_size_bytes"]), int(row["record_count"]), int(row["deleted"]))
        files.setdefault(int(row["table_id"]), []).append(file)
    tables = catalog.query(
        lake,
        "SELECT t.table_id, s.schema_name, t.table_name FROM ducklake_table t JOIN ducklake_schema s "
        "ON s.schema_id = t.schema_id WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL ORDER BY 1",
    )
    return [
        TableState(
            table_id=int(row["table_id"]),
            schema=row["schema_name"],
            name=row["table_name"],
            inlined=inlined.get(int(row["table_id"]), 0),
            files=tuple(files.get(int(row["table_id"]), ())),
        )
        for row in tables
    ]


def _inlined_rows(lake: Lake) -> dict[int, int]:
    """Rows and deletes that stand in the catalog, by table id."""
    stored = [
        (int(row["table_id"]), str(row["table_name"]))
        for row in catalog.query(lake, "SELECT table_id, table_name FROM ducklake_inlined_data_tables")
    ]
    stored += [
        (int(name.rpartition("_")[2]), name)
        for name in catalog.table_names(lake, prefix="ducklake_inlined_delete_")
    ]
    counts: dict[int, int] = {}
    if stored:
        branches = (
            f'SELECT {table_id} AS table_id, count(*) AS n FROM "{name}"' for table_id, name in stored
        )
        for row in catalog.query(lake, " UNION ALL ".join(branches)):
            counts[int(row["table_id"])] = counts.get(int(row["table_id"]), 0) + int(row["n"])
    return counts


def _maintain(lake: Lake, state: TableState, policy: Policy) -> tuple[int, int, int]:
    """Flush, merge and rewrite one table under the lock that the caller holds."""
    target = {"schema": state.schema, "name": state.name}
    catalog.pin_superseded(lake)
    flushed = lake.read(
        "CALL ducklake_flush_inlined_data('lake', schema_name => $schema, table_name => $name)", target
    )
    catalog.retire_superseded(lake)
    rows = int(flushed["rows_flushed"].sum()) if flushed.height else 0
    merged = 0
    for low, high in _current(lake, state).crowded_tiers():
        done = lake.read(
            "CALL ducklake_merge_adjacent_files('lake', $name, schema => $schema, "
            "min_file_size => $low, max_file_size => $high)",
            {**target, "low": low, "high": high},
        )
        merged += int(done["files_processed"].sum()) if done.height else 0
    rewritten = 0
    threshold = _current(lake, state).rewrite_threshold(policy)
    if threshold is not None:
        done = lake.read(
            "CALL ducklake_rewrite_data_files('lake', $name, schema => $schema, delete_threshold => $share)",
            {**target, "share": threshold},
        )
        rewritten = int(done["files_processed"].sum()) if done.height else 0
    return rows, merged, rewritten


def _current(lake: Lake, state: TableState) -> TableState:
    return next((now for now in read_states(lake) if now.table_id == state.table_id), state)


def _remove_files(lake: Lake, policy: Policy) -> int:
    now = datetime.now(UTC)
    before = now - policy.old_files_after
    if lake.config.kind == "sqlite":
        # Times are text there, and compared as text: "2026-11-22 07:54" is always less than "2026-11-22T00:00".
        before = datetime.combine(before.date(), datetime.min.time(), UTC) - timedelta(seconds=1)
    removed = lake.read("CALL ducklake_cleanup_old_files('lake', older_than => ?)", [before]).height
    if policy.orphans_after is not None:
        removed += lake.read(
            "CALL ducklake_delete_orphaned_files('lake', older_than => ?)", [now - policy.orphans_after]
        ).height
    return removed


def _locked(lake: Lake, step: Callable[[], T]) -> T:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with lake.door.hold():
                return step()
        except LakeLockedError:
            raise
        except TransientError:
            # A writer who knows nothing of our lock came between.
            if attempt == _ATTEMPTS:
                raise
        time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")
