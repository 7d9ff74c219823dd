"""History: a table as it was, and what became of one record, field by field, with who, when and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from lake.feed_window import METADATA
from lake.names import ident, table
from lake.record_versions import Asked, Versions, open_past, read_all, read_some

if TYPE_CHECKING:
    from lake.connection import Lake

# What the write door stamps on every row tells of the change itself, not of the record.
STAMPS: Final = frozenset({"id", "change_id", "version", "created_at", "updated_at"})
_EVERY: Final = Asked()


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
            return read_all(session, open_past(self._lake, session, (schema, name), record_id, without))

    def versions_of(
        self, schema: str, name: str, record_id: str, *, asked: Asked = _EVERY, most: int = 30,
        without: Collection[str] = STAMPS,
    ) -> Versions:  # fmt: skip
        """The versions of a record that is there, newest first, and the fields of the `most` newest asked for.

        However many versions there are, whole rows are read of those alone whose fields are told.

        Args:
            schema: the table's schema.
            name: the table.
            record_id: the record's `id`.
            asked: which versions.
            most: of how many the fields are told.
            without: columns that are not told.

        Raises:
            FeedError: there is no such table, it has no column `id`, or none that is asked for.
        """
        with self._lake.session() as session:
            past = open_past(self._lake, session, (schema, name), record_id, without)
            return read_some(session, past, asked, most=most)
