"""A serving copy of the lake's tables in the engine's own format, kept current by the change feed.

Planning a statement over a DuckLake table costs some 5 ms a table, since the catalog is asked each time; a page that
reads fifteen modules would pay that fifteen times over. The copy costs nothing to plan, and holds nothing that the
lake does not: it lives in a temporary file, belongs to one process, is built when a server starts and thrown away
when it ends. Whoever reads through it sees the lake as of `Mirror.snapshot`, which is never older than the last
commit of this process, and at most `POLL_SECONDS` behind the commits of others.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.names import ident, table

if TYPE_CHECKING:
    from lake.connection import Lake, Session

MIRROR = "mirror"
POLL_SECONDS = 0.25
# Beyond this share of changed rows a table is copied again, which is quicker than mending it.
_REBUILD_SHARE = 0.2

Name = tuple[str, str]


class Mirror:
    """The copy of some tables; safe to ask from many threads."""

    def __init__(self, lake: Lake, *, folder: Path | None = None) -> None:
        """Attach an empty copy; `follow` says which tables it holds."""
        self._lake = lake
        self._folder = tempfile.TemporaryDirectory(prefix="merganser-mirror-", dir=folder)
        self._file = Path(self._folder.name) / "mirror.duckdb"
        self._sorts: dict[Name, tuple[str, ...]] = {}
        self._columns: dict[Name, tuple[tuple[str, str], ...]] = {}
        self._refreshing = threading.Lock()
        self._polled = 0.0
        self._session: Session = lake.session()
        self._session.execute(f"ATTACH {_text(str(self._file))} AS {ident(MIRROR)}")
        self.snapshot = 0
        self.label: object = None

    def follow(self, tables: Mapping[Name, Sequence[str]], *, label: object = None) -> None:
        """Hold these tables (schema, name → columns to sort by) from the next refresh on, and no others.

        `label` is the caller's own mark of what it follows, kept in `label` for him to compare.
        """
        with self._refreshing:
            self.label = label
            self._sorts = {name: tuple(columns) for name, columns in tables.items()}
            self._polled = 0.0
            self.snapshot = 0 if set(self._sorts) - set(self._columns) else self.snapshot

    def current(self) -> bool:
        """Bring the copy up to date where needed; whether it may be read.

        False while nobody follows anything, while the first copy is being made by another thread, or when the lake
        cannot be read: then the lake itself is to be asked.
        """
        if not self._sorts:
            return False
        due = self._lake.door.latest > self.snapshot or time.monotonic() - self._polled > POLL_SECONDS
        if self.snapshot and not due:
            return True
        if not self._refreshing.acquire(blocking=self.snapshot > 0):
            return False
        try:
            if self._lake.door.latest > self.snapshot or time.monotonic() - self._polled > POLL_SECONDS:
                self._refresh()
        except LakeError:
            self.snapshot = 0
            self._columns.clear()
            return False
        finally:
            self._refreshing.release()
        return True

    def close(self) -> None:
        """Throw the copy away."""
        with self._refreshing:
            self._sorts = {}
            self._session.execute(f"DETACH {ident(MIRROR)}")
            self._session.close()
            self._folder.cleanup()

    def _refresh(self) -> None:
        until = self._lake.snapshot()
        self._polled = time.monotonic()
        if until == self.snapshot:
            return
        touched = set(self._sorts) if not self.snapshot else self._touched(until)
        missing = [name for name in self._sorts if name not in self._columns]
        session = self._session
        session.execute("BEGIN TRANSACTION")
        try:
            for name in sorted(touched | set(missing)):
                self._bring(name, until)
            session.execute("COMMIT")
        except BaseException:
            session.rollback()
            raise
        self.snapshot = until

    def _touched(self, until: int) -> set[Name]:
        changed = self._lake.feed.tables_changed(self.snapshot, until)
        return {name for name in changed if name in self._sorts}

    def _bring(self, name: Name, until: int) -> None:
        columns = self._read_columns(name, until)
        known = self._columns.get(name)
        keyed = any(column == "id" for column, _ in columns)
        if known != columns or not keyed or not self.snapshot or not self._mend(name, until):
            self._copy(name, until)
        self._columns[name] = columns

    def _mend(self, name: Name, until: int) -> bool:
        """Replace the rows that changed; False when there are so many that a fresh copy is quicker."""
        session, place = self._session, ident(MIRROR, *name)
        session.execute(
            "CREATE OR REPLACE TEMP TABLE mirror_ids AS SELECT DISTINCT id FROM "
            "ducklake_table_changes('lake', ?, ?, ?, ?)",
            [name[0], name[1], self.snapshot + 1, until],
        )
        sizes = session.read(
            f"SELECT (SELECT count(*) FROM mirror_ids) AS c, (SELECT count(*) FROM {place}) AS n"
        )
        changed, held = sizes.row(0)
        if changed > 1000 and changed > held * _REBUILD_SHARE:
            return False
        session.execute(f"DELETE FROM {place} WHERE id IN (SELECT id FROM mirror_ids)")
        session.execute(
            f"INSERT INTO {place} BY NAME SELECT * FROM {table(*name)} AT (VERSION => {until}) "
            "WHERE id IN (SELECT id FROM mirror_ids)"
        )
        return True

    def _copy(self, name: Name, until: int) -> None:
        order = ", ".join(ident(column) for column in self._sorts[name])
        self._session.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(MIRROR, name[0])}")
        self._session.execute(
            f"CREATE OR REPLACE TABLE {ident(MIRROR, *name)} AS SELECT * FROM {table(*name)} AT (VERSION => {until})"
            + (f" ORDER BY {order}" if order else "")
        )

    def _read_columns(self, name: Name, until: int) -> tuple[tuple[str, str], ...]:
        described = self._session.read(f"DESCRIBE SELECT * FROM {table(*name)} AT (VERSION => {until})")
        return tuple(zip(described["column_name"], described["column_type"], strict=True))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
