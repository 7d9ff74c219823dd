"""Changes taken back, cell by cell: a load's, or any other's; later edits stay.

The change feed says what each commit of the changes did. The commits are taken back from the last to the first: a
cell that still is what the commit made of it becomes what it was; any other was changed since, stays, and is a
conflict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_core.model import Catalog
from lake import Lake, Session, Transaction, ident, table
from lake.ingest.sql import literal

_STAMPS = frozenset({"id", "change_id", "version", "updated_at"})


@dataclass(frozen=True, kw_only=True)
class UndoResult:
    """What taking changes back did.

    Attributes:
        restored: records that are as they were before.
        deleted: records that the changes had made and that are gone.
        conflicts: cells that somebody changed since: `module`, `id`, `field`, `loaded`, `current`, `by`.
        hidden: records that others changed since and that the actor no more sees; they stayed as they are.
        irreversible: what has left the house, as whoever sends messages tells it.
    """

    restored: int
    deleted: int
    conflicts: tuple[dict[str, Any], ...]
    irreversible: tuple[Any, ...] = ()
    hidden: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The document that terminal and API show."""
        return {
            "restored": self.restored,
            "deleted": self.deleted,
            "conflicts": list(self.conflicts),
            "irreversible": list(self.irreversible),
        }


@dataclass(frozen=True)
class _Effect:
    """What one commit of the changes did to one table: a temp table as `lake.feed.stage` makes it."""

    place: str
    snapshot: int
    table: str


@dataclass(frozen=True)
class Staged:
    """What some changes did, the last commit first, and per place what others did to the same records since."""

    effects: tuple[_Effect, ...]
    later: dict[str, str]


@dataclass(frozen=True)
class Guard:
    """What an undo looks at in each place, within its transaction.

    Attributes:
        narrow: gets the temp table of the rows concerned, and deletes those that shall stay as they are.
        check: gets the temp tables of the rows as they would be and as they are, and raises when that cannot be.
    """

    narrow: Callable[[Transaction, str, str], int]
    check: Callable[[Transaction, str, str, str], None]


def stage_changes(lake: Lake, s: Session, catalog: Catalog, changes: pl.DataFrame) -> Staged:
    """Put what some changes did into temp tables of the session, for `take_back`.

    Args:
        lake: the lake.
        s: the session whose transaction will take them back.
        catalog: the definitions.
        changes: `id` and `snapshot` of each, the last one first. The temp table `undo_mine` has their ids.
    """
    s.register("undo_changes", changes)
    s.execute("CREATE OR REPLACE TEMP TABLE undo_mine AS SELECT CAST(id AS UUID) AS id FROM undo_changes")
    snapshots = list(dict.fromkeys(changes["snapshot"].to_list()))
    effects = list(_stage_effects(lake, s, catalog, snapshots))
    return Staged(tuple(effects), _stage_later(lake, s, effects))


def _stage_effects(lake: Lake, s: Session, catalog: Catalog, snapshots: list[int]) -> Iterator[_Effect]:
    """What each commit did to each table of records of theirs; the last commit first."""
    places = {*catalog.modules, *(rel.link_table for rel in catalog.link_relationships)}
    for number, snapshot in enumerate(snapshots):
        for schema, name in sorted(lake.feed.tables_changed(snapshot - 1, snapshot)):
            if schema != "crm" or name not in places:
                continue
            into = f"undo_{number}_{name}"
            lake.feed.stage(s, schema, name, after=snapshot - 1, until=snapshot, into=into)
            # A commit of flows may also hold what others set off.
            s.execute(
                f"DELETE FROM {ident(into)} WHERE change_id IS NULL OR change_id NOT IN (SELECT id FROM undo_mine)"
            )
            yield _Effect(name, snapshot, into)


def _stage_later(lake: Lake, s: Session, effects: list[_Effect]) -> dict[str, str]:
    """Place → a temp table of what others did to its records since: who is asked about a conflict."""
    later: dict[str, str] = {}
    now = lake.snapshot()
    for place in dict.fromkeys(effect.place for effect in effects):
        mine = [effect for effect in effects if effect.place == place]
        first, last = min(e.snapshot for e in mine), max(e.snapshot for e in mine)
        changed = ("crm", place) in lake.feed.tables_changed(last, now) if now > last else False
        if not changed and first == last:
            continue
        into = f"undo_later_{place}"
        lake.feed.stage(s, "crm", place, after=first, until=now, into=into)
        ids = " UNION ".join(f"SELECT _id FROM {ident(effect.table)}" for effect in mine)
        s.execute(
            f"DELETE FROM {ident(into)} WHERE _id NOT IN ({ids}) OR change_id IN (SELECT id FROM undo_mine)"
        )
        later[place] = into
    return later


def take_back(tx: Transaction, staged: Staged, *, own: str, guard: Guard | None = None) -> UndoResult:
    """Give every record back what it was before the staged changes; records that they made are gone.

    Args:
        tx: the transaction, of the session that staged them.
        staged: what they did.
        own: the table whose records are counted; those that came along with them are not.
        guard: what is looked at in each place.
    """
    restored, deleted, hidden, conflicts = 0, 0, 0, list[dict[str, Any]]()
    for place in dict.fromkeys(effect.place for effect in staged.effects):
        mine = [effect for effect in staged.effects if effect.place == place]
        cells = _cells(tx, mine[0].table)
        out = _work_out(tx, place, cells, mine, guard)
        conflicts += _conflicts(tx, place, staged.later.get(place))
        gone = tx.execute(
            f"DELETE FROM {table('crm', place)} WHERE id IN (SELECT id FROM undo_then WHERE made)"
        )
        back = _restore(tx, place, cells, guard)
        if place == own:
            restored, deleted, hidden = restored + back, deleted + gone, hidden + out
    return UndoResult(restored=restored, deleted=deleted, conflicts=tuple(conflicts), hidden=hidden)


def _work_out(
    tx: Transaction, place: str, cells: list[str], effects: list[_Effect], guard: Guard | None
) -> int:
    """Make `undo_now` (the rows concerned), `undo_then` (as they shall be, `made` when they are to go), `undo_odd`.

    `undo_odd` has the cells that are other than the changes made them: `id, field, loaded, current` as JSON. Returns
    how many rows the guard left out.
    """
    names = ", ".join(map(ident, ["id", "updated_at", "change_id", *cells]))
    ids = " UNION ".join(f"SELECT _id FROM {ident(effect.table)}" for effect in effects)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE undo_now AS SELECT {names} FROM {table('crm', place)} WHERE id IN ({ids})"
    )
    hidden = guard.narrow(tx, place, "undo_now") if guard is not None else 0
    tx.execute("CREATE OR REPLACE TEMP TABLE undo_then AS SELECT *, false AS made FROM undo_now")
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE undo_odd (id UUID, field VARCHAR, loaded VARCHAR, current VARCHAR)"
    )
    for effect in effects:
        _note_odd(tx, cells, effect)
        f = ident(effect.table)
        tx.execute(
            f"UPDATE undo_then SET made = true FROM {f} f WHERE f._id = undo_then.id AND f._kind = 'insert'"
        )
        sets = ", ".join(
            f"{ident(c)} = CASE WHEN undo_then.{ident(c)} IS NOT DISTINCT FROM f.{ident(c)} "
            f"THEN f.{ident(f'old__{c}')} ELSE undo_then.{ident(c)} END"
            for c in (*cells, "updated_at")
        )
        tx.execute(
            f"UPDATE undo_then SET {sets} FROM {f} f WHERE f._id = undo_then.id AND f._kind <> 'insert'"
        )
    return hidden


def _note_odd(tx: Transaction, cells: list[str], effect: _Effect) -> None:
    """Note the cells that are no more what this commit had made of them; the latest commit's word counts."""
    f = ident(effect.table)
    odd = {
        c: f"t.{ident(c)} IS DISTINCT FROM f.{ident(c)} "
        f"AND (f._kind = 'insert' OR f.{ident(c)} IS DISTINCT FROM f.{ident(f'old__{c}')})"
        for c in cells
    }
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE undo_odd_ids AS SELECT t.id FROM undo_then t JOIN {f} f ON f._id = t.id "
        f"WHERE {' OR '.join(f'({test})' for test in odd.values())}"
    )
    if not tx.read("SELECT count(*) AS n FROM undo_odd_ids").item():
        return
    selects = [
        f"SELECT t.id, {literal(c)} AS field, CAST(to_json(f.{ident(c)}) AS VARCHAR) AS loaded, "
        f"CAST(to_json(t.{ident(c)}) AS VARCHAR) AS current FROM undo_odd_ids o JOIN undo_then t ON t.id = o.id "
        f"JOIN {f} f ON f._id = t.id WHERE {test}"
        for c, test in odd.items()
    ]
    tx.execute(
        f"INSERT INTO undo_odd SELECT n.* FROM ({' UNION ALL '.join(selects)}) n WHERE NOT EXISTS "
        "(SELECT 1 FROM undo_odd u WHERE u.id = n.id AND u.field = n.field)"
    )


def _conflicts(tx: Transaction, place: str, later: str | None) -> list[dict[str, Any]]:
    """The noted cells, with whoever changed them last: as the feed tells, else whoever wrote the record last."""
    rows = tx.read(
        "SELECT CAST(id AS VARCHAR) AS id, field, loaded, current FROM undo_odd ORDER BY id, field"
    ).to_dicts()
    if not rows:
        return []
    names = table("ops", "changes")
    by: dict[tuple[str, str], str] = {}
    for field in dict.fromkeys(row["field"] for row in rows) if later is not None else ():
        found = tx.read(
            f"SELECT CAST(l._id AS VARCHAR) AS id, max_by(coalesce(c.actor, 'external'), l._snapshot) AS actor "
            f"FROM {ident(str(later))} l JOIN undo_odd o ON o.id = l._id AND o.field = $field "
            f"LEFT JOIN {names} c ON c.id = l.change_id "
            f"WHERE l.{ident(field)} IS DISTINCT FROM l.{ident(f'old__{field}')} GROUP BY l._id",
            {"field": field},
        )
        by |= {(record_id, field): actor for record_id, actor in found.iter_rows()}
    last = tx.read(
        f"SELECT CAST(n.id AS VARCHAR) AS id, coalesce(c.actor, 'external') AS actor FROM undo_now n "
        f"LEFT JOIN {names} c ON c.id = n.change_id WHERE n.id IN (SELECT id FROM undo_odd)"
    )
    otherwise = dict(last.iter_rows())
    return [
        {
            "module": place,
            "id": row["id"],
            "field": row["field"],
            "loaded": _value(row["loaded"]),
            "current": _value(row["current"]),
            "by": by.get((row["id"], row["field"]), otherwise.get(row["id"], "external")),
        }
        for row in rows
    ]


def _restore(tx: Transaction, place: str, cells: list[str], guard: Guard | None) -> int:
    differs = " OR ".join(f"t.{ident(c)} IS DISTINCT FROM n.{ident(c)}" for c in cells)
    sets = ", ".join(f"{ident(c)} = b.{ident(c)}" for c in (*cells, "updated_at"))
    target = table("crm", place)
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE undo_back AS SELECT t.* FROM undo_then t JOIN undo_now n ON n.id = t.id "
        f"WHERE NOT t.made AND ({differs})"
    )
    if guard is not None:
        guard.check(tx, place, "undo_back", "undo_now")
    return tx.execute(
        f"UPDATE {target} SET {sets}, change_id = CAST($change AS UUID), version = $version FROM undo_back b "
        f"WHERE b.id = {target}.id",
        {"change": tx.change_id, "version": tx.snapshot},
    )


def _cells(tx: Transaction, staged: str) -> list[str]:
    """The columns of records that an undo gives back: all but its own stamps."""
    rows = tx.read(f"SELECT column_name FROM (DESCRIBE {ident(staged)})")["column_name"].to_list()
    named = [str(name) for name in rows]
    return [c for c in named if f"old__{c}" in named and c not in _STAMPS]


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
