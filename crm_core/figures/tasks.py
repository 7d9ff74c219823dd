"""Tasks of a record: how many are open, and how many of them are overdue."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import ROW, Figure, asked, bind_now, end_statuses, is_one_of
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import column
from crm_core.values.fragments import sql
from lake import Lake

TASKS = "tasks"


@dataclass(frozen=True)
class Tasks:
    """Tasks that are in no end status; `overdue` ones were due before now."""

    open: int = 0
    overdue: int = 0

    @property
    def figure(self) -> tuple[Figure, ...]:
        """Open and overdue tasks."""
        return (
            Figure("Open tasks", self.open),
            Figure("Overdue", self.overdue, tone="red" if self.overdue else ""),
        )


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Tasks:  # fmt: skip
    """The tasks of a record."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    rows = question.rows(TASKS, _counted)
    return Tasks(int(rows[0]["open"]), int(rows[0]["overdue"])) if rows else Tasks()


def _counted(rows: exp.Select, relations: Relations) -> exp.Select:
    closed = is_one_of(relations, column("status", ROW), end_statuses(relations.catalog, TASKS))
    late = sql("coalesce(r.due < $now, false)", now=bind_now(relations))
    return rows.where(exp.not_(closed)).select(
        sql("count(*) AS open"), sql("count(*) FILTER (WHERE $late) AS overdue", late=late)
    )
