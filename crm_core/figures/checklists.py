"""Checklists of a record: how many steps are open, list by list."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, asked
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.values.fragments import sql
from lake import Lake


@dataclass(frozen=True)
class Checklist:
    """One list: how many steps it has and how many are not done. `required_for` is the status that waits for it."""

    id: str
    title: str
    required_for: str | None
    open: int
    total: int


@dataclass(frozen=True)
class Checklists:
    """The lists of a record, the newest first."""

    lists: tuple[Checklist, ...] = ()

    @property
    def open_steps(self) -> int:
        """Steps that are not done, of all lists."""
        return sum(one.open for one in self.lists)

    @property
    def figure(self) -> tuple[Figure, ...]:
        """Open steps, and how many lists are all done."""
        done = sum(one.open == 0 and one.total > 0 for one in self.lists)
        return (Figure("Open steps", self.open_steps), Figure("Lists done", f"{done} of {len(self.lists)}"))


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Checklists:  # fmt: skip
    """The checklists of a record, with their steps counted."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    found = question.rows("checklists", _counted)
    return Checklists(
        tuple(Checklist(r["id"], r["title"], r["required_for"], r["open"], r["total"]) for r in found)
    )


def _counted(rows: exp.Select, relations: Relations) -> exp.Select:
    steps = relations.visible("checklist_steps", "s", columns=("checklist", "done"))
    group = ("r.id", "r.title", "r.required_for", "r.created_at")
    counted = rows.join(steps, on=sql("s.checklist = r.id"), join_type="left").select(
        sql("CAST(r.id AS VARCHAR) AS id"), sql("r.title AS title"), sql("r.required_for AS required_for"),
        sql("count(s.checklist) AS total"),
        sql("count(s.checklist) FILTER (WHERE NOT coalesce(s.done, false)) AS open"),
    )  # fmt: skip
    return counted.group_by(*[sql(one) for one in group]).order_by("r.created_at DESC", "r.id DESC")
