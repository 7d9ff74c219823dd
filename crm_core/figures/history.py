"""The history of a record: every change of its fields with who, when, why, and from which load or flow."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.history import read_versions
from crm_core.model import Catalog
from lake import Lake
from lake.history import STAMPS
from lake.record_versions import Asked

RECENT = timedelta(days=30)
BEGAN = "insert"
"""The kind of the change that made the record."""


@dataclass(frozen=True)
class FieldChange:
    """One field that became another; `old` and `new` are the texts of its column, None for none."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class RecordChange:
    """What one change did to the record, at an instant (UTC); `kind` is insert, update or delete.

    `load_id` and `flow_run_id` say what brought it; without an `id` it was written from outside.
    """

    id: str | None
    snapshot: int
    occurred_at: datetime
    actor: str
    door: str
    reason: str
    kind: str
    load_id: str | None
    flow_run_id: str | None
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class RecordHistory:
    """Changes, the newest first: those that are asked for, how many there are of them, and how many are recent."""

    changes: tuple[RecordChange, ...]
    total: int
    recent: int
    people: tuple[str, ...]
    fields: tuple[str, ...]
    """Who changed something and what was changed, whatever is asked for: what one can ask for. Where not all versions
    were read, every field."""

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        return (
            Figure("Changes in 30 days", self.recent),
            Figure("People and programs", len(self.people)),
        )


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None, field: str = "", person: str = "", limit: int = 30,
) -> RecordHistory:  # fmt: skip
    """Read what became of a record.

    Args:
        lake: the lake.
        catalog: the definitions.
        module: the record's module.
        record_id: the record.
        actor: who reads.
        at: changes after this snapshot are not told.
        now: the instant from which the 30 days count back, the present one by default.
        field: only changes of this field.
        person: only changes by this actor.
        limit: so many changes at most, the newest.

    Raises:
        RecordNotFound: There is no such record, or none that the actor may see.
    """
    asked = Asked(column=field, actor=person, until=at)
    found = read_versions(
        lake, catalog, module=module, record_id=record_id, actor=actor, asked=asked, most=limit
    )
    wanted = set(found.all.filter(pl.col("asked"))["snapshot"].to_list())
    told = _changes(found.fields.to_dicts())
    changes = [one for one in told if one.snapshot in wanted]
    # All were read: what is told of them is exact. Of more it would take reading them all, and any field is offered.
    every = found.all.height <= limit
    since = (now or datetime.now(UTC)) - RECENT
    changed = {f.field for one in told for f in one.fields if one.kind != BEGAN}
    return RecordHistory(
        tuple(changes[:limit]), len(changes) if every else len(wanted),
        found.all.filter(pl.col("occurred_at") > since).height,
        tuple(sorted(found.all["actor"].unique().to_list())),
        tuple(sorted(changed if every else {*changed, *_columns(catalog, module)})),
    )  # fmt: skip


def _columns(catalog: Catalog, module: str) -> set[str]:
    """What a change may be of: fields and what every record has, without what each change sets."""
    return set(catalog.columns(module)) - STAMPS - {"deleted_at"}


def _changes(rows: Iterable[dict[str, Any]]) -> list[RecordChange]:
    """The rows of fields as changes, the newest first."""
    groups: dict[tuple[int, str | None], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["snapshot"], row["change_id"]), []).append(row)
    found = [_change(group) for group in groups.values()]
    return sorted(found, key=lambda one: one.snapshot, reverse=True)


def _change(rows: list[dict[str, Any]]) -> RecordChange:
    first = rows[0]
    instant = first["occurred_at"] or datetime.min.replace(tzinfo=UTC)
    return RecordChange(
        first["change_id"], first["snapshot"], instant.astimezone(UTC), first["actor"], first["door"] or "",
        first["reason"] or "", first["kind"], first["load_id"], first["flow_run_id"],
        tuple(FieldChange(row["field"], row["old"], row["new"]) for row in rows),
    )  # fmt: skip
