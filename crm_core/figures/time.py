"""Working time on a record: minutes of this week and in all, and the timers that run."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Asked, Figure, asked, bind_now
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import union_all
from crm_core.values.fragments import sql
from lake import Lake

_WEEK = datetime(2000, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Timer:
    """A time entry that has not ended: whose it is and since when (UTC)."""

    id: str
    title: str
    owner: str | None
    started_at: datetime


@dataclass(frozen=True)
class Worked:
    """Whole minutes; an entry belongs to the week that it began in, a running one counts up to now."""

    this_week: int = 0
    in_all: int = 0
    billable: int = 0
    running: tuple[Timer, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """Minutes of this week and in all, and whether a timer runs."""
        minutes = (
            Figure("This week", self.this_week, unit="min"),
            Figure("In all", self.in_all, unit="min"),
        )
        return (
            (*minutes, Figure("Running timers", len(self.running), tone="green")) if self.running else minutes
        )


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Worked:  # fmt: skip
    """The working time on a record."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    rows = question.rows("time_entries", _summed, instead={_WEEK: week_begin(question)})
    if not rows:
        return Worked()
    timers = [Timer(r["id"], r["title"], r["owner"], r["started_at"]) for r in rows if r["id"] is not None]
    total = next(row for row in rows if row["id"] is None)
    week, whole, billable = (int(total[name] or 0) // 60 for name in ("week", "whole", "billable"))
    return Worked(week, whole, billable, tuple(sorted(timers, key=lambda timer: timer.started_at)))


def week_begin(question: Asked) -> datetime:
    """When the week of the question began in the workspace (UTC)."""
    workspace = question.catalog.workspace
    today = question.today
    first = today - timedelta(days=(today.weekday() - workspace.first_weekday) % 7)
    return datetime.combine(first, time(), ZoneInfo(workspace.time_zone)).astimezone(UTC)


def _summed(rows: exp.Select, relations: Relations) -> exp.Query:
    """One row of sums, and one for each running timer."""
    now = bind_now(relations)
    week = relations.params.bind(_WEEK, "TIMESTAMPTZ")
    seconds = sql("greatest(0, epoch(coalesce(r.ended_at, $now)) - epoch(r.started_at))", now=now)
    sums = rows.copy().select(
        *[sql(f"CAST(NULL AS {kind}) AS {name}") for name, kind in _TIMER],
        sql("sum($s) FILTER (WHERE r.started_at >= $week) AS week", s=seconds, week=week),
        sql("sum($s) AS whole", s=seconds),
        sql("sum($s) FILTER (WHERE coalesce(r.billable, false)) AS billable", s=seconds),
    )
    running = rows.where(sql("r.ended_at IS NULL AND r.started_at <= $now", now=now.copy())).select(
        sql("CAST(r.id AS VARCHAR) AS id"), sql("r.title AS title"), sql("r.owner AS owner"),
        sql("r.started_at AS started_at"), *[sql(f"NULL AS {name}") for name in ("week", "whole", "billable")],
    )  # fmt: skip
    return union_all([sums, running])


_TIMER = (("id", "VARCHAR"), ("title", "VARCHAR"), ("owner", "VARCHAR"), ("started_at", "TIMESTAMPTZ"))
