"""Loyalty points of a record: what was collected and spent adds up to what there is."""

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
class Points:
    """Points collected, and spent (as a number above zero)."""

    collected: int = 0
    spent: int = 0

    @property
    def points(self) -> int:
        """What there is."""
        return self.collected - self.spent

    @property
    def figure(self) -> tuple[Figure, ...]:
        """The points there are."""
        return (Figure("Points", self.points, tone="red" if self.points < 0 else ""),)


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Points:  # fmt: skip
    """The points of a record."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    rows = question.rows("loyalty_entries", _summed)
    return Points(int(rows[0]["collected"] or 0), int(rows[0]["spent"] or 0)) if rows else Points()


def _summed(rows: exp.Select, relations: Relations) -> exp.Select:
    return rows.select(
        sql("sum(r.points) FILTER (WHERE r.points > 0) AS collected"),
        sql("-sum(r.points) FILTER (WHERE r.points < 0) AS spent"),
    )
