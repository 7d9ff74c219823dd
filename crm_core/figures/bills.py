"""What a record was billed and has paid: each bill with what is open of it, per currency.

A bill is an invoice or, where a workspace has none, an order. What was paid for it is what its payments say in its own
currency; without any payment its own field `paid` counts. A payment of no bill of its currency is a credit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

from crm_core.figures.base import Asked, amount, bind_today, is_one_of
from crm_core.model import Catalog, ToMany
from crm_core.prepared import STAND_IN
from crm_core.related import linked
from crm_core.relations import Relations
from crm_core.trees import column, no_rows, shared_set, union_all
from crm_core.values.fragments import sql

PAYMENTS = "payments"
_PAYMENT = {
    "bill": "UUID", "amount": "DECIMAL(18, 4)", "currency": "VARCHAR", "came": "BOOLEAN", "free": "BOOLEAN"
}  # fmt: skip
_NEVER_CAME = ("returned", "failed", "authorised")
_NO_CREDIT = (*_NEVER_CAME, "refunded")


@dataclass(frozen=True)
class Bill:
    """What counts as a bill: its module, when it is due, by which reference payments name it, and its statuses."""

    module: str
    due: str
    reference: str
    void: tuple[str, ...]
    settled: tuple[str, ...]


BILLS = (
    Bill("invoices", "due_on", "invoice", ("draft", "cancelled"), ("paid",)),
    Bill("orders", "ordered_at", "order", ("cancelled",), ()),
)


@dataclass(frozen=True)
class Account:
    """All bills of one currency. `ageing` is what is 1–29, 30–59, 60–89, and 90 or more days late.

    Attributes:
        currency: ISO 4217.
        billed: what all bills come to.
        paid: what was paid for them.
        credit: what was paid for no bill.
        not_due: what is open and not late.
        ageing: what is open and late, by how long.
        counts: how many bills are paid, open and not late, and late.
    """

    currency: str
    billed: Decimal
    paid: Decimal
    credit: Decimal
    not_due: Decimal
    ageing: tuple[Decimal, Decimal, Decimal, Decimal]
    counts: tuple[int, int, int]

    @property
    def balance(self) -> Decimal:
        """What is owed to us, below zero when it is we who owe."""
        return self.billed - self.paid - self.credit

    @property
    def overdue(self) -> Decimal:
        """What is late."""
        return sum(self.ageing, Decimal(0))


def bill_of(catalog: Catalog) -> Bill | None:
    """What counts as a bill in this workspace; None without any."""
    return next((one for one in BILLS if one.module in catalog.modules), None)


def read_accounts(question: Asked) -> tuple[Account, ...]:
    """The account of each currency in which something was billed or paid."""
    bill = bill_of(question.catalog)
    if bill is None:
        return ()
    paying = question.link(PAYMENTS)

    def build(rows: exp.Select, relations: Relations) -> exp.Query:
        return _statement(rows, relations, bill, paying)

    found = question.rows(bill.module, build)
    credits = {row["currency"]: amount(row["billed"]) for row in found if row["credit"]}
    bills = {row["currency"]: row for row in found if not row["credit"]}
    return tuple(_account(one, bills.get(one, {}), credits) for one in sorted({*bills, *credits}))


def _account(currency: str, row: dict[str, Any], credits: dict[str, Decimal]) -> Account:
    names = ("billed", "paid", "not_due", "late_1", "late_30", "late_60", "late_90")
    billed, paid, not_due, *late = [amount(row.get(name)) for name in names]
    counts = (row.get("n_paid") or 0, row.get("n_open") or 0, row.get("n_late") or 0)
    credit = credits.get(currency, Decimal(0))
    return Account(currency, billed, paid, credit, not_due, (late[0], late[1], late[2], late[3]), counts)


def _statement(rows: exp.Select, relations: Relations, bill: Bill, paying: ToMany | None) -> exp.Query:
    shared = relations.params.shared

    def bills() -> exp.Table:
        return shared_set("figure_bills", lambda: _bills(rows, relations, bill), shared)

    def paid() -> exp.Table:
        return shared_set("figure_paid", lambda: _payments(relations, bill, paying, bills()), shared)

    own = exp.select(
        column("bill"), column("currency"), sql("sum(amount) AS amount")
    ).from_(paid()).where(sql("came")).group_by(column("bill"), column("currency"))  # fmt: skip
    each = (
        exp.select(sql("b.currency AS currency"), sql("b.total AS total"), sql("b.due AS due"))
        .select(
            sql(
                "CASE WHEN b.settled THEN b.total WHEN b.id IN ($any) THEN coalesce(o.amount, 0) "
                "ELSE coalesce(b.paid, 0) END AS paid",
                any=exp.select(column("bill")).from_(paid()).where(sql("bill IS NOT NULL")),
            )
        )
        .from_(exp.select("*").from_(bills()).subquery("b"))
        .join(own.subquery("o"), on=sql("o.bill = b.id AND o.currency = b.currency"), join_type="left")
    )
    known = exp.select(exp.Tuple(expressions=[column("id"), column("currency")])).from_(bills())
    credit = (
        exp.select(sql("true AS credit"), column("currency"), sql("sum(amount) AS billed"))
        .select(*[sql(f"NULL AS {name}") for name in _SUMS if name != "billed"])
        .from_(paid())
        .where(sql("free AND (bill IS NULL OR (bill, currency) NOT IN ($known))", known=known))
        .group_by(column("currency"))
    )
    return union_all([_aged(each, relations), credit])


def _bills(rows: exp.Select, relations: Relations, bill: Bill) -> exp.Select:
    own = relations.catalog.module(bill.module)
    status = column("status", "r")
    paid = (
        column("paid", "r") if own.field("paid") else exp.cast(exp.null(), "DECIMAL(18,4)", dialect="duckdb")
    )
    return rows.where(
        exp.not_(is_one_of(relations, status, bill.void)), sql("r.total IS NOT NULL")
    ).select(
        column("id", "r"),
        sql("r.total AS total"),
        sql("r.total__currency AS currency"),
        exp.cast(column(bill.due, "r"), "DATE").as_("due"),
        is_one_of(relations, status.copy(), bill.settled).as_("settled"),
        paid.as_("paid"),
    )  # fmt: skip


def _payments(relations: Relations, bill: Bill, paying: ToMany | None, bills: exp.Table) -> exp.Query:
    """Payments that name the record, and those that name only one of its bills."""
    catalog = relations.catalog
    reference = catalog.reference(PAYMENTS, bill.reference) if PAYMENTS in catalog.modules else None
    target = column(bill.reference, "p") if reference else exp.cast(exp.null(), "UUID")
    parts: list[exp.Query] = []
    if paying is not None:
        parts.append(_payment(linked(relations, paying, STAND_IN, "p"), relations, target))
    if reference is not None:
        found = exp.select().from_(relations.table(PAYMENTS, "p")).where(relations.predicate(PAYMENTS, "p"))
        found = found.where(target.copy().isin(query=exp.select(column("id")).from_(bills)))
        if paying is not None and paying.reference is not None:
            found = found.where(column(paying.reference.slug, "p").is_(exp.null()))
        parts.append(_payment(found, relations, target.copy()))
    return union_all(parts) if parts else no_rows(_PAYMENT)


def _payment(found: exp.Select, relations: Relations, target: exp.Expr) -> exp.Select:
    status = column("status", "p")
    came, free = (exp.not_(is_one_of(relations, status.copy(), list(w))) for w in (_NEVER_CAME, _NO_CREDIT))
    return found.select(
        target.as_("bill"), sql("p.amount AS amount"), sql("p.amount__currency AS currency"),
        came.as_("came"), free.as_("free"),
    )  # fmt: skip


_LATE = ((1, 30), (30, 60), (60, 90), (90, 1_000_000))
_SUMS = ("billed", "paid", "not_due", "late_1", "late_30", "late_60", "late_90", "n_paid", "n_open", "n_late")


def _aged(each: exp.Select, relations: Relations) -> exp.Select:
    """The sums of each currency, by how late what is open is."""
    today = bind_today(relations)
    days = sql("coalesce(date_diff('day', e.due, $today), 0)", today=today)
    opened = exp.select("*", sql("e.total - e.paid AS open"), days.as_("days")).from_(each.subquery("e"))

    def summed(test: str, called: str) -> exp.Expr:
        return sql(f"sum(open) FILTER (WHERE open > 0 AND {test}) AS {called}")

    late: Sequence[exp.Expr] = [summed(f"days >= {a} AND days < {b}", f"late_{a}") for a, b in _LATE]
    return (
        exp.select(sql("false AS credit"), column("currency"), sql("sum(total) AS billed"), sql("sum(paid) AS paid"))
        .select(summed("days <= 0", "not_due"), *late)
        .select(sql("count(*) FILTER (WHERE open <= 0) AS n_paid"))
        .select(sql("count(*) FILTER (WHERE open > 0 AND days <= 0) AS n_open"))
        .select(sql("count(*) FILTER (WHERE open > 0 AND days > 0) AS n_late"))
        .from_(opened.subquery("x"))
        .group_by(column("currency"))
    )  # fmt: skip
