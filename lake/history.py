"""History: a table as it was, and what became of one record, field by field, with who, when and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from lake.catalog import all_snapshots_sql
from lake.errors import FeedError
from lake.feed_window import METADATA, Column, Window, open_window
from lake.names import ident, table

if TYPE_CHECKING:
    from lake.connection import Lake
    from lake.session import Session

# What the write door stamps on every row tells of the change itself, not of the record.
STAMPS: Final = frozenset({"id", "change_id", "version", "created_at", "updated_at"})
EXTERNAL: Final = "external"

# A row that is gone cannot name its change; the snapshot's only one is it.
_REMOVED_SQL: Final = f"""
    INSERT INTO images (_snapshot, _change, _there)
    SELECT $1, CASE WHEN count(*) = 1 THEN any_value(id) END, 0 FROM {table("ops", "changes")} WHERE snapshot = $1
"""


class History:
    """Reads the past; `lake.history`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def as_of(self, schema: str, name: str, moment: int | datetime, *, alias: str | None = None) -> str:
        """The table as it was, to stand in FROM.

        Args:
            schema: the table's schema.
            name: the table.
            moment: a snapshot, or an instant with a time zone: then the last change counting for that instant or
                earlier is the last that is seen.
            alias: a name for the table within the statement; DuckDB wants it before AT.

        Returns:
            For example `"lake"."crm"."customers" AS "c" AT (VERSION => 12)`. Before the table was made, reading it
            raises `StatementError`.
        """
        snapshot = self._lake.snapshot_at(moment) if isinstance(moment, datetime) else int(moment)
        named = f" AS {ident(alias)}" if alias else ""
        return f"{table(schema, name)}{named} AT (VERSION => {snapshot})"

    def oldest(self) -> tuple[int, datetime]:
        """The oldest snapshot that can still be read, and the instant for which it counts (UTC)."""
        changes = table("ops", "changes")
        with self._lake.session() as session:
            kept = session.read(f"SELECT min(snapshot_id) FROM {METADATA}.ducklake_snapshot").item()
            counts = session.read(
                f"SELECT min(occurred_at) FROM {changes} WHERE snapshot >= ?", [kept]
            ).item()
        return int(kept), counts or datetime.now(UTC)

    def of_record(
        self, schema: str, name: str, record_id: str, *, without: Collection[str] = STAMPS
    ) -> pl.DataFrame:
        """Every change of one record, field by field, oldest first.

        A version that no change of the write door accounts for was written from outside: its actor is `external`, and
        its instant that of the snapshot. What was expired is told by `ops.history`. Columns that the table has no more
        are not told.

        Args:
            schema: the table's schema.
            name: the table.
            record_id: the record's `id`.
            without: columns that are not told.

        Returns:
            One row for each field and commit: `field`, `old` and `new` as text (instants in UTC), `kind` (insert,
            update or delete), `snapshot`, `occurred_at` (UTC), `actor`, `door`, `reason`, `load_id`, `flow_run_id`,
            `change_id`. A record without any change, or that never was, has none.

        Raises:
            FeedError: there is no such table, or it has no column `id`.
        """
        with self._lake.session() as session:
            oldest = session.read(
                f"SELECT min(snapshot_id) AS oldest FROM {METADATA}.ducklake_snapshot_changes"
            )
            window = open_window(session, schema, name, int(oldest.item()), self._lake.snapshot())
            told = [column for column in window.columns if column.name not in without]
            if not told:
                raise FeedError(f"No column of {schema}.{name} is left to tell.")
            session.execute(f"CREATE TEMP TABLE images AS {_images_sql(window, told)}", {"id": record_id})
            removed_at = _removed_at(session, window, record_id)
            if removed_at is not None:
                session.execute(_REMOVED_SQL, [removed_at])
            return session.read(
                _changes_sql(window, told, all_snapshots_sql(self._lake.config.kind)),
                {"id": record_id, "module": name},
            )


def _removed_at(session: Session, window: Window, record_id: str) -> int | None:
    """The snapshot that took a record away which is not there any more; None while it is, or never was.

    The feed dates a removal from a merged file wrongly, so the snapshots are halved until it is found.
    """
    written = session.read("SELECT max(_snapshot) AS last FROM images").item()
    if written is None or _there(session, window, record_id, window.until):
        return None
    first, last = int(written), window.until
    while last - first > 1:
        middle = (first + last) // 2
        if _there(session, window, record_id, middle):
            first = middle
        else:
            last = middle
    return last


def _there(session: Session, window: Window, record_id: str, snapshot: int) -> bool:
    place = f"{table(window.schema, window.name)} AT (VERSION => {snapshot})"
    return session.read(f"SELECT 1 AS there FROM {place} WHERE id = ? LIMIT 1", [record_id]).height > 0


def _images_sql(window: Window, told: list[Column]) -> str:
    """Each version of the record as text, and the one before the oldest snapshot that is kept."""
    change = "change_id" if any(column.name == "change_id" for column in window.columns) else "NULL::UUID"
    texts = ", ".join(f"CAST({column.quoted} AS VARCHAR) AS {column.quoted}" for column in told)
    images = (
        f"SELECT snapshot_id AS _snapshot, {change} AS _change, 1 AS _there, {texts} "
        f"FROM {window.rows('insertions')} WHERE id = $id"
    )
    if not window.base:
        return images
    before = f"{table(window.schema, window.name)} AT (VERSION => {window.after})"
    return f"{images} UNION ALL SELECT {window.after}, NULL, 1, {texts} FROM {before} WHERE id = $id"


def _changes_sql(window: Window, told: list[Column], snapshots: str) -> str:
    """The images compared one by one, field by field, and who made each."""
    fields = ", ".join(column.quoted for column in told)
    return f"""
    WITH steps AS (
        SELECT *, lag(_new) OVER w AS _old, lag(_there, 1, 0) OVER w AS _there_before
        FROM images UNPIVOT INCLUDE NULLS (_new FOR _field IN ({fields}))
        WINDOW w AS (PARTITION BY _field ORDER BY _snapshot, _there)
    ),
    changed AS (SELECT * FROM steps WHERE _new IS DISTINCT FROM _old AND _snapshot >= {window.start})
    SELECT c._field AS field, c._old AS old, c._new AS new,
           CASE WHEN c._there_before = 0 THEN 'insert' WHEN c._there = 0 THEN 'delete' ELSE 'update' END AS kind,
           c._snapshot AS snapshot,
           coalesce(m.occurred_at, s.snapshot_time) AS occurred_at,
           coalesce(m.actor, '{EXTERNAL}') AS actor, m.door, m.reason, m.load_id, m.flow_run_id, m.id AS change_id
    FROM changed AS c
    LEFT JOIN {table("ops", "changes")} AS m ON m.snapshot = c._snapshot AND m.id = c._change
    LEFT JOIN {snapshots} AS s ON s.snapshot_id = c._snapshot
    UNION ALL
    SELECT field, old, new, kind, snapshot, occurred_at, coalesce(actor, '{EXTERNAL}'), door, reason, load_id,
           flow_run_id, change_id
    FROM {table("ops", "history")} WHERE module = $module AND record_id = $id
    ORDER BY snapshot, field
    """
