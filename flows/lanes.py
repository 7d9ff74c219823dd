"""Lanes: what waits for one server and its connections, apart from all that waits for others."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from flows.answers import Ledger
from flows.http import Call, HttpPolicy, Patience, call_all, new_client
from flows.smtp import Letter, MailServer, hand_over_all

Item = Letter | Call


class Work(Protocol):
    """How one server is given its messages; `until` is when it wants to be asked again, `failed` that it failed."""

    @property
    def connections(self) -> int: ...

    @property
    def until(self) -> datetime | None: ...

    @property
    def failed(self) -> bool: ...

    async def run(self, queue: "asyncio.Queue[Any]") -> None:
        """One connection: what is in the queue, until it is empty or the server fails."""

    def begin_anew(self) -> None:
        """Forget what failed."""

    async def close(self) -> None:
        """Close what is open."""


class Way(Protocol):
    """How the messages of a channel leave."""

    def begin(self, host: str) -> Work:
        """The work for one host."""


@dataclass(frozen=True)
class MailWay:
    """Everything goes to one mail server."""

    server: MailServer
    ledger: Ledger

    def begin(self, host: str) -> "MailWork":
        """The work for the mail server."""
        return MailWork(self.server, self.ledger)


@dataclass(frozen=True)
class MailWork:
    """Connections to a mail server; they tell by what they leave undone that it failed."""

    server: MailServer
    ledger: Ledger
    until: datetime | None = None
    failed: bool = False

    @property
    def connections(self) -> int:
        """At a time."""
        return self.server.connections

    async def run(self, queue: "asyncio.Queue[Any]") -> None:
        """One connection."""
        await hand_over_all(self.server, queue, self.ledger)

    def begin_anew(self) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        """Each connection closes itself."""


@dataclass(frozen=True)
class HttpWay:
    """Every host has a client of its own, so that no connection of one is used for another."""

    policy: HttpPolicy
    ledger: Ledger
    now: datetime | None = None

    def begin(self, host: str) -> "HttpWork":
        """The work for a host."""
        return HttpWork(self)


class HttpWork:
    """Calls of one host."""

    def __init__(self, way: HttpWay) -> None:
        self._way = way
        self._client = new_client(way.policy)
        self._patience = Patience()

    @property
    def connections(self) -> int:
        """At a time."""
        return self._way.policy.connections

    @property
    def until(self) -> datetime | None:
        """When the host wants to be called again."""
        return self._patience.until

    @property
    def failed(self) -> bool:
        """Whether the last calls got no answer."""
        return self._patience.failures > 0

    async def run(self, queue: "asyncio.Queue[Any]") -> None:
        """One connection."""
        way = self._way
        await call_all(
            self._client, queue, way.ledger, self._patience, timeout=way.policy.timeout, now=way.now
        )

    def begin_anew(self) -> None:
        """Forget what failed."""
        self._patience = Patience()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@dataclass(frozen=True)
class Settled:
    """What a lane came to when its last connection ended: what it left undone, and how the server stands."""

    left: Sequence[Item]
    until: datetime | None
    failed: bool


@dataclass
class Lane:
    """What waits for one server, and the tasks of its connections."""

    work: Work
    queue: "asyncio.Queue[Item]" = field(default_factory=asyncio.Queue)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def waiting(self) -> int:
        """How many messages are not answered yet."""
        return self.queue.qsize() + len(self.tasks)

    def feed(self, items: Sequence[Item]) -> None:
        """Take messages, and connections for them."""
        for item in items:
            self.queue.put_nowait(item)
        # A connection that has ended and is not settled yet takes nothing any more.
        busy = sum(not task.done() for task in self.tasks)
        for _ in range(min(self.work.connections - busy, self.queue.qsize())):
            self.tasks.add(asyncio.create_task(self.work.run(self.queue)))

    def settle(self) -> Settled | None:
        """Let go of connections that ended; once none is left, what became of the lane.

        Raises:
            LakeError, OSError: An answer could not be kept.
        """
        ended = {task for task in self.tasks if task.done()}
        if not ended:
            return None
        self.tasks -= ended
        for task in ended:
            task.result()
        if self.tasks:
            return None
        left = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        settled = Settled(left, self.work.until, self.work.failed or bool(left))
        self.work.begin_anew()
        return settled

    async def close(self) -> None:
        """End what is still under way, and close the connections."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.work.close()
