"""What is read from the lake and kept as long as it cannot have changed: keyed by snapshot, never by time."""

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import polars as pl

from lake import Lake

T = TypeVar("T")


class Reader(Protocol):
    """Whatever reads the lake: the lake itself, a session, a transaction."""

    def read(self, sql: str, params: list[object] | None = None) -> pl.DataFrame:
        """Run one statement."""


@dataclass
class _Kept(Generic[T]):
    seen: int
    mark: int
    value: T


class SnapshotCache(Generic[T]):
    """One value a lake. It is valid at the snapshot it was read at, and at any later one with the same mark.

    Args:
        mark_sql: a statement giving one number that grows whenever the value may have changed.
        read: reads the value, given a reader and the mark.
    """

    def __init__(self, mark_sql: str, read: Callable[[Reader, int], T]) -> None:
        self._mark_sql = mark_sql
        self._read = read
        self._kept: weakref.WeakKeyDictionary[Lake, _Kept[T]] = weakref.WeakKeyDictionary()
        self._guard = threading.Lock()

    def get(self, lake: Lake, *, reader: Reader | None = None, snapshot: int | None = None) -> T:
        """The value now, or as `reader` (an open transaction) sees it at `snapshot`.

        The snapshot is taken before the mark is read, so a change in between is found at the next call.
        """
        now = lake.recent_snapshot() if snapshot is None else snapshot
        with self._guard:
            kept = self._kept.get(lake)
        if kept is not None and kept.seen == now:
            return kept.value
        source = reader or lake
        mark = int(source.read(self._mark_sql).item())
        value = kept.value if kept is not None and kept.mark == mark else self._read(source, mark)
        self._keep(lake, _Kept(now, mark, value))
        return value

    def note_commit(self, lake: Lake, snapshot: int) -> None:
        """Know that this process made `snapshot` without touching the value: no look is needed at it."""
        with self._guard:
            kept = self._kept.get(lake)
            if kept is not None and kept.seen == snapshot - 1:
                self._kept[lake] = _Kept(snapshot, kept.mark, kept.value)

    def _keep(self, lake: Lake, fresh: _Kept[T]) -> None:
        with self._guard:
            kept = self._kept.get(lake)
            if kept is None or kept.seen <= fresh.seen:
                self._kept[lake] = fresh
