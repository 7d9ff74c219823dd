"""Appointments of a record: the next one, how many are to come, and how much time is booked in the next 30 days."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, asked, bind_now, end_statuses, is_one_of
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import column
from crm_core.values.fragments import sql
from lake import Lake

APPOINTMENTS = "appointments"
DAYS = 30


@dataclass(frozen=True)
class Calendar:
    """Appointments that begin after now and are in no end status; `next_at` (UTC) is when the first of them begins.

    `minutes` are those of the next 30 days that open appointments take, what lasts already counted from now on; one
    without an end takes none.
    """

    coming: int = 0
    next_at: datetime | None = None
    next_title: str = ""
    minutes: int = 0

    @property
    def figure(self) -> tuple[Figure, ...]:
        """The next appointment, how many are to come, and the time that is booked."""
        return (
            Figure("Next", self.next_title or "–"),
            Figure("To come", self.coming),
            Figure(f"Booked in {DAYS} days", self.minutes, unit="min"),
        )


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Calendar:  # fmt: skip
    """The appointments of a record."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    rows = question.rows(APPOINTMENTS, _counted)
    if not rows:
        return Calendar()
    row = rows[0]
    return Calendar(
        int(row["coming"]), row["next_at"], row["next_title"] or "", round(int(row["seconds"] or 0) / 60)
    )


def _counted(rows: exp.Select, relations: Relations) -> exp.Select:
    ended = is_one_of(relations, column("status", "r"), end_statuses(relations.catalog, APPOINTMENTS))
    now = bind_now(relations)
    coming = sql("r.starts_at >= $now", now=now)
    until = sql(f"$now + INTERVAL {DAYS} DAY", now=now)
    lasts = sql(
        "date_diff('second', greatest(r.starts_at, $now), least(r.ends_at, $until))", until=until, now=now
    )
    within = sql("r.starts_at < $until AND r.ends_at > greatest(r.starts_at, $now)", until=until, now=now)
    return rows.where(exp.not_(exp.paren(ended))).select(
        sql("count(*) FILTER (WHERE $c) AS coming", c=coming),
        sql("min(r.starts_at) FILTER (WHERE $c) AS next_at", c=coming),
        sql("arg_min(r.title, r.starts_at) FILTER (WHERE $c) AS next_title", c=coming),
        sql("sum($lasts) FILTER (WHERE $w) AS seconds", lasts=lasts, w=within),
    )
