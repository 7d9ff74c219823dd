"""Subscriptions of a record: what comes in a month per currency (MRR), and when the next bill is due."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, asked, is_one_of
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import column
from crm_core.values.fragments import sql
from lake import Lake

MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
BILLED = ("trial", "active")
"""The statuses in which a next bill is awaited; only active ones count as income."""


@dataclass(frozen=True)
class Subscriptions:
    """Active subscriptions: how many, their income a month by currency, the next billing day with trials."""

    active: int = 0
    monthly: Mapping[str, Decimal] = field(default_factory=dict)
    next_billing: date | None = None

    @property
    def figure(self) -> tuple[Figure, ...]:
        """Monthly income per currency, and the next billing."""
        income = [
            Figure("Monthly income", sum_, currency=currency) for currency, sum_ in self.monthly.items()
        ]
        day = self.next_billing.isoformat() if self.next_billing else "–"
        return (*(income or [Figure("Active subscriptions", self.active)]), Figure("Next billing", day))


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Subscriptions:  # fmt: skip
    """The subscriptions of a record; each currency's income is rounded to cents at the end."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    income: defaultdict[str, Decimal] = defaultdict(Decimal)
    active, days = 0, []
    for row in question.rows("subscriptions", _grouped):
        if row["next"] is not None:
            days.append(row["next"])
        if row["status"] == "active":
            active += row["n"]
            income[row["currency"] or catalog.workspace.currency] += (row["price"] or 0) / Decimal(
                MONTHS.get(row["cycle"], 1)
            )
    cents = {one: income[one].quantize(Decimal("0.01"), ROUND_HALF_UP) for one in sorted(income)}
    return Subscriptions(active, cents, min(days, default=None))


def _grouped(rows: exp.Select, relations: Relations) -> exp.Select:
    awaited = is_one_of(relations, column("status", "r"), BILLED)
    columns = ("r.status AS status", "r.cycle AS cycle", "r.price__currency AS currency", "count(*) AS n",
               "sum(r.price) AS price", "min(r.next_billing_on) AS next")  # fmt: skip
    grouped = rows.where(awaited).select(*[sql(one) for one in columns])
    return grouped.group_by(sql("r.status"), sql("r.cycle"), sql("r.price__currency"))
