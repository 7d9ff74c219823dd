"""Orders of a record per currency, net of what was returned; where there are none, its shipments."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, amount, asked, end_statuses, is_one_of
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import column, union_all
from crm_core.values.fragments import sql
from lake import Lake


@dataclass(frozen=True)
class Total:
    """What was ordered in one currency, and what of it was given back."""

    currency: str
    ordered: Decimal
    returned: Decimal

    @property
    def net(self) -> Decimal:
        """What stays."""
        return self.ordered - self.returned


@dataclass(frozen=True)
class Orders:
    """How many orders (or shipments) there are and how many are on their way, cancelled ones left out."""

    count: int = 0
    open: int = 0
    totals: tuple[Total, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What is on its way, and the net amount per currency."""
        sums = [Figure("Net of returns", one.net, currency=one.currency) for one in self.totals]
        return (Figure("On the way", self.open), *(sums or [Figure("In all", self.count)]))


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Orders:  # fmt: skip
    """The orders of a record. Returns count from when they are announced, unless they are refused."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    build = _ordered if "orders" in catalog.modules else _shipped
    rows = question.rows("orders" if "orders" in catalog.modules else "shipments", build)
    ordered = {row["currency"]: amount(row["ordered"]) for row in rows if row["currency"] and row["n"]}
    returned = {row["currency"]: amount(row["ordered"]) for row in rows if row["currency"] and not row["n"]}
    totals = [
        Total(one, ordered.get(one, Decimal(0)), returned.get(one, Decimal(0)))
        for one in sorted({*ordered, *returned})
    ]
    return Orders(sum(row["n"] for row in rows), sum(row["open"] for row in rows), tuple(totals))


def _counted(rows: exp.Select, relations: Relations, module: str) -> exp.Select:
    status = column("status", "r")
    closed = is_one_of(relations, status, end_statuses(relations.catalog, module))
    gone = is_one_of(relations, status.copy(), ["cancelled"])
    return rows.where(exp.not_(gone)).select(
        sql("count(*) AS n"), sql("count(*) FILTER (WHERE NOT $c) AS open", c=exp.paren(closed))
    )


def _shipped(rows: exp.Select, relations: Relations) -> exp.Select:
    return _counted(rows, relations, "shipments").select(
        sql("CAST(NULL AS VARCHAR) AS currency"), sql("NULL AS ordered")
    )


def _ordered(rows: exp.Select, relations: Relations) -> exp.Query:
    currency = sql("r.total__currency")
    orders = _counted(rows.copy(), relations, "orders").select(
        currency.copy().as_("currency"), sql("sum(r.total) AS ordered")
    )
    parts: list[exp.Query] = [orders.group_by(currency)]
    if relations.catalog.reference("returns", "order") if "returns" in relations.catalog.modules else None:
        parts.append(_returned(rows, relations))
    return union_all(parts)


def _returned(rows: exp.Select, relations: Relations) -> exp.Select:
    """Refunds of returns of these orders, whoever they name as their customer."""
    gone = is_one_of(relations, column("status", "r"), ["cancelled"])
    ids = rows.where(exp.not_(gone)).select(column("id", "r"))
    refused = is_one_of(relations, column("status", "b"), ["refused"])
    return (
        exp.select(
            sql("0 AS n"), sql("0 AS open"), sql("b.refund__currency AS currency"), sql("sum(b.refund) AS ordered")
        )
        .from_(relations.table("returns", "b"))
        .where(relations.predicate("returns", "b"), exp.not_(refused), column("order", "b").isin(query=ids))
        .group_by(sql("b.refund__currency"))
    )  # fmt: skip
