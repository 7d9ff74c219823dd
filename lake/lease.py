"""Leases: one holder at a time, in all processes on the lake, freed by the operating system or server at its death."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from lake.errors import InvalidNameError
from lake.lock import connect_postgres

if TYPE_CHECKING:
    from lake.config import LakeConfig


@contextmanager
def lease(config: LakeConfig, name: str) -> Iterator[bool]:
    """Try to hold a lease, without waiting.

    Yields:
        Whether it is held now; another holder may be in this process or in any other.

    Raises:
        InvalidNameError: the name is not made of letters, digits, `-` and `_`.
    """
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise InvalidNameError(name)
    held = _file_lease if config.kind == "sqlite" else _postgres_lease
    with held(config.place, name) as mine:
        yield mine


@contextmanager
def _file_lease(catalog: str, name: str) -> Iterator[bool]:
    lock = FileLock(f"{catalog}.lease-{name}", thread_local=False, preserve_lock_file=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def _postgres_lease(conninfo: str, name: str) -> Iterator[bool]:
    # Two keys of 32 bits are a space of their own beside the writer's one key of 64.
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big", signed=True)
    with connect_postgres(conninfo) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", [0x6C65617, key]).fetchone()
        # The session's end gives the lock back.
        yield bool(row and row[0])
