"""The versions of one record: all of them told shortly, and some of them field by field.

A record may have tens of thousands of versions. To count them and to find a page of them, only their snapshots are
read, and one column where its changes are asked for; whole rows are read of the page's versions and of the one before
each, by which they are told apart.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from lake.catalog import all_snapshots_sql
from lake.errors import FeedError
from lake.feed_window import METADATA, Column, Window, open_window
from lake.names import table

if TYPE_CHECKING:
    from lake.connection import Lake
    from lake.session import Session

EXTERNAL: Final = "external"

# A row that is gone cannot name its change; the snapshot's only one is it.
_REMOVED_SQL: Final = f"""
    INSERT INTO images (_snapshot, _change, _there)
    SELECT $1, CASE WHEN count(*) = 1 THEN any_value(id) END, 0 FROM {table("ops", "changes")} WHERE snapshot = $1
"""


@dataclass(frozen=True)
class Asked:
    """Which versions of a record are asked for.

    Attributes:
        column: those that changed it.
        actor: those that he made.
        until: those not after a snapshot; the others are not told at all.
        before: those before an instant (aware), or at it with a snapshot, as twenty digits, that is less than a text.
        by_time: whether the newest are those of the latest instants, instead of those that were written last.
    """

    column: str = ""
    actor: str = ""
    until: int | None = None
    before: tuple[datetime, str] | None = None
    by_time: bool = False


@dataclass(frozen=True)
class Versions:
    """The versions of a record, and the fields of some of them.

    Attributes:
        all: one row for each version, newest first: `snapshot`, `change_id`, `occurred_at` (UTC), `actor`, and whether
            it is `asked` for.
        fields: what the newest of those that are asked for changed, as `History.of_record` tells it; where there are so
            few versions that all are read, what all of them changed.
    """

    all: pl.DataFrame
    fields: pl.DataFrame


@dataclass(frozen=True)
class Past:
    """The past of one record, as far as the lake has it: within which window, and which columns are told."""

    window: Window
    told: tuple[Column, ...]
    id: str
    snapshots: str

    @property
    def values(self) -> dict[str, str]:
        """What its statements bind."""
        return {"id": self.id, "module": self.window.name}


def open_past(
    lake: Lake, session: Session, place: tuple[str, str], id: str, without: Collection[str]
) -> Past:
    """Look at the past of a record of a table, by schema and name.

    Raises:
        FeedError: there is no such table, it has no column `id`, or no column is left to tell.
    """
    oldest = session.read(f"SELECT min(snapshot_id) AS oldest FROM {METADATA}.ducklake_snapshot_changes")
    window = open_window(session, *place, int(oldest.item()), lake.snapshot())
    told = tuple(column for column in window.columns if column.name not in without)
    if not told:
        raise FeedError(f"No column of {'.'.join(place)} is left to tell.")
    return Past(window, told, id, all_snapshots_sql(lake.config.kind))


def read_all(session: Session, past: Past) -> pl.DataFrame:
    """Every change of every field, oldest first."""
    _stage(session, past, past.told, into="images")
    removed_at = _removed_at(session, past)
    if removed_at is not None:
        session.execute(_REMOVED_SQL, [removed_at])
    return session.read(_fields_sql(past), past.values)


def read_some(session: Session, past: Past, asked: Asked, *, most: int) -> Versions:
    """Every version shortly, and the fields of the `most` newest that are asked for, of a record that is there.

    Raises:
        FeedError: the column that is asked for is not told.
    """
    column = next((one for one in past.told if one.name == asked.column), None)
    if asked.column and column is None:
        raise FeedError(f"{past.window.schema}.{past.window.name} tells of no column {asked.column}.")
    found = _marked(_read_list(session, past, column, asked), asked)
    among = found if found.height <= most else found.filter(pl.col("asked")).head(most)
    shown = among["snapshot"].to_list()
    _stage(session, past, past.told, into="images", only=_with_those_before(session, shown))
    fields = session.read(_fields_sql(past, only=shown), past.values).drop("occurred_at")
    instants = found.select("snapshot", "change_id", "occurred_at")
    return Versions(
        found,
        fields.join(
            instants, on=["snapshot", "change_id"], how="left", nulls_equal=True, maintain_order="left"
        ),
    )


def _read_list(session: Session, past: Past, column: Column | None, asked: Asked) -> pl.DataFrame:
    """The versions with who made each and when; `differs` where the column changed."""
    _stage(session, past, [column] if column else [], into="versions")
    until = past.window.until if asked.until is None else asked.until
    values = {**past.values, "field": asked.column, "until": until}
    found = session.read(_listed_sql(past, column), values)
    if not found["occurred_at"].null_count():
        return found
    # Written from outside the door: the snapshots are asked only where there is such a version.
    instants = session.read(f"SELECT snapshot_id AS snapshot, snapshot_time FROM {past.snapshots}")
    joined = found.join(instants, on="snapshot", how="left", maintain_order="left")
    return joined.with_columns(occurred_at=pl.coalesce("occurred_at", "snapshot_time")).drop("snapshot_time")


def _marked(found: pl.DataFrame, asked: Asked) -> pl.DataFrame:
    """The versions in their order, each with whether it is asked for."""
    mark = pl.col("differs")
    if asked.actor:
        mark &= pl.col("actor") == asked.actor
    if asked.before is not None:
        instant, place = asked.before
        twenty = pl.col("snapshot").cast(pl.String).str.zfill(20)
        mark &= (pl.col("occurred_at") < instant) | ((pl.col("occurred_at") == instant) & (twenty < place))
    order = ["occurred_at", "snapshot"] if asked.by_time else ["snapshot"]
    return found.with_columns(asked=mark).drop("differs").sort(order, descending=True)


def _with_those_before(session: Session, shown: Sequence[int]) -> list[int]:
    """The snapshots of some versions, and of the version before each."""
    found = session.read(
        "SELECT _snapshot AS snapshot, lag(_snapshot) OVER (ORDER BY _snapshot) AS before FROM versions"
    ).filter(pl.col("snapshot").is_in(list(shown)))
    return sorted({*found["snapshot"].to_list(), *found["before"].drop_nulls().to_list()})


def _stage(
    session: Session, past: Past, columns: Sequence[Column], *, into: str, only: Sequence[int] | None = None
) -> None:
    """Put versions of the record into a table, with some columns as text: all of them, or those of some snapshots."""
    session.execute(f"CREATE TEMP TABLE {into} AS {_images_sql(past.window, columns, only)}", {"id": past.id})


def _images_sql(window: Window, columns: Sequence[Column], only: Sequence[int] | None) -> str:
    """Versions of the record, and the one before the oldest snapshot that is kept."""
    change = "change_id" if any(column.name == "change_id" for column in window.columns) else "NULL::UUID"
    texts = "".join(f", CAST({column.quoted} AS VARCHAR) AS {column.quoted}" for column in columns)
    part, among = window, ""
    if only is not None:
        kept = [one for one in only if one >= window.start]
        # Up to the end: what is read has the columns of the last snapshot, also those that the first ones had not.
        part = replace(window, start=min(kept, default=window.until))
        among = f" AND {_among('snapshot_id', kept)}"
    images = (
        f"SELECT snapshot_id AS _snapshot, {change} AS _change, 1 AS _there{texts} "
        f"FROM {part.rows('insertions')} WHERE id = $id{among}"
    )
    if not window.base or (only is not None and window.after not in only):
        return images
    before = f"{table(window.schema, window.name)} AT (VERSION => {window.after})"
    return f"{images} UNION ALL SELECT {window.after}, NULL, 1{texts} FROM {before} WHERE id = $id"


def _removed_at(session: Session, past: Past) -> int | None:
    """The snapshot that took a record away which is not there any more; None while it is, or never was.

    The feed dates a removal from a merged file wrongly, so the snapshots are halved until it is found.
    """
    written = session.read("SELECT max(_snapshot) AS last FROM images").item()
    if written is None or _there(session, past, past.window.until):
        return None
    first, last = int(written), past.window.until
    while last - first > 1:
        middle = (first + last) // 2
        if _there(session, past, middle):
            first = middle
        else:
            last = middle
    return last


def _there(session: Session, past: Past, snapshot: int) -> bool:
    place = f"{table(past.window.schema, past.window.name)} AT (VERSION => {snapshot})"
    return session.read(f"SELECT 1 AS there FROM {place} WHERE id = ? LIMIT 1", [past.id]).height > 0


def _listed_sql(past: Past, column: Column | None) -> str:
    """The versions with who made each; those that were expired are told by `ops.history`."""
    differs, archived = "true", "$field = ''"
    if column:
        differs = f"{column.quoted} IS DISTINCT FROM lag({column.quoted}) OVER (ORDER BY _snapshot)"
        archived = "bool_or(field = $field)"
    return f"""
    WITH steps AS (SELECT _snapshot, _change, {differs} AS _differs FROM versions)
    SELECT s._snapshot AS snapshot, m.id AS change_id, m.occurred_at AS occurred_at,
           coalesce(m.actor, '{EXTERNAL}') AS actor, s._differs AS differs
    FROM steps AS s LEFT JOIN {table("ops", "changes")} AS m ON m.snapshot = s._snapshot AND m.id = s._change
    WHERE s._snapshot BETWEEN {past.window.start} AND $until
    UNION ALL
    SELECT snapshot, change_id, any_value(occurred_at), coalesce(any_value(actor), '{EXTERNAL}'), {archived}
    FROM {table("ops", "history")} WHERE module = $module AND record_id = $id AND snapshot <= $until
    GROUP BY snapshot, change_id
    """


def _fields_sql(past: Past, *, only: Sequence[int] | None = None) -> str:
    """The images compared one by one, field by field, and who made each; of some versions the instant is known."""
    instants = past.snapshots if only is None else "(SELECT -1 AS snapshot_id, now() AS snapshot_time)"
    fields = ", ".join(column.quoted for column in past.told)
    among = "" if only is None else f" AND {_among('_snapshot', only)}"
    archived = "" if only is None else f" AND {_among('snapshot', only)}"
    return f"""
    WITH steps AS (
        SELECT *, lag(_new) OVER w AS _old, lag(_there, 1, 0) OVER w AS _there_before
        FROM images UNPIVOT INCLUDE NULLS (_new FOR _field IN ({fields}))
        WINDOW w AS (PARTITION BY _field ORDER BY _snapshot, _there)
    ),
    changed AS (
        SELECT * FROM steps WHERE _new IS DISTINCT FROM _old AND _snapshot >= {past.window.start}{among}
    )
    SELECT c._field AS field, c._old AS old, c._new AS new,
           CASE WHEN c._there_before = 0 THEN 'insert' WHEN c._there = 0 THEN 'delete' ELSE 'update' END AS kind,
           c._snapshot AS snapshot,
           coalesce(m.occurred_at, s.snapshot_time) AS occurred_at,
           coalesce(m.actor, '{EXTERNAL}') AS actor, m.door, m.reason, m.load_id, m.flow_run_id, m.id AS change_id
    FROM changed AS c
    LEFT JOIN (SELECT * FROM {table("ops", "changes")} WHERE true{archived}) AS m
           ON m.snapshot = c._snapshot AND m.id = c._change
    LEFT JOIN {instants} AS s ON s.snapshot_id = c._snapshot
    UNION ALL
    SELECT field, old, new, kind, snapshot, occurred_at, coalesce(actor, '{EXTERNAL}'), door, reason, load_id,
           flow_run_id, change_id
    FROM {table("ops", "history")} WHERE module = $module AND record_id = $id{archived}
    ORDER BY snapshot, field
    """


def _among(column: str, snapshots: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, snapshots)) or '-1'})"
