"""One staging of a table's changes: the states of its records, and which follows upon which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from lake.feed_window import Runner, Window, as_at_end
from lake.names import ident, table

# A commit costs some 0.1 s when it is read apart, a changed row some 5 µs; in a chain with others 15 µs.
_APART_COMMITS: Final = 3
_APART_ROWS: Final = 20_000


@dataclass(frozen=True)
class Staging:
    """The temp tables of one staging: `<into>__<part>`, dropped at its end.

    `states` holds each record's state at each snapshot that gave it one; `links` says which states follow upon which.
    `only` names a temp table with the `_id` of the records to which it is confined.
    """

    session: Runner
    window: Window
    into: str
    only: str | None = None
    _parts: set[str] = field(default_factory=set)

    def run(self, *, per_commit: bool) -> int:
        commits = self.window.commits
        try:
            if not commits:
                self._create(self.into, self._nothing_sql())
                return 0
            removed = self._removed()
            if not removed and self._all_inserts():
                pass
            elif len(commits) == 1 or not per_commit:
                self._by_window()
            elif removed > _APART_ROWS * (len(commits) - _APART_COMMITS):
                self._commits_apart()
            else:
                self._by_commit()
            return self._count(ident(self.into))
        finally:
            self._drop_parts()

    def _drop_parts(self) -> None:
        for part in self._parts:
            self.session.execute(f"DROP TABLE IF EXISTS {self._part(part)}")

    def _part(self, part: str) -> str:
        return ident(self._named(part))

    def _named(self, part: str) -> str:
        return f"{self.into}__{part}"

    def _create(self, name: str, sql: str) -> None:
        self.session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(name)} AS {sql}")

    def _store(self, part: str, sql: str) -> None:
        self._parts.add(part)
        self._create(self._named(part), sql)

    def _count(self, place: str) -> int:
        return int(self.session.read(f"SELECT count(*) AS n FROM {place}")["n"][0])

    def _removed(self) -> int:
        """Keep what was taken away; materialised before anything is filtered, as the functions need it."""
        if not self.window.removals:
            # Asking for none costs as much as asking for many.
            nothing = f"SELECT NULL::{self.window.id_type} AS _id, 0::BIGINT AS _snapshot WHERE false"
            self._store("removed", nothing)
            return 0
        rows = f"SELECT id AS _id, snapshot_id AS _snapshot FROM {self.window.rows('deletions')}"
        self._store("removed", self._confined(rows, removals=True))
        return self._count(self._part("removed"))

    def _all_inserts(self) -> bool:
        """Where nothing was taken away, what was written is what changed, unless an id was written twice."""
        columns = self.window.columns
        if self.window.altered and self.window.until != self.window.end:
            return False
        olds = ", ".join(f"NULL::{column.type} AS {ident('old__' + column.name)}" for column in columns)
        rows = (
            f"SELECT id AS _id, snapshot_id AS _snapshot, 'insert' AS _kind, {self.window.names}, {olds} "
            f"FROM {self.window.rows('insertions')}"
        )
        self._create(self.into, self._confined(rows))
        again = f"SELECT count(*) - count(DISTINCT _id) AS n FROM {ident(self.into)}"
        return bool(self.session.read(again)["n"][0] == 0)

    def _by_window(self) -> None:
        """One row a record: the table as of the window's two ends, for the records that were touched."""
        window = self.window
        self._store(
            "touched",
            f"""
            WITH written AS MATERIALIZED (
                SELECT id AS _id, snapshot_id AS _snapshot FROM {window.rows("insertions")}
            ),
            sides AS MATERIALIZED (
                {self._confined("SELECT _id, _snapshot FROM written")}
                UNION ALL SELECT _id, _snapshot FROM {self._part("removed")}
            )
            SELECT _id, coalesce(max(_snapshot) FILTER (_snapshot >= {window.start}), {window.commits[-1]}) AS _snapshot
            FROM sides WHERE _id IS NOT NULL GROUP BY _id
            """,
        )
        snapshot = "_snapshot" if len(window.commits) > 1 else f"{window.commits[0]}::BIGINT AS _snapshot"
        one = "QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _digest) = 1"
        for only in ("", one):
            # Nothing but the write door keeps ids unique: one that an outside writer stored twice counts once.
            new, old = (
                f"{self._state_sql(window.until, self._named('touched'))} {only}",
                f"{self._base_sql()} {only}",
            )
            self._create(
                self.into,
                f"SELECT _id, {snapshot}, {self._pair_sql()} FROM ({new}) AS p FULL JOIN ({old}) AS d USING (_id) "
                f"JOIN {self._part('touched')} USING (_id) WHERE p._digest IS DISTINCT FROM d._digest",
            )
            if not self._count(
                f"(SELECT 1 FROM {ident(self.into)} GROUP BY _id HAVING count(*) > 1 LIMIT 1)"
            ):
                return

    def _commits_apart(self) -> None:
        """One row a record and commit, each commit as a window of its own: exact, and quick for few or large ones."""
        self._create(self.into, self._nothing_sql())
        part = f"{self.into}__commit"
        for snapshot in self.window.commits:
            Staging(self.session, self.window.of_commit(snapshot), part, self.only).run(per_commit=False)
            self.session.execute(f"INSERT INTO {ident(self.into)} FROM {ident(part)}")
        self.session.execute(f"DROP TABLE {ident(part)}")

    def _by_commit(self) -> None:
        """One row a record and commit: the states that the commits gave it, each linked to the one before."""
        window, states = self.window, self._part("states")
        removed = (
            f"SELECT id AS _id, snapshot_id AS _snapshot, rowid AS _row, {window.digest} AS _digest "
            f"FROM {window.rows('deletions')}"
        )
        self._store("removed", self._confined(removed, removals=True))
        self._store("states", self._confined(self._written_sql()))
        ids = f"SELECT _id FROM {states} UNION SELECT _id FROM {self._part('removed')}"
        self._store("touched", f"SELECT _id FROM ({ids}) WHERE _id IS NOT NULL")
        self.session.execute(
            f"INSERT INTO {states} SELECT * EXCLUDE (_row), {window.after}, _row FROM ({self._base_sql()})"
        )
        self._store(
            "ends", f"SELECT _id, _digest FROM ({self._state_sql(window.until, self._named('touched'))})"
        )
        self._link()
        self._find_broken()
        if self._count(self._part("broken")):
            self._mend()
        self._create(
            self.into,
            f"SELECT l._id, l._snapshot, {self._pair_sql()} FROM {self._part('links')} AS l "
            f"LEFT JOIN {self._part('states')} AS p ON p._id = l._id AND p._snapshot = l._after "
            f"LEFT JOIN {self._part('states')} AS d ON d._id = l._id AND d._snapshot = l._before "
            f"WHERE l._snapshot > {window.after} AND p._digest IS DISTINCT FROM d._digest",
        )

    def _written_sql(self) -> str:
        """The states that the window's commits gave."""
        window = self.window
        return (
            f"SELECT id AS _id, {window.names}, {window.digest} AS _digest, snapshot_id AS _snapshot, rowid AS _row "
            f"FROM {window.rows('insertions')}"
        )

    def _confined(self, select: str, *, removals: bool = False) -> str:
        """A select that gives `_id`, of the chosen records alone; removals are read in full before."""
        if self.only is None:
            return select
        mine = f"SELECT * FROM every_one SEMI JOIN {ident(self.only)} USING (_id)"
        return f"WITH every_one AS {'MATERIALIZED ' if removals else ''}({select}) {mine}"

    def _place(self, snapshot: int) -> str:
        return f"{table(self.window.schema, self.window.name)} AT (VERSION => {snapshot})"

    def _link(self) -> None:
        """Chain each record's states; one that is gone at the end ends with the snapshot that removed it."""
        window, states = self.window, self._part("states")
        self._store(
            "links",
            f"""
            SELECT _id, _snapshot, _snapshot AS _after, lag(_snapshot) OVER w AS _before, _digest, _row,
                   lag(_digest) OVER w AS _digest_before, lag(_row) OVER w AS _row_before,
                   lead(_snapshot) OVER w IS NULL AS _last
            FROM {states} SEMI JOIN {self._part("touched")} USING (_id)
            WHERE _snapshot >= {window.after} WINDOW w AS (PARTITION BY _id ORDER BY _snapshot)
            """,
        )
        self.session.execute(
            f"""
            INSERT INTO {self._part("links")} BY NAME
            SELECT l._id, max(r._snapshot) AS _snapshot, any_value(l._snapshot) AS _before
            FROM {self._part("links")} AS l ANTI JOIN {self._part("ends")} AS e USING (_id)
            JOIN {self._part("removed")} AS r
              ON r._id = l._id AND r._digest = l._digest AND r._snapshot > l._snapshot AND r._snapshot >= {window.start}
            WHERE l._last GROUP BY l._id HAVING count(*) = 1
            """
        )

    def _find_broken(self) -> None:
        """Find the records of which a state does not certainly follow from the one before it.

        The snapshot of a removal is wrong when the row lay in a merged file: then it is the one that wrote the row. It
        is right when the same snapshot wrote the record anew; and an update keeps the row id, while a removal and a
        new insert do not.
        """
        links, removed = self._part("links"), self._part("removed")
        self._store(
            "broken",
            f"""
            SELECT _id FROM {links} WHERE _after IS NOT NULL GROUP BY _id, _snapshot HAVING count(*) > 1
            UNION
            SELECT _id FROM {links} AS l ANTI JOIN (
                SELECT f._id, f._snapshot FROM {links} AS f JOIN {removed} AS r
                  ON r._id = f._id AND r._digest = f._digest_before
                WHERE r._snapshot = f._snapshot OR (r._row = f._row AND r._row = f._row_before)
            ) AS f ON f._id = l._id AND f._snapshot = l._snapshot
            WHERE l._digest_before IS NOT NULL
            UNION
            SELECT l._id FROM {links} AS l LEFT JOIN {self._part("ends")} AS e ON e._id = l._id
            LEFT JOIN (SELECT _id FROM {links} WHERE _after IS NULL) AS x ON x._id = l._id
            WHERE l._last AND l._digest IS DISTINCT FROM e._digest AND (e._id IS NOT NULL OR x._id IS NULL)
            """,
        )

    def _mend(self) -> None:
        """Replace the broken records' states by what the table itself says at each commit of the window."""
        window, states, links = self.window, self._part("states"), self._part("links")
        mine = f"_id IN (FROM {self._part('broken')})"
        self.session.execute(f"DELETE FROM {states} WHERE {mine} AND _snapshot > {window.after}")
        self.session.execute(f"DELETE FROM {links} WHERE {mine}")
        before = window.after
        for snapshot in window.commits:
            self.session.execute(
                f"INSERT INTO {states} SELECT * EXCLUDE (_row), {snapshot}, _row "
                f"FROM ({self._state_sql(snapshot, self._named('broken'))}) "
                "QUALIFY row_number() OVER (PARTITION BY _id ORDER BY _digest) = 1"
            )
            self.session.execute(
                f"INSERT INTO {links} BY NAME SELECT _id, {snapshot} AS _snapshot, {snapshot} AS _after, "
                f"{before} AS _before FROM {self._part('broken')}"
            )
            before = snapshot

    def _base_sql(self) -> str:
        """The touched records before the window."""
        if not self.window.base:
            return f"FROM ({self._no_state_sql()})"
        return self._state_sql(self.window.after, self._named("touched"))

    def _state_sql(self, snapshot: int, wanted: str | None) -> str:
        """`_id`, the columns, `_digest` and `_row` as of a snapshot: of the records in a temp table, or of all."""
        window = self.window
        expressions = ", ".join(as_at_end(self.session, window, snapshot))
        place = f"{table(window.schema, window.name)} AS x AT (VERSION => {snapshot})"
        confined = "" if wanted is None else f" SEMI JOIN {ident(wanted)} AS w ON id = w._id"
        return (
            f"SELECT id AS _id, {window.names}, {window.digest} AS _digest, _row "
            f"FROM (SELECT {expressions}, x.rowid AS _row FROM {place}){confined}"
        )

    def _no_state_sql(self) -> str:
        columns = ", ".join(f"NULL::{column.type} AS {column.quoted}" for column in self.window.columns)
        marks = "NULL::UBIGINT AS _digest, NULL::BIGINT AS _row"
        return f"SELECT NULL::{self.window.id_type} AS _id, {columns}, {marks} LIMIT 0"

    def _nothing_sql(self) -> str:
        none = self._no_state_sql()
        pairs = f"({none}) AS p JOIN ({none}) AS d USING (_id)"
        return f"SELECT _id, 0::BIGINT AS _snapshot, {self._pair_sql()} FROM {pairs}"

    def _pair_sql(self) -> str:
        """`_kind`, the new values of `p` and the old ones of `d`."""
        columns = self.window.columns
        news = ", ".join(f"p.{column.quoted}" for column in columns)
        olds = ", ".join(f"d.{column.quoted} AS {ident('old__' + column.name)}" for column in columns)
        kind = "CASE WHEN d._id IS NULL THEN 'insert' WHEN p._id IS NULL THEN 'delete' ELSE 'update' END AS _kind"
        return f"{kind}, {news}, {olds}"
