"""Runs one checked SELECT over relations, on a DuckDB instance of its own with the lake attached read-only.

No setting of DuckDB keeps a statement away from files and catalogs (`sqlite_scan` ignores them all), so the statement's
own parse tree is checked name by name, and what runs is compared with what was checked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from lake import engine
from lake.closing import Closing
from lake.config import LakeConfig
from lake.engine import Cursor, Params
from lake.errors import (
    CancelledError,
    LakeError,
    QueryInvalid,
    QueryRefused,
    QueryTimeout,
    QueryTooLarge,
    StatementError,
    TransientError,
)
from lake.names import ident
from lake.sql_check import relations_named, without_places

_LONGEST_STATEMENT = 50_000
_DEEPEST_EXPRESSION = 200
_ATTEMPTS = 3
# More rows than any table has: a LIMIT that changes nothing, but that no filter is moved across.
_ALL_ROWS = 2**62
_WHATEVER_THE_ROWS = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.InterruptException,
    duckdb.IOException,
    duckdb.OutOfMemoryException,
    duckdb.ParserException,
    MemoryError,
)
_PARSE = "SELECT json_serialize_sql(?, skip_default := true, skip_empty := true, skip_null := true)"


@dataclass(frozen=True, kw_only=True)
class QueryResult:
    """What a query gave.

    Attributes:
        table: the rows; a name that came twice carries a number, intervals are text.
        types: DuckDB's type of each column, in the table's order.
        truncated: whether there were more rows than asked for.
        relations: the relations that the query read.
        seconds: how long it took.
    """

    table: pa.Table
    types: tuple[str, ...]
    truncated: bool
    relations: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class _Query:
    """A checked statement: its text without what stands after its end, its tree, and the relations it reads."""

    text: str
    tree: object
    named: tuple[str, ...]


class SqlEngine(Closing):
    """The instance; safe to share between threads. `lake.sql_door.SqlDoor` keeps it in a process of its own."""

    def __init__(self, config: LakeConfig, *, memory_limit: str, threads: int) -> None:
        """Open the instance and attach the lake read-only.

        Args:
            config: where the lake is.
            memory_limit: what all queries together may use, for example `512MB`.
            threads: threads that all queries together may use.

        Raises:
            SettingError: the catalog cannot be attached.
        """
        self._memory_limit = memory_limit
        self._root = _open(config, memory_limit=memory_limit, threads=threads)
        self._guard = threading.Lock()
        limit = "SELECT parse_formatted_bytes(current_setting('memory_limit')) AS bytes"
        self.memory_bytes = int(engine.fetch_arrow(self._root, limit).column(0)[0].as_py())

    def close(self) -> None:
        """Close the instance."""
        self._root.close()

    def run(
        self,
        sql: str,
        *,
        relations: Mapping[str, str],
        params: Params = None,
        max_rows: int,
        timeout: float,
    ) -> QueryResult:
        """Run one SELECT, as `SqlDoor.run` says, within `timeout` seconds."""
        started = time.monotonic()
        with self._cursor() as cursor, _watched(cursor, timeout) as watch:
            query = _check(cursor, sql, relations)
            table, types = self._fetch(cursor, query, relations, params, max_rows + 1, watch)
        return QueryResult(
            table=table.slice(0, max_rows),
            types=types,
            truncated=table.num_rows > max_rows,
            relations=query.named,
            seconds=time.monotonic() - started,
        )

    def _fetch(
        self,
        cursor: Cursor,
        query: _Query,
        relations: Mapping[str, str],
        params: Params,
        rows: int,
        watch: _Watch,
    ) -> tuple[pa.Table, tuple[str, ...]]:
        """Run a checked query; a failure is only believed when hidden rows cannot have caused it.

        DuckDB may apply the person's expressions to a row before the relation's own filter has taken it away. An
        error that only a hidden row raises would tell of it, so the query is run again over relations that are
        filtered first.
        """
        try:
            return _run(cursor, _compose(cursor, query, relations, rows), params)
        except LakeError as error:
            if not query.named or watch.expired or isinstance(error.__cause__, _WHATEVER_THE_ROWS):
                raise self._explained(error, watch) from None
        try:
            return _run(cursor, _compose(cursor, query, relations, rows, barrier=True), params)
        except LakeError as error:
            raise self._explained(error, watch) from None

    def _explained(self, error: LakeError, watch: _Watch) -> LakeError:
        if isinstance(error, CancelledError) or watch.expired:
            return QueryTimeout(watch.seconds)
        if isinstance(error.__cause__, duckdb.OutOfMemoryException | MemoryError):
            return QueryTooLarge(self._memory_limit)
        if isinstance(error, StatementError):
            return QueryInvalid(_cleaned(str(error)))
        return error

    @contextmanager
    def _cursor(self) -> Iterator[Cursor]:
        with self._guard:
            cursor = self._root.cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _open(config: LakeConfig, *, memory_limit: str, threads: int) -> Cursor:
    settings: dict[str, str | int | bool] = {
        "memory_limit": memory_limit,
        "threads": threads,
        "temp_directory": "",
        "python_enable_replacements": False,
        "allow_community_extensions": False,
    }
    root = engine.connect(extensions=("ducklake", config.kind), settings=settings)
    root.execute("SET GLOBAL TimeZone = 'UTC'")
    address = config.catalog.replace("'", "''")
    engine.run(root, f"ATTACH 'ducklake:{address}' AS lake (READ_ONLY)")
    root.execute("SET GLOBAL allowed_directories = ?", [[config.data_path]])
    root.execute("SET GLOBAL enable_external_access = false")
    root.execute(f"SET GLOBAL max_expression_depth = {_DEEPEST_EXPRESSION}")
    root.execute("SET GLOBAL lock_configuration = true")
    return root


def _check(cursor: Cursor, sql: str, relations: Mapping[str, str]) -> _Query:
    if "\x00" in sql:
        raise QueryRefused("the character U+0000", allowed="text without it")
    if len(sql) > _LONGEST_STATEMENT:
        raise QueryRefused(
            f"a statement of {len(sql):,} characters",
            allowed=f"statements up to {_LONGEST_STATEMENT:,} characters",
        )
    statements = _statements(sql)
    kind = statements[0].type.name if statements else "nothing"
    if len(statements) == 2 and kind == "CREATE":
        raise QueryRefused("a PIVOT that looks for its own columns", allowed="PIVOT … ON column IN (values)")
    if len(statements) > 1:
        raise QueryRefused(f"{len(statements)} statements", allowed="exactly one SELECT")
    if not statements or statements[0].type != duckdb.StatementType.SELECT:
        raise QueryRefused(f"a statement of the kind {kind}", allowed="exactly one SELECT")
    tree = _parse(cursor, sql)
    named = relations_named(tree, relations=relations)
    return _Query(_without_end(sql), without_places(tree["node"]), tuple(sorted(named)))


def _statements(sql: str) -> list[duckdb.Statement]:
    try:
        return duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise QueryInvalid(_cleaned(str(error), keep_place=True)) from None


def _parse(cursor: Cursor, sql: str) -> dict[str, Any]:
    text = engine.fetch_arrow(cursor, _PARSE, [sql]).column(0)[0].as_py()
    try:
        answer = json.loads(text)
    except RecursionError:
        raise QueryRefused("a statement nested this deeply", allowed="fewer levels of nesting") from None
    if answer["error"]:
        if answer.get("error_type") == "not implemented":
            raise QueryRefused("a statement that is not a SELECT", allowed="exactly one SELECT")
        raise QueryInvalid(_cleaned(str(answer["error_message"])))
    if len(answer["statements"]) != 1:
        raise QueryRefused(f"{len(answer['statements'])} statements", allowed="exactly one SELECT")
    statement: dict[str, Any] = answer["statements"][0]
    return statement


def _without_end(sql: str) -> str:
    """The statement without the semicolons after it."""
    tokens = duckdb.tokenize(sql)
    encoded = sql.encode()
    end = len(encoded)
    for offset, _ in reversed(tokens):
        if encoded[offset : offset + 1] != b";":
            break
        end = offset
    return encoded[:end].decode()


def _compose(
    cursor: Cursor, query: _Query, relations: Mapping[str, str], rows: int, *, barrier: bool = False
) -> str:
    """Put the relations in front; what DuckDB makes of the whole must hold the checked statement unchanged."""
    limit = f" LIMIT {_ALL_ROWS}" if barrier else ""
    heads = [f"{ident(name)} AS (SELECT * FROM (\n{relations[name]}\n){limit})" for name in query.named]
    text = (f"WITH {', '.join(heads)}\n" if heads else "") + f"SELECT * FROM (\n{query.text}\n) LIMIT {rows}"
    node = without_places(_parse(cursor, text)["node"])
    defined = {entry["key"] for entry in node.get("cte_map", {}).get("map", ())}
    if node["from_table"].get("subquery", {}).get("node") != query.tree or defined != set(query.named):
        raise QueryRefused("text that reads differently on its own", allowed="one complete SELECT")
    return text


def _run(cursor: Cursor, sql: str, params: Params) -> tuple[pa.Table, tuple[str, ...]]:
    values = _needed(sql, params)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            engine.run(cursor, sql, values)
            types = tuple(str(column[1]) for column in cursor.description or ())
            if "INTERVAL" in types:
                sql = _intervals_as_text(sql, [str(column[0]) for column in cursor.description or ()], types)
                engine.run(cursor, sql, values)
            return _taken(cursor, sql), types
        except TransientError:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.02 * attempt)
    raise AssertionError("unreachable")


def _taken(cursor: Cursor, sql: str) -> pa.Table:
    try:
        return cursor.to_arrow_table()
    except (duckdb.Error, MemoryError, OSError) as error:
        raise engine.translate(error, sql) from error


def _intervals_as_text(sql: str, names: Sequence[str], types: Sequence[str]) -> str:
    # Neither Polars nor JSON knows an interval of months, days and microseconds.
    casts = ", ".join(
        f"CAST({ident(name)} AS VARCHAR) AS {ident(name)}"
        for name, kind in zip(names, types, strict=True)
        if kind == "INTERVAL"
    )
    return f"SELECT * REPLACE ({casts}) FROM (\n{sql}\n)"


def _needed(sql: str, params: Params) -> Params:
    if not isinstance(params, Mapping):
        return params
    wanted: set[str] = set(duckdb.extract_statements(sql)[0].named_parameters)
    missing = sorted(wanted - params.keys())
    if missing:
        raise QueryInvalid(f"The query has no value for ${', $'.join(missing)}.")
    return {name: params[name] for name in wanted} or None


@dataclass
class _Watch:
    seconds: float
    expired: bool = False


@contextmanager
def _watched(cursor: Cursor, seconds: float) -> Iterator[_Watch]:
    """Interrupt whatever the cursor runs once the seconds are over, until the block ends."""
    watch = _Watch(seconds)
    done = threading.Event()

    def interrupt() -> None:
        if done.wait(seconds):
            return
        watch.expired = True
        # An interrupt between two statements is lost, so it is repeated.
        while not done.wait(0.02):
            cursor.interrupt()

    thread = threading.Thread(target=interrupt, name="sql-door-watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()


def _cleaned(message: str, *, keep_place: bool = False) -> str:
    """DuckDB's message without the excerpt of the statement, which holds the relations' own filters."""
    text = message if keep_place else message.split("\n\nLINE ")[0].split("\nLINE ")[0]
    return text.strip()
