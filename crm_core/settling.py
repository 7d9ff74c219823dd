"""A payment on an invoice: recorded, and counted in what the invoice has been paid."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from crm_core import query, records
from crm_core.access import Actor
from crm_core.errors import Problem, ValuesInvalid, VersionConflict
from crm_core.model import Catalog
from crm_core.records.outcome import Created
from crm_core.shape import Record
from lake import Lake

PAYMENTS, INVOICES = "payments", "invoices"
_TIMES = 5
"""How often the invoice is read anew when somebody else counts a payment at the same moment."""


def record_payment(
    lake: Lake, catalog: Catalog, *, values: Mapping[str, Any], actor: Actor, door: str = "api"
) -> Created:
    """Record a payment and add it to what its invoice has been paid; the invoice's status follows.

    Args:
        lake: the lake.
        catalog: the definitions.
        values: of the payment; `invoice` is the id of the invoice, `amount` in its currency.
        actor: who records it; the invoice must be visible to him.
        door: through which door.

    Raises:
        ValuesInvalid: With every problem, one being that the currency is not the invoice's; nothing was written.
        RecordNotFound: There is no such invoice, or none that the actor may see.
    """
    invoice = _invoice(lake, catalog, values, actor)
    amount, total = values.get("amount"), invoice.get("total")
    if isinstance(amount, Mapping) and total and amount.get("currency") != total["currency"]:
        text = f"{amount.get('currency')} was given, the invoice is in {total['currency']}; record it in that currency"
        raise ValuesInvalid(PAYMENTS, [Problem("amount", "currency", text)])
    made = records.create(lake, module=PAYMENTS, values=values, actor=actor, door=door)
    paid = query.read_record(lake, catalog, module=PAYMENTS, record_id=made.id, actor=actor)
    for left in reversed(range(_TIMES)):
        try:
            _count(lake, invoice, paid, actor, door)
            break
        except VersionConflict:
            if not left:
                raise
            invoice = _invoice(lake, catalog, values, actor)
    return made


def _invoice(lake: Lake, catalog: Catalog, values: Mapping[str, Any], actor: Actor) -> Record:
    return query.read_record(lake, catalog, module=INVOICES, record_id=str(values["invoice"]), actor=actor)


def _count(lake: Lake, invoice: Record, payment: Record, actor: Actor, door: str) -> None:
    currency = payment["amount"]["currency"]
    before = (invoice.get("paid") or {}).get("amount") or Decimal(0)
    paid = before + payment["amount"]["amount"]
    changed: dict[str, Any] = {"paid": {"amount": paid, "currency": currency}}
    total = (invoice.get("total") or {}).get("amount")
    if total is not None and paid >= total:
        changed["status"] = "paid"
        if payment.get("paid_at") is not None:
            changed["paid_on"] = payment["paid_at"].date()
    elif invoice["status"] != "overdue":
        changed["status"] = "partly_paid"
    records.update(
        lake, module=INVOICES, record_id=invoice["id"], values=changed, actor=actor, base_version=invoice["version"],
        door=door, reason=f"Payment {payment['reference']}",
    )  # fmt: skip
