"""Answers that are safe on this machine's disk before they stand in the lake: synced, and read after a crash."""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from flows.answers import Answer

_log = structlog.get_logger("flows")
_PREFIX, _SUFFIX = "delivery-", ".jsonl"


@dataclass
class Journal:
    """The answers that came since the last commit. One process writes it, under the lease of the delivery.

    Attributes:
        folder: where its parts lie; it is made when it is missing.
    """

    folder: Path
    _part: int = 0
    _waiting: list[Answer] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def append(self, answers: Sequence[Answer]) -> None:
        """Keep answers; returns once they are on the disk.

        Raises:
            OSError: The disk is full, or cannot be written.
        """
        lines = "".join(json.dumps(_plain(one), ensure_ascii=False) + "\n" for one in answers)
        with self._guard:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._place(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
                stream.write(lines)
                stream.flush()
                os.fsync(stream.fileno())
            self._waiting += answers

    def __len__(self) -> int:
        """How many answers are not in the lake yet."""
        return len(self._waiting)

    def take(self) -> tuple[list[Answer], Path]:
        """The answers that wait, and the part they stand in: to be forgotten once they are in the lake."""
        with self._guard:
            taken, self._waiting = self._waiting, []
            place = self._place()
            self._part += 1
            return taken, place

    def left(self) -> list[tuple[list[Answer], Path]]:
        """What a process that died has left behind, in its order; a line that was cut off is no answer."""
        parts = sorted(self.folder.glob(f"{_PREFIX}*{_SUFFIX}"), key=lambda place: place.stat().st_mtime_ns)
        return [(_read(place), place) for place in parts]

    def forget(self, place: Path) -> None:
        """Remove a part whose answers are in the lake."""
        place.unlink(missing_ok=True)

    def _place(self) -> Path:
        return self.folder / f"{_PREFIX}{os.getpid()}-{self._part:06}{_SUFFIX}"


def _plain(answer: Answer) -> dict[str, Any]:
    told = answer.retry_at.isoformat() if answer.retry_at else None
    return {**asdict(answer), "retry_at": told}


def _read(place: Path) -> list[Answer]:
    answers = []
    for line in place.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        try:
            given = json.loads(line)
            retry_at = datetime.fromisoformat(given["retry_at"]) if given["retry_at"] else None
            answers.append(Answer(**{**given, "retry_at": retry_at}))
        except (ValueError, TypeError, KeyError) as error:
            # Cut off by a crash, or lost with the power: that attempt is of unknown outcome, the others are not.
            _log.warning("a line of the delivery's journal cannot be read", file=place.name, error=str(error))
    return answers
