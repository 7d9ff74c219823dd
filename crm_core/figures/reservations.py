"""Reservations of a record: the next one, and how many there are in each state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, asked, bind_now, end_statuses, is_one_of
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import column
from crm_core.values.fragments import sql
from lake import Lake


@dataclass(frozen=True)
class Reservations:
    """How many by status; `next_at` (UTC) is the beginning of the next that is in no end status, `next_what` what."""

    by_state: Mapping[str, int] = field(default_factory=dict)
    coming: int = 0
    next_at: datetime | None = None
    next_what: str = ""

    @property
    def figure(self) -> tuple[Figure, ...]:
        """How many are to come, and what the next one is."""
        return (Figure("To come", self.coming), Figure("Next", self.next_what or "–"))


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Reservations:  # fmt: skip
    """The reservations of a record."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    rows = question.rows("reservations", _by_state)
    nexts = [(row["next_at"], row["next_what"]) for row in rows if row["next_at"] is not None]
    first = min(nexts, default=(None, ""))
    states = {row["status"] or "": row["n"] for row in sorted(rows, key=lambda row: row["status"] or "")}
    return Reservations(states, sum(row["coming"] for row in rows), *first)


def _by_state(rows: exp.Select, relations: Relations) -> exp.Select:
    ended = is_one_of(relations, column("status", "r"), end_statuses(relations.catalog, "reservations"))
    coming = sql("r.starts_at >= $now AND NOT $ended", now=bind_now(relations), ended=exp.paren(ended))
    return rows.select(
        sql("r.status AS status"),
        sql("count(*) AS n"),
        sql("count(*) FILTER (WHERE $c) AS coming", c=coming),
        sql("min(r.starts_at) FILTER (WHERE $c) AS next_at", c=coming),
        sql("arg_min(r.what, r.starts_at) FILTER (WHERE $c) AS next_what", c=coming),
    ).group_by(sql("r.status"))
