"""Undoing a load: what it and the flows that it set off did is taken back, cell by cell; later edits stay.

How changes are taken back stands in `crm_core.taking_back`; here is what a load keeps beside its records.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Forbidden
from crm_core.loading.entries import LOADS, LoadEntry, read_load
from crm_core.loading.errors import AlreadyUndone
from crm_core.loading.pending import PENDING
from crm_core.model import Catalog
from crm_core.taking_back import UndoResult, stage_changes, take_back
from lake import Change, Lake, Transaction, table

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
        staged = stage_changes(lake, s, catalog, changes)

        def work(tx: Transaction) -> UndoResult:
            _require(lake, load_id, actor, reader=tx)
            taken = take_back(tx, staged, own=entry.module.replace(".", "__"))
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
