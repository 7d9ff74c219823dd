"""What a process does again and again beside its main work, each in its own thread."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crm_core.logs import log_failure

_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class Worker:
    """Something done again and again: `step` after each `every` seconds, for as long as the process runs.

    `step` gets the event that ends it, so that a long one can stop in between.
    """

    name: str
    step: Callable[[threading.Event], object]
    every: float


class Background:
    """The workers of one process."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), name=worker.name, daemon=True)
            for worker in workers
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 20.0) -> None:
        """End after the steps that run now; one that takes longer dies with the process, as in a crash."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _run(self, worker: Worker) -> None:
        pause = worker.every
        while not self._stop.is_set():
            try:
                worker.step(self._stop)
                pause = worker.every
            except Exception as error:
                # The next step may succeed, and a server without its workers would stand still unseen.
                log_failure("background work failed", error, worker=worker.name)
                pause = min(max(pause, 0.5) * 2, max(_LONGEST_PAUSE, worker.every))
            self._stop.wait(pause)
