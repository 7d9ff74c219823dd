"""The balance of a record per currency, and how late what is open is."""

from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.figures.base import Figure, asked
from crm_core.figures.bills import Account, read_accounts
from crm_core.model import Catalog
from lake import Lake


@dataclass(frozen=True)
class Balance:
    """One account for each currency; amounts of different currencies are never added up."""

    accounts: tuple[Account, ...] = ()

    @property
    def figure(self) -> tuple[Figure, ...]:
        """What is owed per currency, red where some of it is late."""
        return tuple(
            Figure("Balance", one.balance, currency=one.currency, tone="red" if one.overdue else "")
            for one in self.accounts
        ) or (Figure("Balance", 0),)


def read(
    lake: Lake, catalog: Catalog, *, module: str, record_id: str, actor: Actor, at: int | None = None,
    now: datetime | None = None,
) -> Balance:  # fmt: skip
    """The accounts of a record, from its invoices (or orders) and payments."""
    question = asked(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    return Balance(read_accounts(question))
