"""Undoing one change: an edit, a bulk edit, a deletion. What others changed since stays, and is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import Conflict, CrmError, Forbidden
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.records.remove import KeyTaken
from crm_core.records.writer import note_commit
from crm_core.relations import Relations
from crm_core.taking_back import Guard, Staged, UndoResult, stage_changes, take_back
from crm_core.trees import any_of, text
from crm_core.values.checks import Checked, check_set
from crm_core.values.normalise import PROBLEM_COLUMNS, Typed, read_problems
from lake import Change, Lake, Transaction, ident, table

DOOR = "undo"
"""Changes through this door set off no flow: nothing new happened."""

Reader = Callable[[str, Any], pl.DataFrame]
_CHANGES = table("ops", "changes")
_PROBLEMS = "undo_problems"


class UnknownChange(CrmError):
    """There is no such change."""

    status = 404

    def __init__(self, change_id: str) -> None:
        self.change_id = change_id
        super().__init__(f"There is no change {change_id}.")


class NotUndoable(Conflict):
    """The change was undone already, or is part of something that is undone as a whole."""

    def __init__(self, change_id: str, reason: str) -> None:
        self.change_id = change_id
        self.reason = reason
        super().__init__(f"The change {change_id} cannot be undone: {reason}.")


@dataclass(frozen=True)
class _Entry:
    """A change as it stands in the lake."""

    id: str
    snapshot: int


def undo_change(
    lake: Lake, change_id: str, *, actor: Actor, module: str = "", reason: str = ""
) -> UndoResult:
    """Take back one change of records, in one commit; it sets off no flow.

    A cell that still is what the change made of it becomes what it was; one that somebody changed since stays, and is
    told as a conflict. What the change deleted is back; what it made is gone. What flows did because of it, and
    messages that left, stay. An undo is a change as well, and can be undone.

    Args:
        lake: the lake.
        change_id: of the change, as every write returns it.
        actor: who changed it, or an administrator. Records that others changed since and that he no more sees stay.
        module: whose records are counted; the one that was changed when not given.
        reason: why, for the history.

    Raises:
        UnknownChange: There is no such change.
        Forbidden: It is somebody else's change and the actor is no administrator, or he may only look.
        NotUndoable: It was undone already, or is a part of a load.
        KeyTaken: Another record has a key by now that a record would get back; nothing was undone.
        FeedExpiredError: The change is older than what the lake remembers.
    """
    actor.require_change("records")
    entry = _require(lake.read, change_id, actor)
    # What is small stands in the catalog itself; the engine for sets is worth its start for what was written to files.
    bulk = lake.feed.rows_filed(entry.snapshot - 1, entry.snapshot) > 0
    with lake.session(bulk=bulk) as s:
        catalog = read_catalog(lake)
        changes = pl.DataFrame({"id": [entry.id], "snapshot": [entry.snapshot]})
        staged = stage_changes(lake, s, catalog, changes)
        own = module or _changed_module(catalog, staged)

        def work(tx: Transaction) -> UndoResult:
            _require(tx.read, change_id, actor)
            guard = Guard(
                narrow=lambda tx, place, rows: _narrow(tx, catalog, actor, entry.snapshot, place, rows),
                check=lambda tx, place, rows, before: _refuse_taken(tx, catalog, place, rows, before),
            )
            return take_back(tx, staged, own=own, guard=guard)

        change = Change(actor=actor.user, door=DOOR, reason=reason.strip() or "undo", cause_id=entry.id)
        done = s.commit(work, change)
        note_commit(lake, done)
        return done.value


def _require(read: Reader, change_id: str, actor: Actor) -> _Entry:
    """The change, when it is the actor's to undo.

    Raises:
        UnknownChange, Forbidden, NotUndoable: As `undo_change`.
    """
    mine = "WHERE id = try_cast($id AS UUID)"
    rows = read(
        f"SELECT CAST(id AS VARCHAR) AS id, actor, snapshot, load_id IS NOT NULL AS loaded FROM {_CHANGES} {mine}",
        {"id": change_id},
    ).to_dicts()
    if not rows:
        raise UnknownChange(change_id)
    found = rows[0]
    if not actor.sees_all and found["actor"] != actor.user:
        raise Forbidden(actor.name or actor.user, "undo", f"the change {change_id}")
    if found["loaded"]:
        raise NotUndoable(change_id, "it is part of a load; undo the load")
    undone = read(
        f"SELECT count(*) AS n FROM {_CHANGES} WHERE door = $door AND cause_id = try_cast($id AS UUID)",
        {"door": DOOR, "id": change_id},
    )
    if undone.item():
        raise NotUndoable(change_id, "it was undone already")
    return _Entry(found["id"], int(found["snapshot"]))


def _changed_module(catalog: Catalog, staged: Staged) -> str:
    """The module that was changed; those whose records belong to others came along."""
    places = [effect.place for effect in staged.effects]
    modules = [place for place in places if place in catalog.modules]
    own = [place for place in modules if catalog.modules[place].access != "parent"]
    return next(iter([*own, *modules, *places]), "")


def _narrow(tx: Transaction, catalog: Catalog, actor: Actor, snapshot: int, place: str, rows: str) -> int:
    """Leave out what others changed since and the actor no more sees; what he gave away himself he takes back."""
    if actor.sees_all or place not in catalog.modules:
        return 0
    relations = Relations(catalog, actor, Params("u"))
    seen = any_of([relations.predicate(place, "r", deleted=gone) for gone in (False, True)])
    bound = relations.params.values | {"snapshot_of_change": snapshot}
    return tx.execute(
        f"DELETE FROM {ident(rows)} WHERE id NOT IN (SELECT r.id FROM {text(relations.table(place, 'r'))} "
        f"WHERE r.version <= $snapshot_of_change OR {text(seen)})",
        bound,
    )


def _refuse_taken(tx: Transaction, catalog: Catalog, place: str, rows: str, before: str) -> None:
    """Refuse keys that a live record has by now; those of records that come back from deletion are all asked about."""
    if place not in catalog.modules:
        return
    module = catalog.module(place)
    unique = [field.slug for field in module.fields if field.unique]
    unique += [reference.slug for reference in catalog.references(place) if reference.unique]
    if not unique:
        return
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {_PROBLEMS} ({PROBLEM_COLUMNS})")
    back = f"SELECT b.* FROM {ident(rows)} b JOIN {ident(before)} n ON n.id = b.id WHERE b.deleted_at IS NULL"
    for name, where, known in (
        ("undo_returning", "n.deleted_at IS NOT NULL", None),
        ("undo_changing", "n.deleted_at IS NULL", before),
    ):
        tx.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT row_number() OVER (ORDER BY id) - 1 AS _row, * "
            f"FROM ({back} AND {where})"
        )
        checked = Checked(name, _PROBLEMS, known)
        check_set(tx, catalog, module=place, actor=Actor.system(), rows=checked, fields=unique)
    problems = read_problems(tx, Typed("undo_changing", _PROBLEMS, {}, {}))
    taken = [problem for problem in problems if problem.code == "unique"]
    if taken:
        raise KeyTaken(place, taken[0].field, str(taken[0].received))
