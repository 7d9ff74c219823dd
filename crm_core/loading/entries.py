"""The loads there were, and what became of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_core.access import Actor
from crm_core.loading.errors import UnknownLoad
from crm_core.loading.model import Mode
from crm_core.snapshot_cache import Reader
from lake import Lake, table

LOADS = table("ops", "loads")


@dataclass(frozen=True, kw_only=True)
class LoadEntry:
    """One load. `state` is done, unchanged (no record changed) or undone; instants are UTC.

    Attributes:
        files: what was read: `path`, `format`, `sha256`, `bytes`, `rows`, `encoding` and more, as it was found.
        snapshot: of the records' change; None when no record changed.
    """

    load_id: str
    module: str
    source: str
    actor: str
    mode: Mode
    key: tuple[str, ...]
    state: str
    silent: bool
    files: tuple[dict[str, Any], ...]
    read: int
    inserted: int
    updated: int
    unchanged: int
    rejected: int
    values_rejected: int
    pending_references: int
    deleted: int
    notes: tuple[str, ...]
    snapshot: int | None
    started_at: datetime
    finished_at: datetime
    change_id: str
    undone_at: datetime | None
    undone_by: str | None

    def as_dict(self) -> dict[str, Any]:
        """The entry as terminal and API show it."""
        shown = {**self.__dict__, "key": list(self.key), "files": list(self.files), "notes": list(self.notes)}
        del shown["change_id"]
        return shown

    def as_row(self) -> dict[str, Any]:
        """The entry as a line of a list: without what only explains it."""
        hidden = ("files", "notes", "key", "silent", "started_at", "undone_at", "undone_by")
        return {name: value for name, value in self.as_dict().items() if name not in hidden}


def read_load(lake: Lake, load_id: str, *, actor: Actor, reader: Reader | None = None) -> LoadEntry:
    """One load; loads are told to whoever made them, and to administrators.

    Args:
        lake: the lake.
        load_id: which load.
        actor: who asks.
        reader: an open transaction to read in; the lake itself by default.

    Raises:
        UnknownLoad: there is no such load, or none for this actor.
    """
    rows = (reader or lake).read(f"SELECT * FROM {LOADS} WHERE id = try_cast(? AS UUID)", [load_id])
    found = [_entry(row) for row in rows.to_dicts()]
    if not found or not _may_know(found[0], actor):
        raise UnknownLoad(load_id)
    return found[0]


def read_loads(
    lake: Lake, *, actor: Actor, module: str | None = None, limit: int = 100
) -> tuple[LoadEntry, ...]:
    """The newest loads that the actor may know of, of one module or of all."""
    where, params = ["true"], list[object]()
    if module is not None:
        where.append("module = ?")
        params.append(module)
    if not actor.sees_all:
        where.append("actor = ?")
        params.append(actor.user)
    rows = lake.read(
        f"SELECT * FROM {LOADS} WHERE {' AND '.join(where)} ORDER BY finished_at DESC, id DESC LIMIT ?",
        [*params, limit],
    )
    return tuple(_entry(row) for row in rows.to_dicts())


def _may_know(entry: LoadEntry, actor: Actor) -> bool:
    return actor.sees_all or entry.actor == actor.user


def _entry(row: dict[str, Any]) -> LoadEntry:
    told = {key: value for key, value in row.items() if key not in ("id", "rows_read", "contract")}
    shaped = {
        "load_id": str(row["id"]),
        "read": row["rows_read"],
        "key": tuple(row["key"] or ()),
        "files": tuple(json.loads(row["files"] or "[]")),
        "notes": tuple(row["notes"] or ()),
        "change_id": str(row["change_id"]),
    }
    return LoadEntry(**{**told, **shaped})
