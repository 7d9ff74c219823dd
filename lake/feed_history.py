"""A long stretch of the past in one pass: few columns, each record's states in a row, old values from the row before.

What the write door writes keeps a row's number when it changes it, so that two states with one number follow upon each
other. A record of which that, or its state at the window's end, does not hold is staged as in any other window.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from lake.feed_staging import Staging
from lake.feed_window import METADATA
from lake.names import ident

# The records before the window are all read when more than one in so many of them may have been touched.
_MANY = 4
_MARKS = ("_row", "_row_before", "_digest", "_digest_before", "_before", "_last")


@dataclass(frozen=True)
class HistoryStaging(Staging):
    """As `Staging`, one row a record and commit, for windows of many commits and rows."""

    def run_history(self) -> int:
        """Stage the window; returns the number of rows staged."""
        try:
            if not self.window.commits:
                self._create(self.into, self._nothing_sql())
            elif self._only_inserts() and self._all_inserts():
                pass
            else:
                self._chain()
                self._doubt()
                self._settle()
            return self._count(ident(self.into))
        finally:
            self._drop_parts()

    def _only_inserts(self) -> bool:
        """Whether no commit of the window took rows of the table away, as the catalog tells it."""
        found = self.session.read(
            f"SELECT count(*) AS n FROM {METADATA}.ducklake_snapshot_changes "
            "WHERE snapshot_id > ? AND snapshot_id <= ? AND regexp_matches(changes_made, ?)",
            [
                self.window.after,
                self.window.until,
                f"(^|,)(deleted_from_table|inlined_delete):{self.window.table_id}(,|$)",
            ],
        )
        return bool(found["n"][0] == 0)

    def _chain(self) -> None:
        """Every state with the one before it, those before the window among them."""
        window = self.window
        states = self._confined(self._written_sql())
        if window.base:
            named = f"SELECT _id, {window.names}, _digest, {window.after}, _row"
            states = f"({states}) UNION ALL {named} FROM ({self._before_sql()})"
        olds = ", ".join(f"lag({one.quoted}) OVER w AS {ident('old__' + one.name)}" for one in window.columns)
        self._create(
            self.into,
            "SELECT _id, _snapshot, CASE WHEN lag(_snapshot) OVER w IS NULL THEN 'insert' ELSE 'update' END AS _kind, "
            f"{window.names}, {olds}, _row, lag(_row) OVER w AS _row_before, _digest, "
            "lag(_digest) OVER w AS _digest_before, lag(_snapshot) OVER w AS _before, "
            f"lead(_snapshot) OVER w IS NULL AS _last FROM ({states}) "
            "WINDOW w AS (PARTITION BY _id ORDER BY _snapshot)",
        )

    def _before_sql(self) -> str:
        """The records before the window: the touched ones, or all where nearly every one may be."""
        window, place = self.window, self._place(self.window.after)
        if self.only is not None:
            return self._state_sql(window.after, self.only)
        written = self._count(window.rows("insertions"))
        if written * _MANY > self._count(place):
            return self._state_sql(window.after, None)
        self._store("touched", f"SELECT DISTINCT id AS _id FROM {window.rows('insertions')}")
        return self._state_sql(window.after, f"{self.into}__touched")

    def _doubt(self) -> None:
        """Find the records of which a state does not certainly follow from the one before, or that are gone."""
        window, links = self.window, ident(self.into)
        ends = self._state_sql(window.until, self.only)
        parts = [
            f"SELECT _id FROM {links} WHERE _before = _snapshot OR _snapshot < {window.after} "
            "OR (_before IS NOT NULL AND _row IS DISTINCT FROM _row_before)",
            f"SELECT l._id FROM {links} AS l LEFT JOIN ({ends}) AS e ON e._id = l._id "
            "WHERE l._last AND l._digest IS DISTINCT FROM e._digest",
        ]
        if window.base:
            gone = (
                f"SELECT id AS _id FROM {self._place(window.after)} "
                f"WHERE id NOT IN (SELECT id FROM {self._place(window.until)} WHERE id IS NOT NULL)"
            )
            parts.append(self._confined(gone))
        doubted = " UNION ALL ".join(f"(SELECT _id FROM ({part}))" for part in parts)
        self._store("doubted", f"SELECT DISTINCT _id FROM ({doubted}) WHERE _id IS NOT NULL")

    def _settle(self) -> None:
        """Leave what certainly changed, and stage the doubted records anew."""
        links, doubted = ident(self.into), self._part("doubted")
        some = bool(self._count(doubted))
        also = f" OR _id IN (FROM {doubted})" if some else ""
        self.session.execute(
            f"DELETE FROM {links} WHERE _id IS NULL OR _snapshot <= {self.window.after} "
            f"OR (_before IS NOT NULL AND _digest = _digest_before){also}"
        )
        for mark in _MARKS:
            self.session.execute(f"ALTER TABLE {links} DROP COLUMN {mark}")
        if some:
            part = f"{self.into}__doubt"
            Staging(self.session, self.window, part, f"{self.into}__doubted").run(per_commit=True)
            self.session.execute(f"INSERT INTO {links} BY NAME FROM {ident(part)}")
            self.session.execute(f"DROP TABLE {ident(part)}")


def stage_history(staging: Staging, columns: Collection[str] | None) -> int:
    """Stage the window of a staging, with some of its columns alone or with all; returns the number of rows."""
    window = staging.window if columns is None else staging.window.narrowed(columns)
    return HistoryStaging(**{**vars(staging), "window": window}).run_history()
