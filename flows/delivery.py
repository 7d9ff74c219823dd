"""Delivery of the outbox: every attempt is recorded before it is made, and its answer before its connection goes on."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import structlog

from crm_core.settings import Settings
from flows.answering import DeliveryReport, record
from flows.answers import Answer, Ledger
from flows.claiming import LaneKey, Rooms, claim, recover, used_in_the_last_minute
from flows.http import HttpPolicy
from flows.journal import Journal
from flows.lanes import Lane, Way
from flows.outbox import host_of
from flows.outbox_tables import DELIVERIES, NO_PROVIDER, NO_SERVER, OUTBOX
from flows.outgoing import Sender, ways_of
from flows.smtp import MailServer, mail_domain
from flows.tracking import Tracker
from lake import Lake
from lake.errors import LakeError

__all__ = ["DELIVERIES", "Delivery", "DeliveryConfig", "DeliveryReport", "deliver_once", "next_due"]

_log = structlog.get_logger("flows")
T = TypeVar("T")

MAX_ATTEMPTS = 12
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_CLOSED = timedelta(minutes=5)
"""How long a server that failed is left alone at most; its messages wait without an attempt."""

ROOMS = {"email": 1000, "webhook": 100, "sms": 100, "whatsapp": 100}
"""Messages of one lane that are taken at a time."""

_TICK = 0.25
_BATCH = 1000
"""Answers in the journal that are brought into the lake at once, and those that came within a second before."""


@dataclass(frozen=True)
class Provider:
    """Who sends text messages: the address that is asked, and the token that opens it."""

    url: str = ""
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class DeliveryConfig:
    """How messages leave, and how patiently.

    Attributes:
        smtp_url: the mail server; empty keeps mail queued.
        mail_from: the sender of mail.
        timeout: seconds for each answer of a server.
        connections: to the mail server at a time.
        max_attempts: after so many a message is dead.
        first_pause: after the first failed attempt; twice as long after each further one.
        journal: a folder of this machine where answers are safe before they are in the lake; without one each waits
            for its commit, which is slower.
        files: the folder of uploaded files.
        providers: of text messages, by channel.
        http: what may be called, and how many calls a host gets at a time.
        per_minute: attempts that a lane gets in a minute, by channel; 0 or none is no limit.
        settings: where the secrets of webhooks come from; without them webhooks are not signed.
        tracker: tells of opened and clicked messages; None where the world cannot reach this server.
    """

    smtp_url: str
    mail_from: str
    timeout: float = 30.0
    connections: int = 8
    max_attempts: int = MAX_ATTEMPTS
    first_pause: timedelta = FIRST_PAUSE
    journal: Path | None = None
    files: Path | None = None
    providers: Mapping[str, Provider] = field(default_factory=dict)
    http: HttpPolicy = field(default_factory=HttpPolicy)
    per_minute: Mapping[str, int] = field(default_factory=dict)
    settings: Settings | None = None
    tracker: Tracker | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> "DeliveryConfig":
        """As the settings of a workspace say."""
        return cls(
            settings.smtp_url,
            settings.mail_from,
            connections=settings.mail_connections,
            journal=settings.home.expanduser().absolute() / "delivery",
            files=settings.files_path,
            providers={
                "sms": Provider(settings.sms_url, settings.sms_token.get_secret_value()),
                "whatsapp": Provider(settings.whatsapp_url, settings.whatsapp_token.get_secret_value()),
            },
            http=HttpPolicy(settings.webhook_allow, connections=settings.webhook_connections),
            per_minute={
                "email": settings.mail_per_minute, "sms": settings.sms_per_minute,
                "whatsapp": settings.whatsapp_per_minute, "webhook": settings.webhook_per_minute,
            },
            settings=settings,
            tracker=Tracker.of(settings),
        )  # fmt: skip

    def pause(self, attempt: int) -> timedelta:
        """How long to wait after a failed attempt (1-based): twice as long each time, with a fifth of jitter."""
        plain: timedelta = min(self.first_pause * 2.0 ** (min(attempt, 64) - 1), LONGEST_PAUSE)
        return plain * random.uniform(0.8, 1.2)

    @property
    def servers(self) -> dict[str, str]:
        """Channel → host and port of its server, without a password."""
        found = {one: host_of(provider.url) for one, provider in self.providers.items()}
        return found | {"email": MailServer.from_url(self.smtp_url).name}

    @property
    def missing(self) -> dict[str, str]:
        """Channel → why its messages stay queued, for those that have nobody to send them."""
        found = {} if self.smtp_url else {"email": NO_SERVER}
        return found | {
            one: sentence
            for one, sentence in NO_PROVIDER.items()
            if not self.providers.get(one, Provider()).url
        }


def deliver_once(lake: Lake, config: DeliveryConfig, *, now: datetime | None = None) -> DeliveryReport:
    """Try every message that is due, until none is; whoever calls it holds the lease `delivery`.

    Args:
        lake: the lake.
        config: the servers.
        now: the aware instant that counts as now.
    """
    return Delivery(lake, config).run(now=now)


def next_due(lake: Lake, *, without: Iterable[str] = ()) -> datetime | None:
    """When the next message is to be tried, leaving out some channels; None when none waits."""
    found: datetime | None = lake.read(
        f"SELECT min(next_attempt_at) AS due FROM {OUTBOX} WHERE state IN ('queued', 'unknown', 'sending') "
        "AND channel NOT IN (SELECT unnest($without::varchar[]))",
        {"without": list(without)},
    )["due"][0]
    return found


class Delivery:
    """The delivery of one process: it remembers which servers failed, and leaves those alone for a while.

    Whatever waits for one lane (the mail server, a provider, the host of a webhook) holds up no other.
    """

    def __init__(self, lake: Lake, config: DeliveryConfig) -> None:
        self._lake = lake
        self._config = config
        self._closed: dict[LaneKey, tuple[datetime, int]] = {}
        self._journal = Journal(config.journal) if config.journal else None

    @property
    def missing(self) -> Mapping[str, str]:
        """Channel → why its messages stay queued."""
        return self._config.missing

    def run(
        self, *, now: datetime | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> DeliveryReport:
        """Try what is due until nothing is, or until told to stop; what is on its way then is still awaited.

        Messages that are found in the middle of an attempt belong to a process that died: what its journal tells is
        kept, and those of which nobody knows the outcome are tried again, as the same message.

        Args:
            now: the aware instant that counts as now.
            stopped: asked again and again.
        """
        missing = self._config.missing
        self._recall(now or datetime.now(UTC))
        recover(self._lake, now or datetime.now(UTC))
        report = asyncio.run(_Round(self, now, stopped, missing).deliver())
        waits = not report.tried and missing.get("email")
        return replace(report, reason=missing["email"]) if waits else report

    def _recall(self, now: datetime) -> None:
        """Bring into the lake what a journal of before tells."""
        if self._journal is None:
            return
        # What a round that failed has left behind stands in the files as well.
        self._journal.take()
        for answers, place in self._journal.left():
            if answers:
                self.keep(answers, now)
            self._journal.forget(place)

    def keep(self, answers: Sequence[Answer], now: datetime) -> DeliveryReport:
        """Record answers in the lake. Tries again while it is locked or full: what is forgotten is sent twice."""
        return _persist(
            lambda: record(
                self._lake,
                answers,
                now=now,
                pause=self._config.pause,
                max_attempts=self._config.max_attempts,
                servers=self._config.servers,
            )
        )

    def is_closed(self, key: LaneKey, now: datetime) -> bool:
        """Whether a lane is left alone."""
        return key in self._closed and self._closed[key][0] > now

    def close(self, key: LaneKey, now: datetime, until: datetime | None) -> None:
        """Leave a lane alone, until the instant that it asked for, or a while that grows with each time."""
        times = self._closed.get(key, (now, 0))[1] + 1
        pause = min(self._config.pause(times), LONGEST_CLOSED)
        self._closed[key] = (until or now + pause, times)

    def open(self, key: LaneKey) -> None:
        """A lane has answered: its failures are forgotten."""
        self._closed.pop(key, None)


class _Round:
    """One run of a delivery within an event loop."""

    def __init__(
        self,
        delivery: Delivery,
        now: datetime | None,
        stopped: Callable[[], bool],
        missing: Mapping[str, str],
    ) -> None:
        self.delivery = delivery
        self.lake, self.config = delivery._lake, delivery._config
        self.journal = delivery._journal
        self.given, self.stopped = now, stopped
        self.reports: list[DeliveryReport] = []
        self.lanes: dict[LaneKey, Lane] = {}
        self.attempts: dict[str, int] = {}
        self.ledger = Ledger(self._kept)
        self.kept_at = time.monotonic()
        self.ways: Mapping[str, Way] = ways_of(self.config, self.ledger, now)
        self.open_channels = [one for one in self.ways if one not in missing]

    @property
    def now(self) -> datetime:
        return self.given or datetime.now(UTC)

    async def deliver(self) -> DeliveryReport:
        try:
            while True:
                took = 0 if self.stopped() else await self._take()
                tasks = [task for lane in self.lanes.values() for task in lane.tasks]
                if not tasks and not took:
                    break
                if tasks:
                    await asyncio.wait(tasks, timeout=_TICK, return_when=asyncio.FIRST_COMPLETED)
                await self._settle()
                await self._to_lake(least=_BATCH)
            await self._to_lake(least=1)
        finally:
            for lane in self.lanes.values():
                await lane.close()
        return sum(self.reports, DeliveryReport())

    async def _take(self) -> int:
        """Claim as much as there is room for, and hand it to the lanes."""
        rooms = self._rooms()
        if rooms is None:
            return 0
        if any(self.config.per_minute.values()):
            used = await asyncio.to_thread(used_in_the_last_minute, self.lake, self.now)
            rooms = rooms.within(used, self.config.per_minute)
        domain = mail_domain(self.config.mail_from)
        claimed = await asyncio.to_thread(claim, self.lake, rooms, now=self.now, domain=domain)
        self.reports.append(DeliveryReport(dropped=claimed.refused))
        if not claimed.rows.height:
            return claimed.refused
        self.attempts |= dict(zip(claimed.rows["id"], claimed.rows["attempts"], strict=True))
        sender = Sender(self.lake, self.config)
        ready, answers = await asyncio.to_thread(sender.prepare, claimed.rows)
        if answers:
            await self.ledger.note(*answers)
        for key, items in ready.items():
            if key not in self.lanes:
                self.lanes[key] = Lane(self.ways[key[0]].begin(key[1]))
            self.lanes[key].feed(items)
        return claimed.rows.height + claimed.refused

    def _rooms(self) -> Rooms | None:
        channels = {one: ROOMS[one] for one in self.open_channels}
        lanes = {}
        for key, lane in self.lanes.items():
            most, busy = ROOMS[key[0]], lane.waiting
            lanes[key] = most - busy if busy <= most // 2 else 0
        for key in self.delivery._closed:
            if self.delivery.is_closed(key, self.now):
                lanes[key] = 0
        full = all(lanes.get((one, "")) == 0 for one in channels if one != "webhook")
        return None if not channels or ("webhook" not in channels and full) else Rooms(channels, lanes)

    async def _settle(self) -> None:
        """What a lane left undone since its server failed is put back without an attempt."""
        for key, lane in self.lanes.items():
            settled = lane.settle()
            if settled is None:
                continue
            if not settled.failed and settled.until is None:
                self.delivery.open(key)
                continue
            if settled.left or settled.until is not None:
                self.delivery.close(key, self.now, settled.until)
            words = "not tried, since the server failed before"
            back = [
                Answer(one.id, "retry", words, tried=False, retry_at=settled.until) for one in settled.left
            ]
            if back:
                await self.ledger.note(*back)

    async def _to_lake(self, *, least: int) -> None:
        """Bring the journal's answers into the lake, when they are many or a second old."""
        if self.journal is None or not len(self.journal):
            return
        if len(self.journal) < least and time.monotonic() - self.kept_at < 1.0:
            return
        answers, place = self.journal.take()
        self.reports.append(await asyncio.to_thread(self.delivery.keep, answers, self.now))
        self.journal.forget(place)
        self.kept_at = time.monotonic()

    def _kept(self, answers: Sequence[Answer]) -> None:
        told = [replace(one, attempt=self.attempts.pop(one.id, 0)) for one in answers]
        if self.journal is not None:
            self.journal.append(told)
        else:
            self.reports.append(self.delivery.keep(told, self.now))


def _persist(work: Callable[[], T]) -> T:
    for pause in _PERSISTENCE:
        try:
            return work()
        except LakeError as error:
            _log.warning("answers are not recorded yet", error=str(error))
            time.sleep(pause)
    return work()


_PERSISTENCE = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between the tries, each of which waits for the lock by itself."""
