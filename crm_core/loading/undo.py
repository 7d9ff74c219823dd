"""Undoing a load: what it and the flows that it set off did is taken back, cell by cell; later edits stay.

The change feed says what each commit of the load did. The commits are taken back from the last to the first: a cell
that still is what the commit made of it becomes what it was; any other was changed since, stays, and is a conflict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Forbidden
from crm_core.loading.entries import LOADS, LoadEntry, read_load
from crm_core.loading.errors import AlreadyUndone
from crm_core.loading.model import UndoResult
from crm_core.loading.pending import PENDING
from crm_core.model import Catalog
from lake import Change, Lake, Session, Transaction, ident, table
from lake.ingest.sql import literal

_STAMPS = frozenset({"id", "change_id", "version", "updated_at"})
DOOR = "undo:load"

Revoke = Callable[[Transaction, Lake, str], list[Any]]
_revokers: list[Revoke] = []


def on_undo(revoke: Revoke) -> Revoke:
    """Have `revoke(tx, lake, load_id)` called within the undo of a load: it takes back what has not left the house.

    It returns what has left and cannot be taken back.
    """
    if revoke not in _revokers:
        _revokers.append(revoke)
    return revoke


@dataclass(frozen=True)
class _Effect:
    """What one commit of the load did to one table: a temp table as `lake.feed.stage` makes it."""

    place: str
    snapshot: int
    table: str


def undo(lake: Lake, load_id: str, *, actor: Actor) -> UndoResult:
    """Take back everything that a load did, and what flows did because of it, in one commit.

    Records that it made are gone from the current version, cells that it changed are what they were before. A cell
    that somebody changed since stays, and is told as a conflict. Definitions stay as they are.

    Raises:
        UnknownLoad: there is no such load.
        Forbidden: it is somebody else's load, and the actor is no administrator.
        AlreadyUndone: it was undone before, or had changed nothing.
    """
    entry = _require(lake, load_id, actor)
    with lake.session(bulk=True) as s:
        catalog = read_catalog(lake)
        changes = s.read(
            f"SELECT CAST(id AS VARCHAR) AS id, snapshot FROM {table('ops', 'changes')} "
            "WHERE load_id = CAST(? AS UUID) ORDER BY snapshot DESC",
            [load_id],
        )
        s.register("undo_changes", changes)
        s.execute("CREATE OR REPLACE TEMP TABLE undo_mine AS SELECT CAST(id AS UUID) AS id FROM undo_changes")
        snapshots = list(dict.fromkeys(changes["snapshot"].to_list()))
        effects = list(_stage_effects(lake, s, catalog, snapshots))
        later = _stage_later(lake, s, effects)

        def work(tx: Transaction) -> UndoResult:
            _require(lake, load_id, actor, reader=tx)
            taken = _take_back(tx, entry, effects, later)
            _restore_sources(tx, catalog, entry)
            _reopen_pending(tx, entry)
            gone = [one for revoke in _revokers for one in revoke(tx, lake, load_id)]
            tx.execute(
                f"UPDATE {LOADS} SET state = 'undone', undone_at = $now, undone_by = $by WHERE id = CAST($id AS UUID)",
                {"now": tx.occurred_at, "by": actor.user, "id": load_id},
            )
            return replace(taken, irreversible=tuple(gone))

        # The load's own id stays out of this change: what an undo does is not what the load did.
        return s.commit(work, Change(actor=actor.user, door=DOOR, reason=f"undo of {entry.source}")).value


def _require(lake: Lake, load_id: str, actor: Actor, *, reader: Transaction | None = None) -> LoadEntry:
    entry = read_load(lake, load_id, actor=actor, reader=reader)
    if not (actor.sees_all or (actor.role == "agent" and entry.actor == actor.user)):
        raise Forbidden(actor.name or actor.user, "undo", f"the load {load_id}")
    if entry.state == "undone":
        raise AlreadyUndone(load_id, state=entry.state)
    return entry


def _stage_effects(lake: Lake, s: Session, catalog: Catalog, snapshots: list[int]) -> Iterator[_Effect]:
    """What each commit did to each table of records because of the load; the last commit first."""
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


def _take_back(
    tx: Transaction, entry: LoadEntry, effects: list[_Effect], later: dict[str, str]
) -> UndoResult:
    restored, deleted, conflicts = 0, 0, list[dict[str, Any]]()
    own = entry.module.replace(".", "__")
    for place in dict.fromkeys(effect.place for effect in effects):
        mine = [effect for effect in effects if effect.place == place]
        cells = _cells(tx, mine[0].table)
        _work_out(tx, place, cells, mine)
        conflicts += _conflicts(tx, place, later.get(place))
        gone = tx.execute(
            f"DELETE FROM {table('crm', place)} WHERE id IN (SELECT id FROM undo_then WHERE made)"
        )
        back = _restore(tx, place, cells)
        if place == own:
            restored, deleted = restored + back, deleted + gone
    return UndoResult(restored=restored, deleted=deleted, conflicts=tuple(conflicts))


def _work_out(tx: Transaction, place: str, cells: list[str], effects: list[_Effect]) -> None:
    """Make `undo_now` (the rows concerned), `undo_then` (as they shall be, `made` when they are to go), `undo_odd`.

    `undo_odd` has the cells that are other than the load made them: `id, field, loaded, current` as JSON.
    """
    names = ", ".join(map(ident, ["id", "updated_at", "change_id", *cells]))
    ids = " UNION ".join(f"SELECT _id FROM {ident(effect.table)}" for effect in effects)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE undo_now AS SELECT {names} FROM {table('crm', place)} WHERE id IN ({ids})"
    )
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


def _restore(tx: Transaction, place: str, cells: list[str]) -> int:
    differs = " OR ".join(f"t.{ident(c)} IS DISTINCT FROM n.{ident(c)}" for c in cells)
    sets = ", ".join(f"{ident(c)} = b.{ident(c)}" for c in (*cells, "updated_at"))
    target = table("crm", place)
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE undo_back AS SELECT t.* FROM undo_then t JOIN undo_now n ON n.id = t.id "
        f"WHERE NOT t.made AND ({differs})"
    )
    return tx.execute(
        f"UPDATE {target} SET {sets}, change_id = CAST($change AS UUID), version = $version FROM undo_back b "
        f"WHERE b.id = {target}.id",
        {"change": tx.change_id, "version": tx.snapshot},
    )


def _restore_sources(tx: Transaction, catalog: Catalog, entry: LoadEntry) -> None:
    """The source's rows as they were: those of the load go, and those that they replaced come back."""
    if entry.module not in catalog.modules:
        return
    place = table("crm", catalog.module(entry.module).source_table)
    known = tx.read(
        f"SELECT snapshot FROM {table('ops', 'changes')} WHERE id = CAST(? AS UUID)", [entry.change_id]
    )
    if not known.height:
        return
    before = int(known["snapshot"][0]) - 1
    mine = f"FROM {place} WHERE load_id = CAST($load AS UUID) AND source_key"
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE undo_sources AS SELECT * FROM {place} AT (VERSION => {before}) "
        f"WHERE source = $source AND (source_key IN (SELECT source_key {mine} IS NOT NULL) "
        f"OR (source_key IS NULL AND record_id IN (SELECT record_id {mine} IS NULL)))",
        {"load": entry.load_id, "source": entry.source},
    )
    tx.execute(f"DELETE FROM {place} WHERE load_id = CAST($load AS UUID)", {"load": entry.load_id})
    tx.execute(f"INSERT INTO {place} BY NAME SELECT * FROM undo_sources")


def _reopen_pending(tx: Transaction, entry: LoadEntry) -> None:
    """What waited because of the load waits no more; what it resolved waits again."""
    load = {"load": entry.load_id}
    tx.execute(f"DELETE FROM {PENDING} WHERE load_id = CAST($load AS UUID)", load)
    tx.execute(
        f"UPDATE {PENDING} SET resolved_at = NULL, resolved_by = NULL WHERE resolved_by IN (SELECT id FROM undo_mine)"
    )


def _cells(tx: Transaction, staged: str) -> list[str]:
    """The columns of records that an undo gives back: all but its own stamps."""
    rows = tx.read(f"SELECT column_name FROM (DESCRIBE {ident(staged)})")["column_name"].to_list()
    named = [str(name) for name in rows]
    return [c for c in named if f"old__{c}" in named and c not in _STAMPS]


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
