"""The process behind the SQL door: answers one query after the other until its parent goes.

Started as `python -m lake.sql_worker <socket>`. A request comes pickled from the parent; the answer is JSON and Arrow,
for nothing that an analyst's query may have touched is to be unpickled.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import threading
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

from lake.errors import LakeError, QueryInvalid, QueryRefused, QueryTimeout, QueryTooLarge, SettingError
from lake.sql_engine import QueryResult, SqlEngine

_WATCH_SECONDS = 1.0
# DuckDB does not count every text that a query builds; this much beyond its own limit ends the query all the same.
_HEADROOM = 2.0


def main() -> None:
    """Serve the parent at the other end of the socket whose number is the first argument."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with Connection(int(sys.argv[1])) as parent:
        try:
            engine = SqlEngine(**pickle.loads(parent.recv_bytes()))
        except LakeError as error:
            parent.send_bytes(encode_error(error))
            return
        _limit_memory(engine)
        parent.send_bytes(b"{}")
        while True:
            try:
                request = pickle.loads(parent.recv_bytes())
            except EOFError:
                return
            _answer(parent, engine, request)


def _answer(parent: Connection, engine: SqlEngine, request: dict[str, Any]) -> None:
    try:
        result = engine.run(**request)
    except LakeError as error:
        parent.send_bytes(encode_error(error))
        return
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, result.table.schema) as stream:
        stream.write_table(result.table)
    parent.send_bytes(encode_result(result))
    parent.send_bytes(sink.getvalue())


def encode_result(result: QueryResult) -> bytes:
    """The facts about a result; its table follows as an Arrow stream."""
    facts = {"types": result.types, "truncated": result.truncated, "relations": result.relations}
    return json.dumps({"result": facts | {"seconds": result.seconds}}).encode()


def encode_error(error: LakeError) -> bytes:
    """An error by its kind and facts."""
    facts: dict[str, Any] = {"kind": type(error).__name__, "message": str(error)}
    if isinstance(error, QueryRefused):
        facts |= {"received": error.received, "allowed": error.allowed, "hint": error.hint}
    if isinstance(error, QueryTimeout):
        facts |= {"seconds": error.seconds}
    if isinstance(error, QueryTooLarge):
        facts |= {"memory_limit": error.memory_limit}
    if isinstance(error, SettingError):
        facts |= {"setting": error.setting, "received": error.received}
    return json.dumps({"error": facts}).encode()


def decode_error(facts: dict[str, Any]) -> LakeError:
    """The error that `encode_error` was given."""
    if facts["kind"] == "QueryRefused":
        return QueryRefused(facts["received"], allowed=facts["allowed"], hint=facts["hint"])
    if facts["kind"] == "QueryTimeout":
        return QueryTimeout(facts["seconds"])
    if facts["kind"] == "SettingError":
        return SettingError(facts["message"], setting=facts["setting"], received=facts["received"])
    if facts["kind"] == "QueryTooLarge":
        return QueryTooLarge(facts["memory_limit"])
    if facts["kind"] == "QueryInvalid":
        return QueryInvalid(facts["message"])
    return LakeError(facts["message"])


def _limit_memory(engine: SqlEngine) -> None:
    sizes = Path("/proc/self/statm")
    if not sizes.exists():  # not a Linux: DuckDB's own limit has to do
        return
    used = int(sizes.read_text().split()[5]) * resource.getpagesize()
    limit = int(used + engine.memory_bytes * _HEADROOM)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with(parent: int) -> None:
    """Leave when the parent died, whatever the query is doing."""
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
