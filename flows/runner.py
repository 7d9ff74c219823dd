"""The runner: follows the change feed, and lets active flows act on what changed, exactly once."""

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from crm_core.logs import log_failure
from flows.active import active_flows
from flows.catch_up import catch_up
from flows.commit import Stored, commit_window
from flows.delivery import Delivery, DeliveryConfig, next_due
from flows.schedule import Fired, Schedule
from flows.timers import Clock, resume_due
from flows.window import stage_window
from flows.windows import MAX_SNAPSHOTS, next_window, read_cursor
from lake import Lake

LEASE = "runner"
DELIVERY_LEASE = "delivery"
BREATH = 3.0
"""Windows that follow each other without a pause leave so many times their own duration to those who write."""

LONGEST_BREATH = 2.0
"""Seconds that a change waits at most for the next window, however long the last one took."""

PROMPT = 4
"""So many windows follow each other without a pause: a change, what it sets off, and so on."""

POLL_SECONDS = 0.1
LAG = 256
"""So many snapshots may pass without any run before the cursor is stored all the same."""

MANY = 1000
"""Changes that are not to be looked at twice, so that the cursor is stored though they set off nothing."""

FEW_COMMITS = 50
"""Of so many commits at most, a window without large files is worked through by one thread: it costs less."""


@dataclass(frozen=True)
class WindowReport:
    """What one window came to: the snapshots `(after, until]`, the changes in them, and what the flows did.

    `cursor` is where the stored cursor stands; `committed` the snapshot that stored the window, None when nothing had
    to be stored.
    """

    after: int
    until: int
    cursor: int
    changes: int = 0
    runs: int = 0
    done: int = 0
    failed: int = 0
    not_matched: int = 0
    messages: int = 0
    held: int = 0
    committed: int | None = None
    seconds: float = 0.0


def run_once(
    lake: Lake,
    *,
    cursor: int | None = None,
    after: int | None = None,
    now: datetime | None = None,
    max_snapshots: int = MAX_SNAPSHOTS,
) -> WindowReport | None:
    """Work through the next window; None when there is none. Whoever calls it holds the lease `runner`.

    Effects, runs and the cursor are one commit: when the process dies before it, nothing happened and the window is
    worked through again; when another got there first, nothing is written.

    Args:
        lake: the lake.
        cursor: where the stored cursor stands, when that is known; else it is read.
        after: the last snapshot that was read, when it is further than the stored cursor.
        now: the aware instant that relative conditions count from; that of the window's last commit by default.
        max_snapshots: how many commits at most.
    """
    started = time.monotonic()
    cursor = read_cursor(lake) if cursor is None else cursor
    begin = max(cursor, after or 0)
    found = next_window(lake, after=begin, now=now, max_snapshots=max_snapshots)
    if found is None:
        return None
    waited = catch_up(lake, read=begin, max_snapshots=max_snapshots)
    if waited is not None:
        return WindowReport(
            begin, begin, cursor, waited.changes, waited.runs, *_counts(waited.stored), waited.snapshot,
            time.monotonic() - started,
        )  # fmt: skip
    window, catalog = found
    flows = active_flows(catalog)
    small = (
        window.until - window.after <= FEW_COMMITS
        and lake.feed.rows_filed(window.after, window.until) <= MANY
    )
    with lake.session(light=small, bulk=not small) as session:
        staged = stage_window(session, lake, catalog, flows, window)
        if not staged.runs and not staged.came and staged.changes < MANY and window.until - cursor < LAG:
            return WindowReport(
                window.after, window.until, cursor, staged.changes, seconds=time.monotonic() - started
            )
        done = commit_window(session, lake, staged, cursor)
    if done.snapshot is None:
        # Another runner was there first: its cursor counts, and nothing of this was stored.
        there = read_cursor(lake)
        return WindowReport(window.after, there, there, seconds=time.monotonic() - started)
    return WindowReport(
        window.after, window.until, window.until, staged.changes, staged.runs, *_counts(done.stored),
        done.snapshot, time.monotonic() - started,
    )  # fmt: skip


def _told(fired: Fired, *, after: int, cursor: int) -> WindowReport:
    """What a flow of the clock did, as a window without a change."""
    stored = fired.stored
    runs = stored.done + stored.failed
    return WindowReport(after, after, cursor, fired.records, runs, *_counts(stored), fired.snapshot)


def _counts(stored: Stored) -> tuple[int, int, int, int, int]:
    return stored.done, stored.failed, stored.not_matched, stored.messages, stored.held


def run_until_current(
    lake: Lake, *, now: datetime | None = None, max_windows: int = 1000
) -> list[WindowReport]:
    """Work through everything there is now, and through what that sets off; the lease `runner` is taken for it.

    Returns:
        The windows; none when another process holds the lease and does the work.
    """
    reports: list[WindowReport] = []
    with lake.lease(LEASE) as mine:
        if not mine:
            return []
        cursor = after = read_cursor(lake)
        schedule = Schedule(lake)
        while len(reports) < max_windows:
            report = run_once(lake, cursor=cursor, after=after, now=now)
            if report is None:
                fired = schedule.run(now or datetime.now(UTC))
                reports += [_told(one, after=after, cursor=cursor) for one in fired]
                if resume_due(lake, now=now) is None and not fired:
                    break
                continue
            reports.append(report)
            after, cursor = report.until, report.cursor
    return reports


class Runner:
    """The runner as a thread of a process: it waits for the lease, then for changes, and for mail that is due.

    Several processes may have one; the one that holds the lease works, the others stand by.
    """

    def __init__(
        self, lake: Lake, *, delivery: DeliveryConfig | None = None, poll: float = POLL_SECONDS
    ) -> None:
        self._lake = lake
        self._delivery = delivery
        self._poll = poll
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._threads = [threading.Thread(target=self._follow, name="flows", daemon=True)]
        if delivery is not None:
            self._threads.append(threading.Thread(target=self._deliver, name="delivery", daemon=True))
        self.working = False
        self.last_error: str | None = None

    def start(self) -> None:
        """Begin to follow the feed."""
        self._lake.door.listeners.append(self.wake)
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at once, without waiting for the next poll."""
        self._woken.set()

    def stop(self, *, timeout: float = 30.0) -> None:
        """End after the window that is being worked through; waits at most `timeout` seconds."""
        self._stopping.set()
        self._woken.set()
        if self.wake in self._lake.door.listeners:
            self._lake.door.listeners.remove(self.wake)
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._lake.lease(LEASE) as mine:
                    self.working = mine
                    if mine:
                        self._work()
            except Exception as error:
                # The catalog's server may come back; a server whose runner has ended would stand still unseen.
                self._fail("runner failed", error)
                self._stopping.wait(2.0)
            self.working = False
            self._stopping.wait(1.0)

    def _work(self) -> None:
        """Follow the feed while the lease is held, from where the cursor stands."""
        cursor, failures, busy = read_cursor(self._lake), 0, 0
        clock, schedule = Clock(self._lake), Schedule(self._lake)
        after = cursor
        while not self._stopping.is_set():
            try:
                most = MAX_SNAPSHOTS if failures < 3 else 1
                report = run_once(self._lake, cursor=cursor, after=after, max_snapshots=most)
                if clock.is_due(datetime.now(UTC)) and resume_due(self._lake) is not None:
                    clock.look()
                if schedule.is_due(datetime.now(UTC)):
                    schedule.run(datetime.now(UTC))
                failures, self.last_error = 0, None
            except Exception as error:
                # The runner outlives whatever one window does to it; the window is tried again.
                failures += 1
                self._fail("window failed", error, after=after)
                cursor = after = read_cursor(self._lake)
                self._stopping.wait(min(0.2 * 2**failures, 30.0))
                continue
            if report is None:
                busy = 0
                self._woken.wait(self._poll)
                self._woken.clear()
                continue
            after, cursor, busy = report.until, report.cursor, busy + 1
            # Under a stream of small commits it would work without end, at the cost of those who write.
            if busy > PROMPT:
                self._stopping.wait(min(report.seconds * BREATH, LONGEST_BREATH))

    def _fail(self, event: str, error: Exception, **facts: object) -> None:
        self.last_error = str(error)
        log_failure(event, error, **facts)

    def _deliver(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._lake.lease(DELIVERY_LEASE) as mine:
                    assert self._delivery is not None
                    delivery = Delivery(self._lake, self._delivery)
                    while mine and not self._stopping.is_set():
                        self._deliver_due(delivery)
            except Exception as error:
                log_failure("delivery failed", error)
                self._stopping.wait(5.0)
            self._stopping.wait(1.0)

    def _deliver_due(self, delivery: Delivery) -> None:
        """One round of delivery, or a wait until something may be due."""
        seen = self._lake.snapshot()
        if delivery.run(stopped=self._stopping.is_set).tried:
            return
        due = next_due(self._lake, without=delivery.missing)
        while not self._stopping.is_set() and self._lake.snapshot() == seen:
            if due is not None and due <= datetime.now(due.tzinfo):
                # What is due and was not tried waits for its server, or for the next minute.
                self._stopping.wait(1.0)
                return
            self._stopping.wait(0.25)
