"""A serving copy of the lake's tables in the engine's own format, kept current by the change feed.

Planning a statement over a DuckLake table costs some 5 ms a table, since the catalog is asked each time; a page that
reads fifteen modules would pay that fifteen times over. The copy costs nothing to plan, and holds nothing that the
lake does not: it lives in a temporary file, belongs to one process, is built when a server starts and thrown away
when it ends. Whoever reads through it sees the lake as of `Mirror.snapshot`, which is never older than the last
commit of this process that is awaited, and little behind those of others: who looks `POLL_SECONDS` after the last look
has the copy brought up to date while he reads it as it is, who looks later than that waits for it.

The engine prunes what it reads by the smallest and largest number or text of a block, but not by UUIDs. So a column of
ids by which rows are looked up is kept a second time as a number, and what a search looks into as one text in small
letters without accents. The table with those further columns lies in the schema `<schema>_keyed`; `<schema>` has a view
without them. Beside it lie the words of those texts, where they are asked for: each once (`<name>__words`), to find
those that are like another, and with the number of each row that has it (`<name>__worded`).
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lake.errors import LakeError
from lake.held import SEARCH_TEXT, Held, Name, key_column, keyed_schema, worded_table, words_table
from lake.names import ident, table
from lake.words import LONGEST, likeness_sql, words_sql

if TYPE_CHECKING:
    from lake.connection import Lake
    from lake.session import Session

MIRROR = "mirror"
POLL_SECONDS = 0.25
_WAIT_SECONDS = 1.0
# Beyond this share of changed rows a table is copied again, which is quicker than mending it.
_REBUILD_SHARE = 0.2

_log = logging.getLogger(__name__)


class Mirror:
    """The copy of some tables; safe to ask from many threads."""

    def __init__(self, lake: Lake, *, folder: Path | None = None) -> None:
        """Attach an empty copy; `follow` says which tables it holds."""
        self._lake = lake
        self._folder = tempfile.TemporaryDirectory(prefix="merganser-mirror-", dir=folder)
        self._file = Path(self._folder.name) / "mirror.duckdb"
        self._held: dict[Name, Held] = {}
        self._columns: dict[Name, tuple[tuple[str, str], ...]] = {}
        self._refreshing = threading.Lock()
        self._polled = 0.0
        self._asking = threading.Lock()
        self._since = self._until = 0
        self._changed: set[Name] = set()
        self._session: Session = lake.session()
        self._session.execute(f"ATTACH {_text(str(self._file))} AS {ident(MIRROR)}")
        self.snapshot = 0
        self.label: object = None

    def follow(self, tables: Mapping[Name, Held], *, label: object = None) -> None:
        """Hold these tables (by schema and name) from the next refresh on, and no others.

        `label` is the caller's own mark of what it follows, kept in `label` for him to compare.
        """
        with self._refreshing:
            self.label = label
            changed = {name for name, held in self._held.items() if tables.get(name, held) != held}
            for name in changed:
                self._columns.pop(name, None)
            self._held = dict(tables)
            self._polled = 0.0
            self.snapshot = 0 if set(self._held) - set(self._columns) else self.snapshot

    def current(self) -> bool:
        """Bring the copy up to date where needed; whether it may be read.

        False while nobody follows anything, while the first copy is being made by another thread, or when the lake
        cannot be read: then the lake itself is to be asked.
        """
        if not self._held:
            return False
        unseen = time.monotonic() - self._polled
        if self.snapshot and self._lake.door.latest <= self.snapshot and unseen < _WAIT_SECONDS:
            if unseen > POLL_SECONDS:
                self._catch_up_beside()
            return True
        if not self._refreshing.acquire(blocking=self.snapshot > 0):
            return False
        try:
            return self._catch_up()
        finally:
            self._refreshing.release()

    def _catch_up(self) -> bool:
        """Bring the copy up to date, by whoever holds `_refreshing`; whether it may be read."""
        try:
            if self._lake.door.latest > self.snapshot or time.monotonic() - self._polled > POLL_SECONDS:
                self._refresh()
        except LakeError as error:
            _log.warning("The serving copy could not follow the lake, which is read instead: %s", error)
            self.snapshot = 0
            self._columns.clear()
            return False
        return True

    def _catch_up_beside(self) -> None:
        """Bring the copy up to date in a thread of its own, unless somebody does already."""
        if not self._refreshing.acquire(blocking=False):
            return

        def work() -> None:
            try:
                if self._held:
                    self._catch_up()
            finally:
                self._refreshing.release()

        # A lock may be freed by another thread than took it: between the two nobody else begins.
        try:
            threading.Thread(target=work, name="serving copy", daemon=True).start()
        except RuntimeError:
            self._refreshing.release()
            raise

    def holds(self, names: Iterable[Name], *, until: int) -> bool:
        """Whether the copy has these tables as they are at a snapshot, without bringing it up to date.

        Asked again and again while others write, it looks only at the commits that it has not looked at before.
        """
        with self._asking:
            since = self.snapshot
            if not since:
                return False
            if since != self._since or until < self._until:
                self._since = self._until = since
                self._changed = set()
            if until > self._until:
                self._changed |= self._lake.feed.tables_changed(self._until, until)
                self._until = until
            return self._changed.isdisjoint(names)

    def close(self) -> None:
        """Throw the copy away."""
        with self._refreshing:
            self._held = {}
            self._session.execute(f"DETACH {ident(MIRROR)}")
            self._session.close()
            self._folder.cleanup()

    def _refresh(self) -> None:
        until = self._lake.snapshot()
        self._polled = time.monotonic()
        if until == self.snapshot:
            return
        touched = set(self._held) if not self.snapshot else self._touched(until)
        missing = [name for name in self._held if name not in self._columns]
        todo = touched | set(missing)
        todo |= {name for name, held in self._held.items() if any(one.table in todo for one in held.gathered)}
        session = self._session
        session.execute("BEGIN TRANSACTION")
        try:
            # What gathers comes before what it gathers from: there still stands where a row pointed until now.
            for name in sorted(todo, key=lambda name: (not self._held[name].gathered, name)):
                self._bring(name, until, todo)
            session.execute("COMMIT")
        except BaseException:
            session.rollback()
            raise
        self.snapshot = until

    def _touched(self, until: int) -> set[Name]:
        changed = self._lake.feed.tables_changed(self.snapshot, until)
        return {name for name in changed if name in self._held}

    def _bring(self, name: Name, until: int, touched: set[Name]) -> None:
        columns = self._read_columns(name, until)
        known = self._columns.get(name)
        keyed = set(self._held[name].rows) <= {column for column, _ in columns}
        if known != columns or not keyed or not self.snapshot or not self._mend(name, until, touched):
            self._copy(name, until, columns)
        self._columns[name] = columns

    def _mend(self, name: Name, until: int, touched: set[Name]) -> bool:
        """Replace the rows that changed; False when there are so many that a fresh copy is quicker."""
        session, place = self._session, self._place(name)
        rows = self._rows(name)
        parts = [f"SELECT {rows} FROM {self._find_changed(name, until)}"]
        for one in self._held[name].gathered:
            if one.table not in touched:
                continue
            if self._columns.get(one.table) != self._read_columns(one.table, until):
                return False
            owner, changed = ident(one.reference), self._find_changed(one.table, until)
            # Of those that a changed row points to now, and of those that it pointed to.
            parts += [
                f"SELECT {owner} FROM {place} WHERE {owner} IS NOT NULL AND id IN (SELECT id FROM {changed})"
                for place in (f"{table(*one.table)} AT (VERSION => {until})", self._place(one.table))
            ]
        session.execute(f"CREATE OR REPLACE TEMP TABLE mirror_ids AS {' UNION '.join(parts)}")
        sizes = session.read(
            f"SELECT (SELECT count(*) FROM mirror_ids) AS c, (SELECT count(*) FROM {place}) AS n"
        )
        changed_rows, held = sizes.row(0)
        if changed_rows > 1000 and changed_rows > held * _REBUILD_SHARE:
            return False
        if self._held[name].words:
            self._keep_texts("mirror_before", name)
        session.execute(f"DELETE FROM {place} WHERE ({rows}) IN (SELECT {rows} FROM mirror_ids)")
        session.execute(
            f"INSERT INTO {place} BY NAME {self._select(name, until, only=f'SELECT {rows} FROM mirror_ids')}"
        )
        if self._held[name].words:
            self._mend_words(name)
        return True

    def _keep_texts(self, called: str, name: Name) -> None:
        """Make a temp table with what a search looks into of the rows that changed."""
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {called} AS SELECT {ident(key_column('id'))} AS key, {SEARCH_TEXT} AS texts "
            f"FROM {self._place(name)} WHERE id IN (SELECT id FROM mirror_ids)"
        )

    def _mend_words(self, name: Name) -> None:
        """Bring the words up to date; most changes are of something else, and cost nothing here."""
        session, worded = self._session, ident(MIRROR, *worded_table(name))
        self._keep_texts("mirror_after", name)
        for called, one, other in (("gone", "before", "after"), ("came", "after", "before")):
            session.execute(
                f"CREATE OR REPLACE TEMP TABLE mirror_{called} AS "
                f"SELECT * FROM mirror_{one} EXCEPT SELECT * FROM mirror_{other}"
            )
        if session.read("SELECT count(*) FROM mirror_gone").item():
            session.execute(f"DELETE FROM {worded} WHERE key IN (SELECT key FROM mirror_gone)")
        if session.read("SELECT count(*) FROM mirror_came").item():
            self._add_words(name, "SELECT key, texts FROM mirror_came")

    def _copy_words(self, name: Name) -> None:
        for place, columns in (
            (words_table(name), "word VARCHAR, size SMALLINT, letters BIGINT, pairs BIGINT, rows BIGINT"),
            (worded_table(name), "word UBIGINT, key BIGINT"),
        ):
            self._session.execute(f"CREATE OR REPLACE TABLE {ident(MIRROR, *place)} ({columns})")
        rows = f"SELECT {ident(key_column('id'))} AS key, {SEARCH_TEXT} AS texts FROM {self._place(name)}"
        self._add_words(name, rows)

    def _add_words(self, name: Name, rows: str) -> None:
        """Add the words of the rows that a statement gives (`key, texts`)."""
        session = self._session
        session.execute(
            "CREATE OR REPLACE TEMP TABLE mirror_words AS SELECT word, key FROM "
            f"(SELECT unnest({words_sql('texts')}) AS word, key FROM ({rows})) "
            f"WHERE length(word) BETWEEN 2 AND {LONGEST}"
        )
        session.execute(
            f"INSERT INTO {ident(MIRROR, *worded_table(name))} SELECT hash(word), key FROM mirror_words ORDER BY 1"
        )
        session.execute(
            f"INSERT INTO {ident(MIRROR, *words_table(name))} SELECT word, {likeness_sql('word')}, rows "
            "FROM (SELECT word, count(*) AS rows FROM mirror_words GROUP BY word) ORDER BY size, letters"
        )
        session.execute("DROP TABLE mirror_words")

    def _find_changed(self, name: Name, until: int) -> str:
        """A temp table with what tells the rows that changed since the copy was brought up to date."""
        found = ident(f"mirror_changed__{'__'.join(name)}")
        # Maintenance writes rows anew, and what the catalog says of their changes goes with the old file; the version
        # in a row stays.
        since = ""
        rows = self._rows(name)
        if any(column == "version" for column, _ in self._columns[name]):
            since = f" UNION SELECT {rows} FROM {table(*name)} AT (VERSION => {until}) WHERE version > {self.snapshot}"
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {found} AS SELECT {rows} FROM "
            f"ducklake_table_changes('lake', ?, ?, ?, ?){since or ' GROUP BY ALL'}",
            [name[0], name[1], self.snapshot + 1, until],
        )
        return found

    def _copy(self, name: Name, until: int, columns: Iterable[tuple[str, str]]) -> None:
        schema, plain = name
        held, place = self._held[name], self._place(name)
        order = ", ".join(
            ident(key_column(column) if column in held.keys else column) for column in held.sort
        )
        for one in {schema, keyed_schema(schema)}:
            self._session.execute(f"CREATE SCHEMA IF NOT EXISTS {ident(MIRROR, one)}")
        rows = self._select(name, until)
        self._session.execute(f"CREATE OR REPLACE TABLE {place} ({self._define(name, columns)})")
        self._session.execute(f"INSERT INTO {place} {rows}" + (f" ORDER BY {order}" if order else ""))
        hidden = f" EXCLUDE ({', '.join(map(ident, held.further))})" if held.further else ""
        self._session.execute(
            f"CREATE OR REPLACE VIEW {ident(MIRROR, schema, plain)} AS SELECT *{hidden} FROM {place}"
        )
        if held.words:
            self._copy_words(name)

    def _define(self, name: Name, columns: Iterable[tuple[str, str]]) -> str:
        """The columns of a copy.

        The engine would pack ids, and the texts that a search reads whole; to unpack them is most of what a search, or
        a look for some rows, takes.
        """
        further = [(one, "VARCHAR" if one == SEARCH_TEXT else "BIGINT") for one in self._held[name].further]
        return ", ".join(
            f"{ident(column)} {kind}"
            + (" USING COMPRESSION uncompressed" if kind == "UUID" or column == SEARCH_TEXT else "")
            for column, kind in (*columns, *further)
        )

    def _rows(self, name: Name) -> str:
        """The columns that tell a row of a table from the others, as SQL."""
        return ", ".join(map(ident, self._held[name].rows))

    def _place(self, name: Name) -> str:
        return ident(MIRROR, keyed_schema(name[0]), name[1])

    def _select(self, name: Name, until: int, *, only: str | None = None) -> str:
        """The rows as the copy has them: all of them, or those that a statement gives (`Held.rows`)."""
        held = self._held[name]
        further = "".join(f", {sql} AS {ident(column)}" for column, sql in held.further.items())
        joins = ""
        for place, one in enumerate(held.gathered):
            owner, alias = ident(one.reference), ident(f"g{place}")
            texts = ", ".join(f"CAST({ident(column)} AS VARCHAR)" for column in one.searched)
            mine = f" AND {owner} IN ({only})" if only else ""
            joins += (
                f" LEFT JOIN (SELECT {owner} AS owner, string_agg(concat_ws(chr(31), {texts}), chr(31)) AS texts "
                f"FROM {table(*one.table)} AT (VERSION => {until}) WHERE deleted_at IS NULL{mine} GROUP BY 1) "
                f"AS {alias} ON {alias}.owner = t.id"
            )
        rows = f"{table(*name)} AS t AT (VERSION => {until})"
        return f"SELECT t.*{further} FROM {rows}{joins}" + (
            f" WHERE ({self._rows(name)}) IN ({only})" if only else ""
        )

    def _read_columns(self, name: Name, until: int) -> tuple[tuple[str, str], ...]:
        described = self._session.read(f"DESCRIBE SELECT * FROM {table(*name)} AT (VERSION => {until})")
        return tuple(zip(described["column_name"], described["column_type"], strict=True))


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
