"""Invoices of a record: paid, open and late, per currency."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from crm_core.access import Actor
from crm_core.figures.base import Figure, asked
from crm_core.figures.bills import bill_of, read_accounts
from crm_core.model import Catalog
from lake import Lake


@dataclass(frozen=True)
class Billed:
    """The invoices of one currency: what was paid, what is open and not late, what is late; and how many of each."""

    currency: str
    paid: Decimal
    unpaid: Decimal
    overdue: Decimal
    counts: tuple[int, int, int]


@dataclass(frozen=True)
class Invoices:
    """Invoices by currency; drafts and cancelled ones do not count."""

    currencies: tuple[Billed, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """Per currency what is paid, open and late."""
        found = [
            Figure(label, value, currency=one.currency, tone="red" if label == "Overdue" and value else "")
            for one in self.currencies
            for label, value in (("Paid", one.paid), ("Unpaid", one.unpaid), ("Overdue", one.overdue))
        ]
        return tuple(found) or (Figure("Invoices", 0),)


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Invoices:  # fmt: skip
    """The invoices of a record; nothing in a workspace without invoices."""
    bill = bill_of(catalog)
    if bill is None or bill.module != "invoices":
        return Invoices()
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    accounts = [one for one in read_accounts(question) if sum(one.counts)]
    return Invoices(
        tuple(Billed(one.currency, one.paid, one.not_due, one.overdue, one.counts) for one in accounts)
    )
