"""What is only noted now, and written to the lake a moment later together with what else came."""

import threading
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from crm_core.logs import log_failure

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LONGEST_PAUSE = 60.0
"""Seconds between two attempts at the most, while what waits cannot be written."""


@dataclass
class WriteBehind(Generic[K, V]):
    """Values by their keys, written together `every` seconds after the first of them.

    What could not be written is logged, waits on in memory and is tried again, after twice the pause each time.

    Attributes:
        name: what is written, as the log calls it.
        write: writes what it gets in one commit; of what it raises nothing counts as written.
        every: seconds.
    """

    name: str
    write: Callable[[Mapping[K, V]], object]
    every: float
    _waiting: dict[K, V] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _timer: threading.Timer | None = None
    _failed: int = 0
    _closed: bool = False

    def note(self, key: K, value: V) -> None:
        """Let a value wait to be written in the place of one of the same key."""
        with self._guard:
            self._waiting[key] = value
            self._start()

    def waiting(self) -> dict[K, V]:
        """What is not written yet. Whoever reads what is written as well, reads it after this."""
        with self._guard:
            return dict(self._waiting)

    def flush(self) -> int:
        """Write what waits; returns how many values. A value that is noted meanwhile waits on."""
        # One at a time: of two writers the one that comes last could have the older value.
        with self._writing:
            waiting = self.waiting()
            if not waiting:
                return 0
            self.write(waiting)
            with self._guard:
                self._failed = 0
                for key, value in waiting.items():
                    if self._waiting.get(key) is value:
                        del self._waiting[key]
            return len(waiting)

    def close(self) -> None:
        """Write what waits now, and start nothing more by itself.

        Raises:
            Exception: What waits could not be written, and is tried no more.
        """
        with self._guard:
            self._closed = True
            timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        self.flush()

    def _start(self) -> None:
        """Write after a pause, unless that is on its way; the caller holds the guard."""
        if self._timer is None and not self._closed:
            pause = min(self.every * 2**self._failed, max(self.every, LONGEST_PAUSE))
            self._timer = threading.Timer(pause, self._write_now)
            self._timer.daemon = True
            self._timer.start()

    def _write_now(self) -> None:
        with self._guard:
            self._timer = None
        try:
            self.flush()
        except Exception as error:
            # Nobody waits for an answer here; what is lost would be lost unseen.
            log_failure(f"{self.name} not written", error)
            with self._guard:
                self._failed = min(self._failed + 1, 16)
                self._start()
