"""Group commit: many small writers share a transaction, and each learns its own outcome.

Callers queue; the first becomes the leader, takes the writer lock once and runs what has queued by then; the next
in the queue leads the next group. (After DeWitt et al., "Implementation Techniques for Main Memory Database
Systems", 1984, section 5.2.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lake.door import Change, Transaction
from lake.errors import StorageFullError, TransientError

if TYPE_CHECKING:
    from lake.connection import Lake

_LARGEST_GROUP = 128


class Payload(Protocol):
    """What one caller submits.

    It may also have `keys: frozenset[str]`, the rows it touches: two payloads with a common key are never in one
    transaction, and stay in their order.
    """

    @property
    def change(self) -> Change:
        """Who writes this, and why; recorded when the handler gives a value for it."""


P = TypeVar("P", bound=Payload)
V = TypeVar("V")
Handler = Callable[[Transaction, Sequence[P]], Sequence[V | Exception]]


class _Entry:
    def __init__(self, handler: Handler[Any, Any], payload: Payload) -> None:
        self.handler = handler
        self.payload = payload
        self.keys: frozenset[str] = getattr(payload, "keys", frozenset())
        self.woken = threading.Event()
        self.settled = False
        self._value: Any = None
        self._error: BaseException | None = None

    def settle(self, outcome: Any) -> None:
        self.settled = True
        if isinstance(outcome, BaseException):
            self._error = outcome
        else:
            self._value = outcome

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class Group:
    """The group commit of one lake in this process."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._guard = threading.Lock()
        self._queue: list[_Entry] = []
        self._leading = False

    def __len__(self) -> int:
        """How many wait for a transaction now."""
        return len(self._queue)

    def submit(self, handler: Handler[P, V], payload: P) -> V:
        """Write `payload` in a transaction shared with whoever else submits now; returns once it is durable.

        Args:
            handler: `handler(tx, payloads)` writes all payloads that it is given as sets, and returns for each, in
                order, its value, or the exception that its caller shall get (nothing of that payload may be
                written then). The same function object from every caller; it may run more than once.
            payload: its rows carry `payload.change.id` as `change_id` and `tx.snapshot` as `version`.

        Raises:
            LakeLockedError: the writer lock was not free in time.
            Exception: what the handler returned for this payload, or raised when it was run with this one alone.
        """
        entry = _Entry(handler, payload)
        with self._guard:
            self._queue.append(entry)
            leads, self._leading = not self._leading, True
        if not leads:
            entry.woken.wait()
        if not entry.settled:
            self._lead()
        value: V = entry.result()
        return value

    def _lead(self) -> None:
        batch: list[_Entry] = []
        try:
            self._run(batch)
        except BaseException as error:
            # Nobody may wait for ever, whatever happened to the leader.
            for entry in batch or self._take(batch):
                if not entry.settled:
                    entry.settle(error)
            if not isinstance(error, Exception):
                raise
        finally:
            self._hand_over(batch)

    def _hand_over(self, batch: list[_Entry]) -> None:
        with self._guard:
            successor = self._queue[0] if self._queue else None
            self._leading = successor is not None
        if successor is not None:
            successor.woken.set()
        for entry in batch:
            entry.woken.set()

    def _take(self, batch: list[_Entry]) -> list[_Entry]:
        """Move what may share a transaction from the queue into `batch`; the head of the queue always may."""
        with self._guard:
            taken: set[str] = set()
            left: list[_Entry] = []
            for entry in self._queue:
                if len(batch) < _LARGEST_GROUP and taken.isdisjoint(entry.keys):
                    batch.append(entry)
                else:
                    left.append(entry)
                # Keys of those left behind count too, so that two on one row keep their order.
                taken |= entry.keys
            self._queue = left
        return batch

    def _run(self, batch: list[_Entry]) -> None:
        def work(tx: Transaction) -> list[Any]:
            # Taken only now that the lock is held: whoever came while it was waited for is in.
            entries = batch or self._take(batch)
            return _handle(tx, entries=entries)

        change = Change(actor="system", door="group", reason="several writers")
        try:
            outcomes = self._lake.commit(work, change, light=True).value
        except (TransientError, StorageFullError):
            # Nothing about any one of them: alone they would fare no better.
            raise
        except Exception as error:
            if len(batch) < 2:
                raise
            self._run_singly(batch, error)
            return
        for entry, outcome in zip(batch, outcomes, strict=True):
            entry.settle(outcome)

    def _run_singly(self, batch: list[_Entry], cause: Exception) -> None:
        for entry in batch:
            try:
                change = Change(actor="system", door="group", reason="alone after a failed group")
                [outcome] = self._lake.commit(partial(_handle, entries=[entry]), change, light=True).value
                entry.settle(outcome)
            except Exception as error:
                error.__context__ = cause if error is not cause else None
                entry.settle(error)


def _handle(tx: Transaction, *, entries: Sequence[_Entry]) -> list[Any]:
    alone = len(entries) == 1
    if alone:
        tx.adopt(entries[0].payload.change)
    by_handler: dict[Handler[Any, Any], list[int]] = {}
    for index, entry in enumerate(entries):
        by_handler.setdefault(entry.handler, []).append(index)
    outcomes: list[Any] = [None] * len(entries)
    for handler, indexes in by_handler.items():
        given = handler(tx, [entries[index].payload for index in indexes])
        for index, outcome in zip(indexes, given, strict=True):
            outcomes[index] = outcome
    stored = [
        entry.payload.change
        for entry, outcome in zip(entries, outcomes, strict=True)
        if not isinstance(outcome, Exception)
    ]
    if not stored:
        tx.cancel()
    elif not alone:
        tx.record(stored)
    return outcomes
