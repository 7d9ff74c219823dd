"""DuckDB itself: its extensions, its settings, and its errors in the lake's words."""

from __future__ import annotations

import importlib.resources
import re
import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from lake.errors import (
    CancelledError,
    CatalogBusyError,
    ConflictError,
    LakeError,
    NulCharacterError,
    SettingError,
    SnapshotMissingError,
    StaleCatalogError,
    StatementError,
    StorageFullError,
    TransientError,
)

Params = Sequence[Any] | Mapping[str, Any] | None
Cursor = duckdb.DuckDBPyConnection

# The names under which DuckDB looks for an extension's entry point; the wheels use shorter ones.
_LOADED_NAMES = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
_verified: set[str] = set()
_verifying = threading.Lock()


def connect(*, extensions: Sequence[str], settings: Mapping[str, str | int | bool]) -> Cursor:
    """Open an in-memory DuckDB with the extensions that the installed wheels carry; nothing is downloaded.

    The signature of an extension is checked when the process first loads it (0.2 s each) and not again.

    Args:
        extensions: names as in the wheels: `ducklake`, `sqlite`, `postgres`, `excel`, `httpfs`.
        settings: DuckDB settings by name.

    Raises:
        SettingError: an extension's wheel is not installed, or a setting is unknown to DuckDB.
    """
    with _verifying:
        known = set(extensions) <= _verified
        config = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_unsigned_extensions": known,
            **settings,
        }
        try:
            connection = duckdb.connect(":memory:", config=cast("dict[str, Any]", config))
        except duckdb.Error as error:
            raise SettingError(
                f"DuckDB refuses its settings: {error}", setting="duckdb", received=str(dict(settings))
            ) from error
        for name in extensions:
            load_extension(connection, name)
        connection.execute("SET allow_unsigned_extensions = false")
        # In `python -c` and in notebooks DuckDB would print to the standard output, among what a program answers there.
        connection.execute("SET enable_progress_bar = false")
        # DuckLake keeps one set of column statistics a table, of what it holds now. The optimizer would trust them when
        # it reads an older snapshot or the change feed, and lose rows: a record deleted since, a NULL filled since.
        connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        # A page of rows that were found by few columns is read in full by their row numbers: with a filter of that
        # many values the engine passes over everything else.
        connection.execute("SET GLOBAL dynamic_or_filter_threshold = 1000")
        # DuckLake writes its times as text in the zone of connections that it opens itself.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        if "sqlite" in extensions:
            # The catalog's tables are small: opening a handle for each thread costs more than it gains.
            connection.execute("SET GLOBAL sqlite_disable_multithreaded_scans = true")
        _verified.update(extensions)
    return connection


def load_extension(connection: Cursor, name: str) -> None:
    """Load one extension straight from its wheel.

    DuckDB's own `INSTALL` would copy some 40 MB into a directory that all processes share, and an older build left
    there would win; a link under the name DuckDB expects costs nothing and races with nobody.
    """
    try:
        package = importlib.resources.files(f"duckdb_extension_{name}")
    except ModuleNotFoundError as error:
        raise SettingError(
            f"The extension {name!r} is not installed: install duckdb-extension-{name}=={duckdb.__version__}.",
            setting="extensions",
            received=name,
        ) from error
    binary = Path(str(package)) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not binary.is_file():
        raise SettingError(
            f"duckdb-extension-{name} does not fit duckdb {duckdb.__version__}: install the same version of both.",
            setting="extensions",
            received=name,
        )
    with tempfile.TemporaryDirectory(prefix="lake-") as folder:
        link = Path(folder) / f"{_LOADED_NAMES.get(name, name)}.duckdb_extension"
        link.symlink_to(binary)
        connection.execute(f"LOAD '{str(link).replace(chr(39), chr(39) * 2)}'")


def run(cursor: Cursor, sql: str, params: Params = None) -> None:
    """Run one or more statements on a cursor; the last one's result waits there.

    Raises:
        NulCharacterError: a bound text holds U+0000.
        LakeError: the statement failed; `translate` says as what.
    """
    if params:
        _refuse_nul(params, "a bound value")
    try:
        if params is None:
            cursor.execute(sql)
        else:
            cursor.execute(sql, dict(params) if isinstance(params, Mapping) else list(params))
    except (duckdb.Error, MemoryError, OSError) as error:
        raise translate(error, sql) from error


def fetch_arrow(cursor: Cursor, sql: str, params: Params = None) -> pa.Table:
    """Run one statement and take its whole result as an Arrow table."""
    run(cursor, sql, params)
    try:
        return cursor.to_arrow_table()
    except (duckdb.Error, MemoryError, OSError) as error:
        raise translate(error, sql) from error


def fetch_count(cursor: Cursor) -> int:
    """The number of rows that the statement just run inserted, updated or deleted; 0 for any other."""
    description = cursor.description
    if not description or len(description) != 1 or description[0][0] != "Count":
        return 0
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def register(cursor: Cursor, name: str, data: pa.Table | pl.DataFrame) -> None:
    """Make a table in memory readable under a name, on this cursor only.

    Raises:
        NulCharacterError: a text of it holds U+0000.
    """
    arrow = data.to_arrow() if isinstance(data, pl.DataFrame) else data
    for column in arrow.column_names:
        if _holds_nul(arrow.column(column)):
            raise NulCharacterError(f"The column {column!r}")
    cursor.register(name, arrow)


def translate(error: BaseException, sql: str) -> LakeError:
    """Put an engine's error into the lake's words; the original stays its cause."""
    message = str(error)
    lowered = message.lower()
    if any(sign in lowered for sign in _FULL_SIGNS):
        unfinished = _UNFINISHED_FILE.search(message)
        return StorageFullError(
            detail=f"{message.splitlines()[0].rstrip('.')}.", file=unfinished[1] if unfinished else None
        )
    if isinstance(error, duckdb.InterruptException):
        return CancelledError("The statement was interrupted.", sql=sql)
    if "database is locked" in lowered or "database is busy" in lowered:
        return CatalogBusyError(f"The catalog is busy: {message}")
    gone = "ducklake_inlined_" in lowered and "does not exist" in lowered
    if gone or any(sign in lowered for sign in _STALE_SIGNS):
        return StaleCatalogError(message)
    if isinstance(error, duckdb.TransactionException) and "conflict" in lowered:
        return ConflictError(message, sql=sql)
    if any(sign in lowered for sign in _TRANSIENT_SIGNS):
        return TransientError(message)
    missing = _NO_SNAPSHOT.search(message)
    if missing:
        return SnapshotMissingError(message, sql=sql, snapshot=int(missing[1]))
    return StatementError(message, sql=sql)


_NO_SNAPSHOT = re.compile(r"No snapshot found at version (\d+)")
_UNFINISHED_FILE = re.compile(r'write (?:to )?file "(.*?)"')
# All that is heard on PostgreSQL when DuckLake asks for a table that is gone: the second with the stack of its reader.
# The third: DuckDB refuses everything after such an error.
_STALE_SIGNS = (
    "fetch from an unsuccessful query result",
    "ducklakeinlineddatareader",
    "database has been invalidated",
)
_FULL_SIGNS = ("no space left", "disk is full", "file too large", "quota exceeded")
_TRANSIENT_SIGNS = (
    # While the lake is being attached anew.
    'catalog "lake" does not exist',
    "conflict",
    "constraint violated",
    "unique constraint",
    "duplicate key",
    "could not serialize access",
    "deadlock detected",
    "connection to the database failed",
    "server closed the connection",
    "terminating connection",
    "could not connect",
)


def _refuse_nul(value: object, where: str) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise NulCharacterError(where)
    elif value is None or isinstance(value, int | float | bytes | date | time):
        return
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _refuse_nul(item, f"{where} {key!r}" if where == "a bound value" else where)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            _refuse_nul(item, where)


def _holds_nul(column: pa.ChunkedArray) -> bool:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return any(_holds_nul(pa.chunked_array([chunk.dictionary])) for chunk in column.chunks)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return any(_holds_nul(pa.chunked_array([chunk.flatten()])) for chunk in column.chunks)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return bool(pc.any(pc.match_substring(column, "\x00")).as_py())
    if pa.types.is_string_view(kind):
        return _holds_nul(column.cast(pa.large_string()))
    return False
