"""The SQL door: one SELECT of a person, over the relations that are put in front of it, and nothing else.

The queries run in processes of their own (`lake.sql_worker`), which the lake's process ends when they take too long or
too much. An interrupt would not do: DuckDB looks for it between batches of rows, and some functions take hours over
one; and what a query can build beside the memory limit, or crash, would be the server's.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa

from lake.closing import Closing
from lake.config import LakeConfig
from lake.connection import Lake
from lake.engine import Params
from lake.errors import QueryTimeout, QueryTooLarge
from lake.sql_engine import QueryResult, SqlEngine
from lake.sql_worker import decode_error

__all__ = ["QueryResult", "SqlDoor"]

# The worker stops a query itself; one that does not heed is ended so many seconds later.
_GRACE_SECONDS = 2.0
_START_SECONDS = 60.0


class SqlDoor(Closing):
    """Runs analysts' queries apart from everything else; safe to share between threads."""

    def __init__(
        self,
        source: Lake | LakeConfig,
        *,
        memory_limit: str = "1GB",
        timeout: float = 30.0,
        threads: int = 2,
        workers: int = 2,
        isolated: bool = True,
    ) -> None:
        """Prepare the door; the engine starts when the first query comes.

        Args:
            source: the lake, or where it is.
            memory_limit: what one query may use, for example `512MB`.
            timeout: seconds that a query may take when its call names no other.
            threads: threads that one query may use.
            workers: queries that may run at once; further ones wait.
            isolated: whether they run in processes of their own, which takes some 2 s to start. A command that ends
                after its query, in the hands of the administrator, needs none.
        """
        config = source.config if isinstance(source, Lake) else source
        self._timeout = timeout
        self._settings: dict[str, Any] = {"config": config, "memory_limit": memory_limit, "threads": threads}
        self._workers: list[_Worker] = []
        self._idle: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)
        self._guard = threading.Lock()
        self._closed = False
        self._isolated = isolated
        self._engine: SqlEngine | None = None

    def close(self) -> None:
        """End the workers, and with them what they run."""
        with self._guard:
            self._closed = True
            for worker in self._workers:
                worker.end()
            if self._engine is not None:
                self._engine.close()

    def run(
        self,
        sql: str,
        *,
        relations: Mapping[str, str],
        params: Params = None,
        max_rows: int = 10_000,
        timeout: float | None = None,
    ) -> QueryResult:
        """Run one SELECT.

        Args:
            sql: the statement as the person wrote it.
            relations: name → SELECT text of the rows and columns that the person may see. Only those that the
                statement names are put in front of it; a name that its own WITH defines hides the relation, and
                never shows what lies under it.
            params: values for `?` or `$name`; names that the statement does not use are left out.
            max_rows: rows to return at most.
            timeout: seconds; the door's own limit when not given.

        Returns:
            The rows, and whether there were more.

        Raises:
            QueryRefused: the statement is not one SELECT over allowed names.
            QueryInvalid: DuckDB cannot run it, or it needs too much memory; the message is DuckDB's own.
            QueryTimeout: it took too long, or too many other queries did.
            SettingError: the lake cannot be attached.
        """
        seconds = self._timeout if timeout is None else timeout
        request: dict[str, Any] = {
            "sql": sql,
            "relations": dict(relations),
            "params": params,
            "max_rows": max_rows,
        }
        if not self._isolated:
            return self._in_process().run(**request, timeout=seconds)
        with self._worker(seconds) as worker:
            return worker.ask(request | {"timeout": seconds}, seconds=seconds)

    def _in_process(self) -> SqlEngine:
        with self._guard:
            if self._engine is None:
                self._engine = SqlEngine(**self._settings)
            return self._engine

    @contextlib.contextmanager
    def _worker(self, seconds: float) -> Iterator[_Worker]:
        try:
            worker = self._idle.get(timeout=seconds)
        except queue.Empty:
            raise QueryTimeout(seconds) from None
        try:
            if worker is None or not worker.alive:
                worker = self._start()
            yield worker
        finally:
            self._idle.put(worker if worker is not None and worker.alive else None)

    def _start(self) -> _Worker:
        worker = _Worker(self._settings)
        with self._guard:
            self._workers = [each for each in self._workers if each.alive] + [worker]
            if self._closed:
                worker.end()
        worker.wait_until_ready()
        return worker


class _Worker:
    """One process that runs one query at a time."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        ours, theirs = socket.socketpair()
        self._memory_limit = settings["memory_limit"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lake.sql_worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        theirs.close()
        self._connection = Connection(ours.detach())
        self._connection.send_bytes(pickle.dumps(dict(settings)))
        weakref.finalize(self, _end, self._process)

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        """Wait for the lake to be attached."""
        facts = json.loads(self._receive(time.monotonic() + _START_SECONDS, seconds=_START_SECONDS))
        if "error" in facts:
            raise decode_error(facts["error"])

    def ask(self, request: Mapping[str, Any], *, seconds: float) -> QueryResult:
        """Have a query run; one that does not end in time ends with its process."""
        deadline = time.monotonic() + seconds + _GRACE_SECONDS
        self._connection.send_bytes(pickle.dumps(dict(request)))
        facts = json.loads(self._receive(deadline, seconds=seconds))
        if "error" in facts:
            error = decode_error(facts["error"])
            if isinstance(error, (QueryTooLarge, QueryTimeout)):
                # What it left behind in memory would be missing to the next one.
                self.end()
            raise error
        with pa.ipc.open_stream(self._receive(deadline + seconds, seconds=seconds)) as stream:
            table = stream.read_all()
        result = facts["result"]
        return QueryResult(
            table=table,
            types=tuple(result["types"]),
            truncated=result["truncated"],
            relations=tuple(result["relations"]),
            seconds=result["seconds"],
        )

    def end(self) -> None:
        """End the process at once."""
        _end(self._process)

    def _receive(self, deadline: float, *, seconds: float) -> bytes:
        try:
            if not self._connection.poll(max(0.0, deadline - time.monotonic())):
                self.end()
                raise QueryTimeout(seconds)
            return self._connection.recv_bytes()
        except (EOFError, ConnectionError):
            self.end()
            raise QueryTooLarge(self._memory_limit) from None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
