"""Deals of a record: what is open by stage, weighted by how probable it is; per currency."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, amount, asked, end_statuses
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.values.fragments import sql
from lake import Lake


@dataclass(frozen=True)
class Stage:
    """The deals of one status and currency: how many, their amounts, and amounts × probability."""

    status: str
    currency: str
    count: int
    amount: Decimal
    weighted: Decimal
    closed: bool


@dataclass(frozen=True)
class Pipeline:
    """The stages that deals are in, in the order of the folders' statuses."""

    stages: tuple[Stage, ...] = ()

    @property
    def weighted(self) -> dict[str, Decimal]:
        """Currency → the weighted amount of open deals."""
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for stage in self.stages:
            if not stage.closed and stage.currency:
                sums[stage.currency] += stage.weighted
        return dict(sorted(sums.items()))

    @property
    def figure(self) -> tuple[Figure, ...]:
        """How many deals are open, and their weighted amount per currency."""
        still_open = sum(stage.count for stage in self.stages if not stage.closed)
        sums = [Figure("Weighted", value, currency=currency) for currency, value in self.weighted.items()]
        return (Figure("Open deals", still_open), *sums)


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Pipeline:  # fmt: skip
    """The deals of a record by stage; one without a probability weighs nothing."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    rows = question.rows("deals", _grouped)
    if not rows:
        return Pipeline()
    ends = set(end_statuses(catalog, "deals"))
    order = [status.slug for folder in catalog.module("deals").folders for status in folder.statuses]
    stages = [
        Stage(
            row["status"] or "", row["currency"] or "", row["n"], amount(row["amount"]),
            amount(Decimal(row["hundredfold"] or 0) / 100), row["status"] in ends,
        )
        for row in rows
    ]  # fmt: skip
    place = {slug: index for index, slug in reversed(list(enumerate(order)))}
    return Pipeline(tuple(sorted(stages, key=lambda one: (place.get(one.status, 99), one.currency))))


def _grouped(rows: exp.Select, relations: Relations) -> exp.Select:
    columns = ("r.status AS status", "r.amount__currency AS currency", "count(*) AS n", "sum(r.amount) AS amount",
               "sum(r.amount * coalesce(r.probability, 0)::SMALLINT) AS hundredfold")  # fmt: skip
    return rows.select(*[sql(one) for one in columns]).group_by(sql("r.status"), sql("r.amount__currency"))
