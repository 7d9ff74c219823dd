"""Calls of a record: how many there were this month, how long they took, and those of which there is a recording."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.figures.reading import Asked, Row, chosen
from crm_core.model import Catalog
from lake import Lake

MODULE = "communications"
CALL = "call"
_MOMENT = "coalesce(f.occurred_at, f.created_at)"
COLUMNS = {"channel": "VARCHAR", "direction": "VARCHAR", "state": "VARCHAR", "from": "VARCHAR", "to": "VARCHAR",
           "subject": "VARCHAR", "text": "VARCHAR", "transcript": "VARCHAR", "duration": "BIGINT", "files": "VARCHAR[]",
           "owner": "VARCHAR", "occurred_at": "TIMESTAMPTZ", "created_at": "TIMESTAMPTZ"}  # fmt: skip


@dataclass(frozen=True)
class Calls:
    """Calls of this month and their seconds, how many there are in all and with files, and the newest."""

    month: int = 0
    seconds: int = 0
    total: int = 0
    recorded: int = 0
    rows: tuple[Row, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        return (
            Figure("Calls this month", self.month),
            Figure("Spoken this month", self.seconds // 60, unit="min"),
            Figure("Recorded", self.recorded),
        )


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Calls:  # fmt: skip
    """The calls that belong to a record; the month is that of the reader's time zone."""
    asked = Asked(lake, catalog, module, record_id, actor, at, now)
    links = asked.links(MODULE)
    zone = actor.time_zone or catalog.workspace.time_zone
    day = f"CAST(timezone({exp.Literal.string(zone).sql('duckdb')}, {_MOMENT}) AS DATE)"
    month = f"date_trunc('month', {day}) = date_trunc('month', f.today_)"
    columns = (
        f"count(*) FILTER (WHERE {month}) AS month",
        f"CAST(coalesce(sum(f.duration) FILTER (WHERE {month}), 0) AS BIGINT) AS seconds",
        "count(*) AS total",
        "count(*) FILTER (WHERE len(f.files) > 0) AS recorded",
    )

    def sums(found: exp.Query) -> exp.Query:
        return chosen(columns, found).where(f"f.channel = '{CALL}'", dialect="duckdb")

    def newest(found: exp.Query) -> exp.Query:
        calls = chosen(["f.*"], found).where(f"f.channel = '{CALL}'", dialect="duckdb")
        return calls.order_by(f"{_MOMENT} DESC", "f.id DESC", dialect="duckdb").limit(100)

    [totals] = asked.rows(links, COLUMNS, sums, key=f"calls:{zone}") or [{}]
    return Calls(**totals, rows=tuple(asked.rows(links, COLUMNS, newest, key="calls-rows")))
