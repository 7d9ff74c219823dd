"""The writer lock: one writer at a time, in this process and across processes, freed when its holder dies."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lake.errors import LakeLockedError, SettingError

if TYPE_CHECKING:
    import psycopg

# The advisory lock's key within its database: "merganse" as a number.
WRITER_KEY = 0x6D657267616E7365
_POLL_SECONDS = 0.003


class WriterLock(ABC):
    """A lock of one lake; threads of this process queue first, so that processes contend one by one."""

    def __init__(self, catalog: str) -> None:
        self._catalog = catalog
        self._threads = threading.Lock()
        self._holder: int | None = None

    @property
    def mine(self) -> bool:
        """Whether the calling thread holds the lock."""
        return self._holder == threading.get_ident()

    @contextmanager
    def hold(self, *, timeout: float) -> Iterator[None]:
        """Hold the lock.

        Args:
            timeout: seconds to wait at most.

        Raises:
            LakeLockedError: it was not free in time.
        """
        started = time.monotonic()
        if not self._threads.acquire(timeout=timeout):
            raise LakeLockedError(self._catalog, waited=timeout, holder="another thread of this process")
        try:
            self._acquire(max(0.0, timeout - (time.monotonic() - started)), timeout)
            self._holder = threading.get_ident()
            try:
                yield
            finally:
                self._holder = None
                self._release()
        finally:
            self._threads.release()

    @contextmanager
    def hold_here(self, *, timeout: float) -> Iterator[None]:
        """Keep the other threads of this process from writing; other processes may.

        Raises:
            LakeLockedError: one of them wrote for longer than `timeout` seconds.
        """
        if self.mine:
            yield
            return
        if not self._threads.acquire(timeout=timeout):
            raise LakeLockedError(self._catalog, waited=timeout, holder="another thread of this process")
        try:
            yield
        finally:
            self._threads.release()

    @abstractmethod
    def _acquire(self, remaining: float, timeout: float) -> None: ...

    @abstractmethod
    def _release(self) -> None: ...

    def close(self) -> None:  # noqa: B027 - a file lock keeps nothing open
        """Give back what the lock keeps open; a lock that is held is freed."""


class FileWriterLock(WriterLock):
    """Two lock files beside the catalog.

    Whoever waits stands at the gate: the process that just wrote must pass it again, so a busy writer cannot starve
    the others.
    """

    def __init__(self, catalog: Path) -> None:
        super().__init__(str(catalog))
        self._gate = FileLock(f"{catalog}.gate", thread_local=False, preserve_lock_file=True)
        self._file = FileLock(f"{catalog}.lock", thread_local=False, preserve_lock_file=True)

    def _acquire(self, remaining: float, timeout: float) -> None:
        deadline = time.monotonic() + remaining
        try:
            with self._gate.acquire(timeout=remaining, poll_interval=_POLL_SECONDS):
                self._file.acquire(timeout=max(0.0, deadline - time.monotonic()), poll_interval=_POLL_SECONDS)
        except Timeout as error:
            raise LakeLockedError(self._catalog, waited=timeout) from error

    def _release(self) -> None:
        self._file.release()


class PostgresWriterLock(WriterLock):
    """A session advisory lock in the catalog's database, on a connection of its own; the server queues fairly."""

    def __init__(self, conninfo: str) -> None:
        super().__init__("postgres")
        self._conninfo = conninfo
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def _acquire(self, remaining: float, timeout: float) -> None:
        import psycopg

        try:
            self._lock(remaining)
        except psycopg.errors.LockNotAvailable as error:
            raise LakeLockedError(self._catalog, waited=timeout) from error
        except psycopg.OperationalError:
            # The server was restarted since the last write: one fresh connection, then the error is real.
            self.close()
            self._lock(remaining)

    def _lock(self, remaining: float) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = connect_postgres(self._conninfo)
        self._connection.execute(
            "SELECT set_config('lock_timeout', %s, false)", [f"{max(1, int(remaining * 1000))}ms"]
        )
        self._connection.execute("SELECT pg_advisory_lock(%s)", [WRITER_KEY])

    def _release(self) -> None:
        import psycopg

        if self._connection is None:
            return
        try:
            self._connection.execute("SELECT pg_advisory_unlock(%s)", [WRITER_KEY])
        except psycopg.Error:
            # A session that is gone holds no lock any more.
            self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect_postgres(conninfo: str) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the catalog's server for locks and leases, in autocommit.

    Raises:
        SettingError: psycopg is not installed.
    """
    try:
        import psycopg
    except ModuleNotFoundError as error:
        raise SettingError(
            "A PostgreSQL catalog needs psycopg: install merganser[postgres].",
            setting="catalog",
            received="postgres",
        ) from error
    return psycopg.connect(conninfo, autocommit=True, application_name="merganser")
