"""Insurance of a record: what is covered today per currency, and the claims that are not settled."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from sqlglot import exp

from crm_core.access import Actor
from crm_core.figures.base import Figure, amount, asked, bind_today, end_statuses, is_one_of
from crm_core.model import Catalog
from crm_core.relations import Relations
from crm_core.trees import column
from crm_core.values.fragments import sql
from lake import Lake


@dataclass(frozen=True)
class Insurance:
    """Policies in force and claims in no end status, by currency."""

    policies: int = 0
    coverage: Mapping[str, Decimal] = field(default_factory=dict)
    open_claims: int = 0
    claimed: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What is covered per currency, and how many claims are open."""
        covered = [Figure("Covered", value, currency=currency) for currency, value in self.coverage.items()]
        tone = "orange" if self.open_claims else ""
        return (
            *(covered or [Figure("Policies", self.policies)]),
            Figure("Open claims", self.open_claims, tone=tone),
        )


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Insurance:  # fmt: skip
    """The insurance of a record; a policy is in force while it is active and today lies within its dates."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    policies, claims = question.rows("policies", _in_force), question.rows("claims", _unsettled)
    return Insurance(
        sum(row["n"] for row in policies), _sums(policies), sum(row["n"] for row in claims), _sums(claims)
    )


def _sums(rows: list[dict[str, object]]) -> dict[str, Decimal]:
    return {str(row["currency"]): amount(row["total"]) for row in rows if row["currency"]}


def _in_force(rows: exp.Select, relations: Relations) -> exp.Select:
    today = bind_today(relations)
    within = sql(
        "coalesce(r.valid_from <= $today, true) AND coalesce(r.valid_until >= $today, true)", today=today
    )
    active = is_one_of(relations, column("status", "r"), ["active"])
    return _by_currency(rows.where(active, within), "coverage")


def _unsettled(rows: exp.Select, relations: Relations) -> exp.Select:
    settled = is_one_of(relations, column("status", "r"), end_statuses(relations.catalog, "claims"))
    return _by_currency(rows.where(exp.not_(settled)), "amount")


def _by_currency(rows: exp.Select, money: str) -> exp.Select:
    currency = column(f"{money}__currency", "r")
    summed = sql("sum($m) AS total", m=column(money, "r"))
    return rows.select(currency.as_("currency"), sql("count(*) AS n"), summed).group_by(currency.copy()).order_by(
        currency.copy()
    )  # fmt: skip
