"""Inquiries (of a shop: tickets) of a record: how many are open, wait for an answer, and how long a first one takes."""

from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures import Figure
from crm_core.figures.reading import Asked, Row, among, chosen
from crm_core.intake_forms import MODULES
from crm_core.model import Catalog
from lake import Lake

COLUMNS = {"subject": "VARCHAR", "status": "VARCHAR", "folder": "VARCHAR",
           "first_answer_at": "TIMESTAMPTZ", "created_at": "TIMESTAMPTZ"}  # fmt: skip


@dataclass(frozen=True)
class Inquiries:
    """Inquiries that are in no end status, those among them without an answer, and the median first answer.

    `answer` is in seconds from when it came, None where none was answered; `rows` are the open ones first.
    """

    open: int = 0
    waiting: int = 0
    answer: int | None = None
    rows: tuple[Row, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What stands above the section."""
        took: Figure = Figure("First answer after", "–")
        if self.answer is not None:
            took = Figure("First answer after", self.answer // 60, unit="min")
        wait = Figure("Wait for an answer", self.waiting, tone="red" if self.waiting else "")
        return (Figure("Open", self.open), wait, took)


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Inquiries:  # fmt: skip
    """The inquiries that belong to a record."""
    asked = Asked(lake, catalog, module, record_id, actor, at, now)
    links = asked.links(*MODULES)
    ends = sorted({end for name in MODULES for end in asked.closed(name)})
    still = f"NOT {among('f.status', ends)}"
    took = (
        "median(epoch(f.first_answer_at) - epoch(f.created_at)) FILTER (WHERE f.first_answer_at IS NOT NULL)"
    )
    columns = (
        f"count(*) FILTER (WHERE {still}) AS open",
        f"count(*) FILTER (WHERE {still} AND f.first_answer_at IS NULL) AS waiting",
        f"CAST(round({took}) AS BIGINT) AS answer",
    )

    def newest(found: exp.Query) -> exp.Query:
        order = (f"CASE WHEN {still} THEN 0 ELSE 1 END", "f.created_at DESC", "f.id DESC")
        return chosen(["f.*", f"{still} AS open"], found).order_by(*order, dialect="duckdb").limit(200)

    [totals] = asked.rows(links, COLUMNS, lambda found: chosen(columns, found), key="inquiries") or [{}]
    return Inquiries(**totals, rows=tuple(asked.rows(links, COLUMNS, newest, key="inquiries-rows")))
