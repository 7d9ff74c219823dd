"""Retention: old snapshots go only when somebody says so, and never while something needs them.

What the snapshots told of each record is copied to `ops.history` first. After that the feed and `AT` over them fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lake import catalog, cursors
from lake.door import Change, Transaction
from lake.errors import RetentionError
from lake.history import STAMPS
from lake.names import ident, table

if TYPE_CHECKING:
    from lake.connection import Lake
    from lake.session import Session

# The cursor of this part itself: up to where field changes were copied.
COPIED = "retention:history"
# So many snapshots are copied at a time, to bound what is staged.
_WINDOW = 2000


@dataclass(frozen=True, kw_only=True)
class Expiry:
    """What was expired, or would be: the oldest snapshot kept, how many go, and the field changes copied."""

    oldest_kept: int
    snapshots: int
    field_changes: int


def expire(
    lake: Lake, *, keep: timedelta, needed: Mapping[str, int] | None = None, dry_run: bool = False
) -> Expiry:
    """Expire the snapshots that are older than `keep`, after copying what they told to `ops.history`.

    Args:
        lake: the lake.
        keep: how far back the feed and time travel shall still reach.
        needed: what else needs the past (a load that can be undone, a wait): its name, and the oldest snapshot that
            must stay for it. The lake's named cursors are asked anyway.
        dry_run: change nothing, and tell what would go.

    Raises:
        RetentionError: something still needs a snapshot that would go; nothing was changed.
        LakeLockedError: the writer lock was not free in time.
    """
    snapshots = lake.read(f"SELECT * FROM {catalog.all_snapshots_sql(lake.config.kind)} ORDER BY snapshot_id")
    old = snapshots.filter(snapshots["snapshot_time"] <= datetime.now(UTC) - keep)["snapshot_id"].to_list()
    if len(old) < 2:
        first = int(snapshots["snapshot_id"][0])
        return Expiry(oldest_kept=first, snapshots=0, field_changes=0)
    # The newest of the old ones is the state at the limit.
    *going, oldest_kept = old
    _refuse_needed(lake, oldest_kept, needed or {})
    if dry_run:
        return Expiry(oldest_kept=oldest_kept, snapshots=len(going), field_changes=0)
    copied = copy_history(lake, until=oldest_kept)
    with lake.door.hold(), lake.session() as session:
        lake.door.bring_back(session.cursor, None)
        session.read("CALL ducklake_expire_snapshots('lake', versions => ?::UBIGINT[])", [going])
        catalog.forget_parked(session, kind=lake.config.kind, before=oldest_kept)
    return Expiry(oldest_kept=oldest_kept, snapshots=len(going), field_changes=copied)


def copy_history(lake: Lake, *, until: int) -> int:
    """Copy every field change up to a snapshot into `ops.history`, each once; returns how many were copied."""
    oldest = lake.read(f"SELECT min(snapshot_id) FROM {catalog.all_snapshots_sql(lake.config.kind)}").item()
    start = max(int(oldest), lake.cursors.read(COPIED) or 0)
    copied = 0
    for after in range(start, until, _WINDOW):
        copied += _copy_window(lake, after=after, until=min(after + _WINDOW, until))
    return copied


def _copy_window(lake: Lake, *, after: int, until: int) -> int:
    with lake.session() as session:
        session.execute(f"CREATE TEMP TABLE told AS SELECT * FROM {table('ops', 'history')} LIMIT 0")
        for schema, name in sorted(lake.feed.tables_changed(after, until)):
            # Definitions keep all their versions themselves, under ids of their own.
            if schema in ("ops", "meta") or "id" not in _columns(session, schema, name):
                continue
            lake.feed.stage(session, schema, name, after=after, until=until, into="staged")
            columns = [
                column[5:] for column in session.read("FROM staged LIMIT 0").columns if column[:5] == "old__"
            ]
            told = [column for column in columns if column not in STAMPS]
            session.execute(_told_sql(told, "change_id" in columns), [name])

        def work(tx: Transaction) -> int:
            if not cursors.advance(tx, COPIED, until):
                tx.cancel()
                return 0
            return tx.execute(f"INSERT INTO {table('ops', 'history')} FROM told")

        change = Change(actor="system", door="retention", reason="keep what expired snapshots told")
        return session.commit(work, change).value


def _columns(session: Session, schema: str, name: str) -> list[str]:
    found = session.read(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = 'lake' AND schema_name = ? AND table_name = ?",
        [schema, name],
    )
    return found["column_name"].to_list()


def _told_sql(columns: list[str], has_change: bool) -> str:
    """The staged rows taken apart into fields, as `History.of_record` tells them."""
    fields = ", ".join(
        f"{{'field': '{column.replace(chr(39), chr(39) * 2)}', 'old': CAST({ident('old__' + column)} AS VARCHAR), "
        f"'new': CAST({ident(column)} AS VARCHAR)}}"
        for column in columns
    )
    change = "change_id" if has_change else "NULL::UUID"
    changes = table("ops", "changes")
    return f"""
    INSERT INTO told BY NAME
    WITH fields AS (
        SELECT _id, _snapshot, _kind, {change} AS _change, unnest([{fields}], recursive := true) FROM staged
    ),
    alone AS (SELECT snapshot, any_value(id) AS id FROM {changes} GROUP BY snapshot HAVING count(*) = 1)
    SELECT ? AS module, f._id AS record_id, f.field, f.old, f.new, f._kind AS kind, f._snapshot AS snapshot,
           c.occurred_at, c.id AS change_id, c.actor, c.door, c.reason, c.load_id, c.flow_run_id
    FROM fields f
    LEFT JOIN alone a ON f._kind = 'delete' AND a.snapshot = f._snapshot
    LEFT JOIN {changes} c ON c.snapshot = f._snapshot AND c.id = coalesce(a.id, f._change)
    WHERE f.old IS DISTINCT FROM f.new
    """


def _refuse_needed(lake: Lake, oldest_kept: int, needed: Mapping[str, int]) -> None:
    positions = {name: at for name, at in lake.cursors.read_all().items() if name != COPIED}
    wanting = {name: at for name, at in {**positions, **needed}.items() if at < oldest_kept}
    if wanting:
        names = ", ".join(f"{name} (from snapshot {at})" for name, at in sorted(wanting.items()))
        raise RetentionError(
            f"Snapshots before {oldest_kept} cannot expire: they are still needed by {names}. "
            "Let it catch up, or drop it, or keep more.",
            needed_by=tuple(sorted(wanting)),
            oldest_needed=min(wanting.values()),
        )
