"""DuckLake's own tables: read natively where its queries would scan, and kept small where they must.

DuckLake reads the newest snapshot before every statement. On PostgreSQL that is one index look-up; on SQLite it is a
scan of `ducklake_snapshot`, so that every read and commit would slow down with every commit ever made (measured:
0.4 ms for each 1,000 snapshots). Old rows of that one table are therefore *parked* beside it, in the same file.
Nothing expires: whatever asks for a parked snapshot gets it back first (`unpark`), and its data was never touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lake import engine
from lake.errors import TransientError
from lake.names import ident

if TYPE_CHECKING:
    from lake.connection import Lake
    from lake.engine import Cursor
    from lake.session import Session

_CATALOG = "__ducklake_metadata_lake"
_HOT = f'"{_CATALOG}"."ducklake_snapshot"'
_PARKED = f'"{_CATALOG}"."parked_snapshot"'
_ATTEMPTS = 6

# A snapshot that will not be.
NEVER = 2**63 - 1

# So many of the newest snapshots are never parked; the rest goes in steps, for each step is a catalog write.
KEPT_SNAPSHOTS = 1000
_STEP = 250


def query(lake: Lake, sql: str) -> list[dict[str, Any]]:
    """Run one SELECT in the catalog's own engine, SQLite or PostgreSQL, so that its indexes are used.

    Never open the catalog's file by another SQLite library in this process: closing that handle would drop the locks
    that DuckDB holds (https://sqlite.org/howtocorrupt.html, section 2.2.1).
    """
    function = "sqlite_query" if lake.config.kind == "sqlite" else "postgres_query"
    text = sql.replace("'", "''")
    rows: list[dict[str, Any]] = lake.read(f"SELECT * FROM {function}('{_CATALOG}', '{text}')").to_dicts()
    return rows


def table_names(lake: Lake, *, prefix: str) -> list[str]:
    """The catalog's own tables whose name begins so."""
    listing = (
        "SELECT name FROM sqlite_master WHERE type = 'table'"
        if lake.config.kind == "sqlite"
        else "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    names = (str(row["name"]) for row in query(lake, listing))
    return sorted(name for name in names if name.startswith(prefix))


def newest_snapshot_sql(kind: str) -> str:
    """The cheapest way to ask for the number of the newest snapshot."""
    if kind == "postgres":
        return "SELECT id FROM ducklake_current_snapshot('lake')"
    newest = "SELECT max(snapshot_id) AS id FROM ducklake_snapshot"
    return f"SELECT CAST(id AS BIGINT) FROM sqlite_query('{_CATALOG}', '{newest}')"


def make_parking(lake: Lake) -> None:
    """Make the table of parked snapshots, once in the life of a catalog."""
    if lake.config.kind != "sqlite" or table_names(lake, prefix="parked_snapshot"):
        return
    with lake.door.hold(), lake.session() as session:
        session.execute(f"CREATE TABLE IF NOT EXISTS {_PARKED} AS SELECT * FROM {_HOT} LIMIT 0")


def all_snapshots_sql(kind: str) -> str:
    """Every snapshot that was not expired, to stand in FROM: `snapshot_id`, `snapshot_time` (UTC)."""
    columns = "SELECT snapshot_id, CAST(snapshot_time AS TIMESTAMPTZ) AS snapshot_time"
    hot = f"{columns} FROM {_HOT}"
    if kind == "sqlite":
        # One that was brought back stands in both.
        return f"({hot} UNION {columns} FROM {_PARKED})"
    return f"({hot})"


def park(lake: Lake, *, keep: int = KEPT_SNAPSHOTS) -> int:
    """Park the snapshots older than the `keep` newest; the caller holds the writer lock. Returns how many."""
    if lake.config.kind != "sqlite":
        return 0
    first = int(lake.read(newest_snapshot_sql("sqlite")).item()) - keep + 1
    waiting = int(
        query(lake, f"SELECT count(*) AS n FROM ducklake_snapshot WHERE snapshot_id < {first}")[0]["n"]
    )
    if waiting < min(_STEP, keep):
        return 0
    with lake.session() as session:
        with _metadata_transaction(session):
            # One that was brought back stands in both.
            session.execute(f"DELETE FROM {_PARKED} WHERE snapshot_id IN (SELECT snapshot_id FROM {_HOT})")
            session.execute(f"INSERT INTO {_PARKED} SELECT * FROM {_HOT} WHERE snapshot_id < ?", [first])
            session.execute(f"DELETE FROM {_HOT} WHERE snapshot_id < ?", [first])
    return waiting


def unpark(cursor: Cursor, snapshot: int | None) -> bool:
    """Bring a parked snapshot back, or all of them; returns whether there was any. Not within a transaction."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _unpark(cursor, snapshot)
        except TransientError:
            if attempt == _ATTEMPTS:
                raise
        time.sleep(0.02 * 2**attempt)
    raise AssertionError("unreachable")


def _unpark(cursor: Cursor, snapshot: int | None) -> bool:
    engine.run(
        cursor,
        f"INSERT INTO {_HOT} SELECT * FROM {_PARKED} p "
        "WHERE (CAST($snapshot AS BIGINT) IS NULL OR p.snapshot_id = $snapshot) "
        f"AND p.snapshot_id NOT IN (SELECT snapshot_id FROM {_HOT})",
        {"snapshot": snapshot},
    )
    return engine.fetch_count(cursor) > 0


def forget_parked(session: Session, *, kind: str, before: int) -> None:
    """Drop the parked copies of snapshots that were expired."""
    if kind == "sqlite":
        session.execute(f"DELETE FROM {_PARKED} WHERE snapshot_id < ?", [before])


def pin_superseded(lake: Lake) -> None:
    """Keep a flush from dropping tables of inlined rows; the caller holds the writer lock.

    After a schema change a table's older inlined rows stand in a table of their own, and a flush drops it once it is
    empty. Every other engine that remembers its name then fails on each read, or crashes (DuckLake 1.0: reading an
    inlined table that is gone is a race). A row that no snapshot will ever see keeps it from being empty.
    """
    for name in _superseded(lake):
        with lake.session() as session:
            session.execute(
                f"INSERT INTO {ident(_CATALOG, name)} (row_id, begin_snapshot) SELECT -1, {NEVER} "
                f"WHERE NOT EXISTS (FROM {ident(_CATALOG, name)} WHERE begin_snapshot = {NEVER})"
            )


def retire_superseded(lake: Lake) -> None:
    """Take flushed tables of inlined rows off DuckLake's list, and leave them standing empty for who remembers them."""
    for name in _superseded(lake):
        if int(query(lake, f'SELECT count(*) AS n FROM "{name}" WHERE begin_snapshot < {NEVER}')[0]["n"]):
            continue
        with lake.session() as session, _metadata_transaction(session):
            session.execute(
                f"DELETE FROM {ident(_CATALOG, 'ducklake_inlined_data_tables')} WHERE table_name = ?", [name]
            )
            session.execute(f"DELETE FROM {ident(_CATALOG, name)} WHERE begin_snapshot = {NEVER}")


def _superseded(lake: Lake) -> list[str]:
    rows = query(
        lake,
        "SELECT t.table_name FROM ducklake_inlined_data_tables t WHERE t.schema_version < "
        "(SELECT max(n.schema_version) FROM ducklake_inlined_data_tables n WHERE n.table_id = t.table_id)",
    )
    return [str(row["table_name"]) for row in rows]


@contextmanager
def _metadata_transaction(session: Session) -> Iterator[None]:
    session.execute("BEGIN TRANSACTION")
    try:
        yield
        session.execute("COMMIT")
    except BaseException:
        session.rollback()
        raise
