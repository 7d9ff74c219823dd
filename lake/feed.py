"""The change feed: what changed in a table between two snapshots, commit by commit, with old and new values.

DuckLake tells which rows the snapshots wrote and which they took away. That is right about the records that were
touched, but it errs about when (a row taken from a merged file), pairs rows by row id, which maintenance renumbers,
and errs when one transaction touches a row twice. So records are paired by their own `id`, each record's chain of
states is checked link by link and against the table before and after the window, and a record whose chain does not
hold is read again from the table itself, commit by commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final, TypeVar

import duckdb

from lake.errors import LakeError, TransientError
from lake.feed_history import stage_history
from lake.feed_staging import Staging
from lake.feed_window import METADATA, ROW_CHANGES, Runner, open_window

if TYPE_CHECKING:
    from lake.connection import Lake

T = TypeVar("T")

_ATTEMPTS: Final = 3


class Feed:
    """Reads what changed; `lake.feed`."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def tables_changed(self, after: int, until: int) -> set[tuple[str, str]]:
        """The tables of which rows were written or deleted after one snapshot and up to another.

        A flush counts as a change, though `stage` will find none.

        Returns:
            Pairs of schema and table, with the names that they have at `until`; dropped tables are left out.
        """
        found = self._lake.read(
            f"""
            WITH touched AS (
                SELECT DISTINCT
                       unnest(regexp_extract_all(changes_made, '({ROW_CHANGES}):([0-9]+)', 2))::BIGINT AS table_id
                FROM {METADATA}.ducklake_snapshot_changes WHERE snapshot_id > $after AND snapshot_id <= $until
            )
            SELECT s.schema_name, t.table_name
            FROM touched JOIN {METADATA}.ducklake_table AS t USING (table_id)
            JOIN {METADATA}.ducklake_schema AS s USING (schema_id)
            WHERE t.begin_snapshot <= $until AND coalesce(t.end_snapshot > $until, true)
              AND s.begin_snapshot <= $until AND coalesce(s.end_snapshot > $until, true)
            """,
            {"after": after, "until": until},
        )
        return set(found.iter_rows())

    def oldest(self) -> int:
        """The oldest snapshot after which changes can be read: later than the first where older ones were expired."""
        found = self._lake.read(f"SELECT min(snapshot_id) AS n FROM {METADATA}.ducklake_snapshot_changes")
        return int(found["n"][0])

    def commits(
        self, session: Runner, schema: str, name: str, *, after: int, until: int
    ) -> list[tuple[int, int]]:
        """The snapshots that may have changed rows of a table, in order, each with the number of rows it wrote.

        Raises:
            FeedError, FeedExpiredError: As `stage`.
        """

        def read() -> list[tuple[int, int]]:
            window = open_window(session, schema, name, after, until)
            if not window.commits:
                return []
            counted = session.read(
                f"SELECT snapshot_id, count(*) AS n FROM {window.rows('insertions')} GROUP BY snapshot_id"
            )
            written = dict(counted.iter_rows())
            return [(snapshot, int(written.get(snapshot, 0))) for snapshot in window.commits]

        return _retried(read)

    def rows_filed(self, after: int, until: int) -> int:
        """How many rows of the window stand in data or delete files: what is small is kept in the catalog itself."""
        found = self._lake.read(
            f"""
            SELECT coalesce(sum(n), 0)::BIGINT AS n FROM (
                SELECT record_count AS n FROM {METADATA}.ducklake_data_file
                WHERE begin_snapshot > $after AND begin_snapshot <= $until
                UNION ALL
                SELECT delete_count FROM {METADATA}.ducklake_delete_file
                WHERE begin_snapshot > $after AND begin_snapshot <= $until
            )
            """,
            {"after": after, "until": until},
        )
        return int(found["n"][0])

    @staticmethod
    def stage(
        session: Runner,
        schema: str,
        name: str,
        *,
        after: int,
        until: int,
        into: str,
        per_commit: bool = True,
        columns: Collection[str] | None = None,
        only: str | None = None,
    ) -> int:
        """Put what changed in a table into a temp table of the session.

        The temp table has `_id`, `_snapshot`, `_kind` (`insert`, `update` or `delete`), every column that the table has
        at `until` with its new value, and `old__<column>` with the value before. A column that was added within the
        window counts as having had its default all the time; one that was dropped is not there.

        Args:
            session: where the temp table is made; nothing of the lake is written.
            schema: the table's schema.
            name: the table; it has a column `id`.
            after: the last snapshot whose changes do not count.
            until: the last snapshot whose changes count.
            into: the temp table's name; one of that name is replaced.
            per_commit: one row for each record and snapshot; else one row for each record, old as of `after` and new
                as of `until`, with the last snapshot known to have touched it. Pairs without any difference are left
                out.
            columns: for a long stretch of the past: these columns alone are read and told, in one pass over all
                commits. Those that the table does not have are left out, and so may be a change from outside the write
                door that concerns none of them.
            only: the name of a temp table of the session with the `_id` of the records that count, few of all.

        Returns:
            The number of rows staged.

        Raises:
            FeedError: the window or the table is not there, or the table has no `id`.
            FeedExpiredError: snapshots of the window were expired.
        """

        def stage() -> int:
            staging = Staging(session, open_window(session, schema, name, after, until), into, only)
            if per_commit and (columns is not None or only is not None):
                return stage_history(staging, columns)
            return staging.run(per_commit=per_commit)

        return _retried(stage)


def _retried(work: Callable[[], T]) -> T:
    """Maintenance may take a file away between the planning of a read and its running: read again."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return work()
        except LakeError as error:
            missing = isinstance(error.__cause__, duckdb.IOException | duckdb.HTTPException)
            if not missing and not isinstance(error, TransientError):
                raise
    return work()
