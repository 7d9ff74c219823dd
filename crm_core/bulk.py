"""One action for many records: what it would do, told before, and done in one change that one press takes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crm_core import records
from crm_core.access import Actor
from crm_core.model import Catalog, Condition, Leaf
from crm_core.query import read_page, titles
from crm_core.records import Changed, Members, Sample
from lake import Lake

SAMPLES = 5


@dataclass(frozen=True)
class BulkAction:
    """What is done to each record.

    Attributes:
        values: what its fields become.
        members: of which of these lists the values are added to what stands there, or taken away.
        delete: whether it is deleted instead.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    members: Mapping[str, Members] = field(default_factory=dict)
    delete: bool = False


@dataclass(frozen=True)
class BulkPreview:
    """What an action would do: how many records would change, how many are so already, some of them, their titles."""

    changing: int
    unchanged: int
    samples: tuple[Sample, ...]
    titles: dict[str, str]


def those(ids: Sequence[str]) -> Condition:
    """The records of some ids."""
    return Leaf(field="id", op="in", value=list(ids))


def preview_bulk(
    lake: Lake, catalog: Catalog, *, module: str, condition: Condition, action: BulkAction, actor: Actor
) -> BulkPreview:
    """What the action would do to the records that match and that the actor sees; nothing is written.

    Raises:
        Forbidden: The actor may only look.
        ConditionInvalid: The condition cannot be used.
        ValuesInvalid: With the problems of every record; the action would change none.
    """
    actor.require_change(f"records of {module}")
    if action.delete:
        page = read_page(lake, catalog, module=module, actor=actor, condition=condition, limit=SAMPLES)
        samples = tuple(Sample(item["id"], item, {}) for item in page.items)
        changing, unchanged = page.total, 0
    else:
        seen = records.update_where(
            lake, module=module, condition=condition, values=action.values, members=action.members,
            actor=actor, dry_run=True, samples=SAMPLES,
        )  # fmt: skip
        samples, changing, unchanged = seen.samples, seen.count, seen.unchanged
    named = titles(lake, catalog, wanted={module: [sample.id for sample in samples]}, actor=actor)
    return BulkPreview(changing, unchanged, samples, named)


def run_bulk(
    lake: Lake, *, module: str, condition: Condition, action: BulkAction, actor: Actor, door: str = "api"
) -> Changed:
    """Do it, in one change: `undo_change` of its `change_id` takes it back.

    Raises:
        Forbidden, ConditionInvalid, ValuesInvalid: As `preview_bulk`; nothing was changed.
    """
    if action.delete:
        return records.delete_where(
            lake, module=module, condition=condition, actor=actor, door=door, reason="bulk action"
        )
    return records.update_where(
        lake, module=module, condition=condition, values=action.values, members=action.members, actor=actor,
        door=door, reason="bulk action",
    )  # fmt: skip
