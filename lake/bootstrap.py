"""Making a lake: attaching its catalog, and creating the tables that must be there."""

from __future__ import annotations

import importlib.resources
import os
import re
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import sqlglot
from sqlglot import exp

from lake import catalog, engine
from lake.door import Change, Transaction
from lake.engine import Cursor
from lake.errors import LakeError, LakeLockedError, SettingError, StatementError, TransientError
from lake.lock import WriterLock
from lake.names import ident

if TYPE_CHECKING:
    from lake.config import LakeConfig
    from lake.connection import Lake

_NOT_MADE_YET = re.compile(r"creating a new DuckLake is explicitly disabled|unable to open database file")
_OTHER_PATH = re.compile(r'does not match existing data path in the catalog "(.*?)"')
_CREATE = re.compile(r"^\s*create\b", re.IGNORECASE | re.MULTILINE)


def attach(root: Cursor, *, config: LakeConfig, lock: WriterLock) -> str:
    """Attach the catalog as `lake`, making it when it is not there.

    Returns:
        The statement that attaches it again.

    Raises:
        SettingError: the catalog or its data path cannot be used.
        LakeLockedError: the catalog must be made, and another process has held its lock for too long.
    """
    # Our lock keeps our own writers apart; an outside writer who slips in must fail us, or our rows would carry
    # the number of a snapshot that is not theirs.
    engine.run(root, "SET ducklake_max_retry_count = 0")
    existing = _attach_sql(config, "CREATE_IF_NOT_EXISTS false")
    try:
        if "://" in config.data_path:
            _reach_object_store(root, os.environ)
        else:
            Path(config.data_path).mkdir(parents=True, exist_ok=True)
        _attach(root, existing, config=config, lock=lock)
    except LakeLockedError:
        raise
    except OSError as error:
        raise _refused(config, error, setting="data_path") from error
    except (StatementError, TransientError) as error:
        raise _refused(config, error, setting="catalog") from error
    return existing


def _attach(root: Cursor, existing: str, *, config: LakeConfig, lock: WriterLock) -> None:
    deadline = time.monotonic() + config.lock_timeout
    while True:
        try:
            # One that exists needs no lock: opening a lake does not wait for a writer.
            engine.run(root, existing)
            return
        except TransientError as error:
            # Whoever makes the catalog at this moment has it to itself.
            if time.monotonic() > deadline:
                raise LakeLockedError(config.shown, waited=config.lock_timeout) from error
            time.sleep(0.05)
        except LakeError as error:
            if not _NOT_MADE_YET.search(str(error)):
                _attach_moved(root, config, error)
                return
            with lock.hold(timeout=config.lock_timeout):
                engine.run(root, _attach_sql(config))
            return


def _reach_object_store(root: Cursor, environment: Mapping[str, str]) -> None:
    """Let the engine read and write S3, with the names that every S3 client takes from the environment."""
    engine.load_extension(root, "httpfs")
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    given = {
        "KEY_ID": environment.get("AWS_ACCESS_KEY_ID"),
        "SECRET": environment.get("AWS_SECRET_ACCESS_KEY"),
        "SESSION_TOKEN": environment.get("AWS_SESSION_TOKEN"),
        "REGION": environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        "ENDPOINT": endpoint.partition("://")[2] or None,
        "URL_STYLE": "path" if endpoint else None,
        "USE_SSL": "false" if endpoint.startswith("http://") else None,
    }
    options = ", ".join(f"{name} {_text(value)}" for name, value in given.items() if value)
    engine.run(root, f"CREATE OR REPLACE SECRET lake_data (TYPE s3{', ' + options if options else ''})")


def _attach_moved(root: Cursor, config: LakeConfig, error: LakeError) -> None:
    """A lake moved as a whole knows its old data path; files are named relative to it, so the new one will do.

    It is written into the catalog, for whoever attaches the lake without us.
    """
    stored = _OTHER_PATH.search(str(error))
    if not stored:
        raise error
    if "://" in stored[1] or Path(stored[1]).exists():
        raise SettingError(
            f"The catalog {config.shown} keeps its files in {stored[1]}, not in {config.data_path}: name that "
            "folder, or move it.",
            setting="data_path",
            received=config.data_path,
        ) from error
    engine.run(root, _attach_sql(config, "OVERRIDE_DATA_PATH true"))
    moved = config.data_path if config.data_path.endswith("/") else f"{config.data_path}/"
    engine.run(
        root,
        "UPDATE __ducklake_metadata_lake.ducklake_metadata SET value = ? WHERE key = 'data_path' AND scope IS NULL",
        [moved],
    )
    engine.run(root, "DETACH lake")
    engine.run(root, _attach_sql(config))


def _refused(config: LakeConfig, error: Exception, *, setting: str) -> SettingError:
    received = config.data_path if setting == "data_path" else config.shown
    reason = str(error).strip().splitlines()[0]
    return SettingError(
        f"The lake at {received} cannot be opened: {reason}", setting=setting, received=received
    )


def _attach_sql(config: LakeConfig, *further: str) -> str:
    options = [f"DATA_PATH {_text(config.data_path)}", f"DATA_INLINING_ROW_LIMIT {int(config.inlined_rows)}"]
    if config.kind == "sqlite":
        options.append("META_JOURNAL_MODE 'WAL'")
    return f"ATTACH {_text('ducklake:' + config.catalog)} AS lake ({', '.join([*options, *further])})"


def bootstrap_lake(lake: Lake) -> None:
    """Create the schemas and tables of the lake itself."""
    catalog.make_parking(lake)
    bootstrap(lake, importlib.resources.files("lake").joinpath("schema.sql").read_text(encoding="utf-8"))


def bootstrap(lake: Lake, sql_text: str) -> bool:
    """Create what is missing of a `schema.sql`, in one commit; nothing missing is no commit.

    Names in it are `schema.table` without a catalog. Several processes may call it at once.

    Args:
        lake: the lake.
        sql_text: `CREATE SCHEMA`, `CREATE TABLE` and `CREATE VIEW` statements, each `IF NOT EXISTS`. An `ALTER TABLE`
            is run when its table was just created. A column that an existing table lacks is added, and one that may be
            missing now may be so in an existing table too.

    Returns:
        Whether anything was created.
    """
    if not _missing(lake.read, sql_text):
        return False

    def work(tx: Transaction) -> None:
        statements = _missing(tx.read, sql_text)
        if not statements:
            tx.cancel()
            return
        tx.execute("USE lake")
        for statement in statements:
            tx.execute(statement)

    return lake.commit(work, Change(actor="system", door="bootstrap", reason="create tables")).wrote


def _missing(read: Callable[[str], pl.DataFrame], sql_text: str) -> list[str]:
    """The statements that would make what is missing, in their order."""
    schemas, columns, needed = _existing(read)
    statements: list[str] = []
    just_created = False
    for sql, tree in _parsed(sql_text):
        if not isinstance(tree, exp.Create):
            if just_created:
                statements.append(sql)
            continue
        target = tree.find(exp.Table)
        if target is None:
            raise SettingError(f"Cannot tell what this creates: {sql}", setting="schema.sql", received=sql)
        if tree.kind == "SCHEMA":
            just_created = target.db not in schemas
            statements += [sql] if just_created else []
            continue
        name = (target.db or "main", target.name)
        just_created = name not in columns
        statements += [sql] if just_created else _altered(tree, name, columns[name], needed)
    return statements


@lru_cache(maxsize=8)
def _parsed(sql_text: str) -> tuple[tuple[str, exp.Expr | None], ...]:
    """The statements with their trees where they create something; every lake that a process opens needs them."""
    statements = [statement.query.strip() for statement in duckdb.extract_statements(sql_text)]
    return tuple(
        (sql, sqlglot.parse_one(sql, dialect="duckdb") if _CREATE.search(sql) else None) for sql in statements
    )


def _existing(
    read: Callable[[str], pl.DataFrame],
) -> tuple[set[str], dict[tuple[str, str], set[str]], set[tuple[str, str, str]]]:
    """The schemas, the columns of each table, and the columns that must have a value."""
    rows = read(
        "SELECT schema_name, NULL AS table_name, NULL AS column_name, NULL AS nullable FROM duckdb_schemas() "
        "WHERE database_name = 'lake' UNION ALL "
        "SELECT schema_name, table_name, column_name, is_nullable FROM duckdb_columns() WHERE database_name = 'lake'"
    )
    columns: dict[tuple[str, str], set[str]] = {}
    needed: set[tuple[str, str, str]] = set()
    for schema, table, column, nullable in rows.iter_rows():
        if table is None:
            continue
        columns.setdefault((schema, table), set()).add(column)
        if not nullable:
            needed.add((schema, table, column))
    return set(rows["schema_name"]), columns, needed


def _altered(
    tree: exp.Create, name: tuple[str, str], known: set[str], needed: set[tuple[str, str, str]]
) -> list[str]:
    if tree.kind != "TABLE":
        return []
    place, statements = f"ALTER TABLE {ident(*name)}", []
    for column in tree.find_all(exp.ColumnDef):
        if column.name not in known and column.kind is not None:
            statements.append(f"{place} ADD COLUMN {ident(column.name)} {column.kind.sql(dialect='duckdb')}")
        elif (*name, column.name) in needed and not column.find(exp.NotNullColumnConstraint):
            statements.append(f"{place} ALTER COLUMN {ident(column.name)} DROP NOT NULL")
    return statements


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
