"""A table over a window of snapshots: which of them count, and which columns it has at both ends."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

import polars as pl

from lake.errors import FeedError, FeedExpiredError
from lake.names import CATALOG, ident, table

if TYPE_CHECKING:
    from lake.engine import Params

# DuckLake attaches its catalog under this name beside the lake.
METADATA: Final = f"__ducklake_metadata_{CATALOG}"
# What a line of `changes_made` says when rows came or went; a flush says so too, merge and rewrite do not.
_REMOVALS: Final = "deleted_from_table|inlined_delete"
ROW_CHANGES: Final = f"inserted_into_table|inlined_insert|{_REMOVALS}"


class Runner(Protocol):
    """A session, or a transaction: both can stage."""

    def execute(self, sql: str, params: Params = None) -> int: ...

    def read(self, sql: str, params: Params = None) -> pl.DataFrame: ...


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    type: str

    @property
    def quoted(self) -> str:
        return ident(self.name)


@dataclass(frozen=True, kw_only=True)
class Window:
    """A table over a window of snapshots, in the terms of the columns that it has at one of them.

    Attributes:
        end: the snapshot whose columns it has.
        start: the first snapshot whose changes count.
        base: whether the table was there at `after`.
        altered: whether its columns changed within the window.
        commits: the snapshots of the window that may have changed rows of it, in order.
        removals: whether any of them may have taken rows away; an update takes the old row away.
        columns: the columns that are told.
        hashed: the columns by which two states of a row are told apart; those of `columns` are among them.
    """

    schema: str
    name: str
    table_id: int
    after: int
    until: int
    end: int
    start: int
    base: bool
    altered: bool
    commits: tuple[int, ...]
    removals: bool
    columns: tuple[Column, ...]
    hashed: tuple[Column, ...]

    def narrowed(self, wanted: Collection[str]) -> Window:
        """The same with the wanted columns alone.

        Whatever the write door writes has a `version` of its own, so that it stands for the columns that are not read;
        without one every column has to be.
        """
        kept = tuple(column for column in self.columns if column.name in wanted)
        if all(column.name != "version" for column in self.columns):
            return replace(self, columns=kept)
        stamps = tuple(column for column in self.columns if column.name in ("id", "version"))
        return replace(self, columns=kept, hashed=tuple(dict.fromkeys((*kept, *stamps))))

    @property
    def key(self) -> tuple[Column, ...]:
        """The column by which rows are paired."""
        return tuple(column for column in self.hashed if column.name == "id")

    def of_commit(self, snapshot: int) -> Window:
        """The part of the window that one of its commits makes."""
        there = self.base or snapshot > self.start
        return replace(
            self, after=snapshot - 1, until=snapshot, start=snapshot, base=there, commits=(snapshot,)
        )

    @property
    def names(self) -> str:
        return ", ".join(column.quoted for column in self.columns)

    @property
    def id_type(self) -> str:
        return self.key[0].type

    @property
    def digest(self) -> str:
        return f"hash({', '.join(column.quoted for column in self.hashed)})"

    def rows(self, side: str) -> str:
        """The table function of the rows that the window's snapshots wrote or took away."""
        arguments = ", ".join(
            f"'{part.replace(chr(39), chr(39) * 2)}'" for part in (CATALOG, self.schema, self.name)
        )
        return f"ducklake_table_{side}({arguments}, {self.start}, {self.until})"


def open_window(session: Runner, schema: str, name: str, after: int, until: int) -> Window:
    if after > until:
        raise FeedError(f"The window from {after} to {until} ends before it begins.")
    found = session.read(
        f"""
        SELECT t.table_id, t.begin_snapshot, (
            SELECT count(*) FROM {METADATA}.ducklake_column AS c
            WHERE c.table_id = t.table_id AND c.begin_snapshot <= $until
              AND (c.begin_snapshot > $after OR (c.end_snapshot > $after AND c.end_snapshot <= $until))
        ) AS altered
        FROM {METADATA}.ducklake_table AS t JOIN {METADATA}.ducklake_schema AS s USING (schema_id)
        WHERE s.schema_name = $schema AND t.table_name = $name
          AND t.begin_snapshot <= $until AND coalesce(t.end_snapshot > $until, true)
          AND s.begin_snapshot <= $until AND coalesce(s.end_snapshot > $until, true)
        """,
        {"after": after, "until": until, "schema": schema, "name": name},
    )
    if found.is_empty():
        raise FeedError(f"There is no table {schema}.{name} at snapshot {until}.")
    begin = int(found["begin_snapshot"][0])
    _check_snapshots(session, first=max(after, begin), last=until, after=after)
    columns = _columns(session, schema, name, until)
    commits, removals = _commits(session, int(found["table_id"][0]), after, until)
    if not any(column.name == "id" for column in columns):
        raise FeedError(f"The table {schema}.{name} has no column id to pair its rows by.")
    return Window(
        schema=schema,
        name=name,
        table_id=int(found["table_id"][0]),
        after=after,
        until=until,
        end=until,
        start=max(after + 1, begin),
        base=begin <= after,
        altered=int(found["altered"][0]) > 0,
        commits=commits,
        removals=removals,
        columns=columns,
        hashed=columns,
    )


def _check_snapshots(session: Runner, *, first: int, last: int, after: int) -> None:
    # Whoever expires a snapshot takes its line here away; `ducklake_snapshot` itself is not always complete.
    lines = f"{METADATA}.ducklake_snapshot_changes"
    found = session.read(
        f"SELECT count(*) AS n, max(snapshot_id) AS newest, (SELECT min(snapshot_id) FROM {lines}) AS oldest "
        f"FROM {lines} WHERE snapshot_id BETWEEN ? AND ?",
        [first, last],
    )
    if found["newest"][0] != last:
        raise FeedError(f"The lake has no snapshot {last}.")
    if found["n"][0] != last - first + 1:
        raise FeedExpiredError(after=after, oldest=int(found["oldest"][0]))


def _commits(session: Runner, table_id: int, after: int, until: int) -> tuple[tuple[int, ...], bool]:
    """The snapshots that may have changed rows of a table, and whether any may have taken some away."""
    found = session.read(
        "SELECT snapshot_id, regexp_matches(changes_made, $removals) AS removes "
        f"FROM {METADATA}.ducklake_snapshot_changes WHERE snapshot_id > $after AND snapshot_id <= $until "
        "AND regexp_matches(changes_made, $changes) ORDER BY snapshot_id",
        {
            "after": after,
            "until": until,
            "changes": f"(^|,)({ROW_CHANGES}):{table_id}(,|$)",
            "removals": f"(^|,)({_REMOVALS}):{table_id}(,|$)",
        },
    )
    return tuple(int(snapshot) for snapshot in found["snapshot_id"]), bool(found["removes"].any())


def _columns(session: Runner, schema: str, name: str, snapshot: int) -> tuple[Column, ...]:
    found = session.read(f"DESCRIBE SELECT * FROM {table(schema, name)} AT (VERSION => {int(snapshot)})")
    return tuple(
        Column(name=row[0], type=row[1]) for row in found.select("column_name", "column_type").iter_rows()
    )


def as_at_end(session: Runner, window: Window, snapshot: int) -> list[str]:
    """Expressions that give the rows of an earlier snapshot the columns of the window."""
    if not window.altered or snapshot == window.end:
        return [f"x.{column.quoted}" for column in window.hashed]
    found = session.read(
        f"""
        SELECT n.column_name AS now, t.column_name AS then, n.initial_default AS initial
        FROM {METADATA}.ducklake_column AS n LEFT JOIN {METADATA}.ducklake_column AS t
          ON t.table_id = n.table_id AND t.column_id = n.column_id
         AND t.begin_snapshot <= $snapshot AND coalesce(t.end_snapshot > $snapshot, true)
        WHERE n.table_id = $table AND n.parent_column IS NULL
          AND n.begin_snapshot <= $until AND coalesce(n.end_snapshot > $until, true)
        """,
        {"table": window.table_id, "snapshot": snapshot, "until": window.end},
    )
    then = {row["now"]: row for row in found.iter_rows(named=True)}
    return [
        _column_then(column, then[column.name]["then"], then[column.name]["initial"])
        for column in window.hashed
    ]


def _column_then(column: Column, then: str | None, initial: str | None) -> str:
    if then is not None:
        return f"CAST(x.{ident(then)} AS {column.type}) AS {column.quoted}"
    if initial is None:
        return f"NULL::{column.type} AS {column.quoted}"
    return f"TRY_CAST('{initial.replace(chr(39), chr(39) * 2)}' AS {column.type}) AS {column.quoted}"
