"""What became of attempts, and how an answer is kept before its connection goes on."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Outcome = Literal["sent", "retry", "refused", "unknown"]
"""sent: the other side took it. retry: not now. refused: never. unknown: the answer got lost after the text."""


@dataclass(frozen=True)
class Answer:
    """What became of one attempt, in the other side's words where there are any.

    Attributes:
        id: of the message in the outbox.
        outcome: what it came to.
        words: at most 500 characters.
        tried: False when it was put back without an attempt.
        retry_at: the aware instant before which the other side wants to hear nothing.
        attempt: which attempt it was, 1-based; 0 when that is not told.
    """

    id: str
    outcome: Outcome
    words: str
    tried: bool = True
    retry_at: datetime | None = None
    attempt: int = 0


Record = Callable[[Sequence[Answer]], None]
"""Keeps answers for good; called from another thread, never twice at a time."""


@dataclass
class Ledger:
    """The answers so far, and those that are still to be kept: what comes in meanwhile is kept in one go."""

    record: Record | None
    answers: dict[str, Answer] = field(default_factory=dict)
    waiting: list[Answer] = field(default_factory=list)
    recording: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def note(self, *answers: Answer) -> None:
        """Keep answers; returns once they are kept, and only then may a connection go on."""
        self.answers |= {answer.id: answer for answer in answers}
        self.waiting += answers
        mine = {answer.id for answer in answers}
        async with self.recording:
            # Another connection may have kept these too; what came after them waits for whoever brought it.
            if not any(answer.id in mine for answer in self.waiting):
                return
            batch, self.waiting = self.waiting, []
            if self.record is not None:
                await asyncio.to_thread(self.record, batch)
