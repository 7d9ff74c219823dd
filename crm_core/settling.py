"""A payment on an invoice: recorded, and counted in what the invoice has been paid."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import polars as pl

from crm_core import query
from crm_core.access import Actor
from crm_core.errors import Problem, ValuesInvalid
from crm_core.model import Catalog
from crm_core.records.create import create_in
from crm_core.records.outcome import Created
from crm_core.records.rows import write_rows
from crm_core.records.together import write_together
from crm_core.records.writer import Writer
from crm_core.shape import Record
from lake import Lake, Transaction, table

PAYMENTS, INVOICES = "payments", "invoices"
_PAYMENTS, _INVOICES = table("crm", PAYMENTS), table("crm", INVOICES)


def record_payment(
    lake: Lake, catalog: Catalog, *, values: Mapping[str, Any], actor: Actor, door: str = "api"
) -> Created:
    """Record a payment and add it to what its invoice has been paid, in one commit; the invoice's status follows.

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

    def work(tx: Transaction, writer: Writer) -> tuple[str, ...]:
        [made] = create_in(tx, writer, module=PAYMENTS, values=[values])
        _count(tx, writer, str(invoice["id"]), made)
        return (made,)

    done = write_together(lake, work, actor=actor, door=door, reason="payment")
    return Created(done.value, done.snapshot, done.change_id)


def _invoice(lake: Lake, catalog: Catalog, values: Mapping[str, Any], actor: Actor) -> Record:
    return query.read_record(lake, catalog, module=INVOICES, record_id=str(values["invoice"]), actor=actor)


def _count(tx: Transaction, writer: Writer, invoice: str, payment: str) -> None:
    """Add the payment to what stands in the invoice now: under the lock nobody else counts meanwhile."""
    there = writer.catalog.columns(PAYMENTS)
    paid_at = "p.paid_at" if "paid_at" in there else "CAST(NULL AS TIMESTAMPTZ) AS paid_at"
    [row] = tx.read(
        f"SELECT i.status, i.total, i.paid, p.amount, p.amount__currency AS currency, {paid_at} FROM {_INVOICES} i, "
        f"{_PAYMENTS} p WHERE i.id = CAST($invoice AS UUID) AND p.id = CAST($payment AS UUID)",
        {"invoice": invoice, "payment": payment},
    ).to_dicts()
    paid = (row["paid"] or Decimal(0)) + row["amount"]
    changed: dict[str, Any] = {"id": invoice, "paid": paid, "paid__currency": row["currency"]}
    if row["total"] is not None and paid >= row["total"]:
        changed["status"] = "paid"
        if row["paid_at"] is not None:
            changed["paid_on"] = row["paid_at"].date()
    elif row["status"] != "overdue":
        changed["status"] = "partly_paid"
    write_rows(tx, writer, module=INVOICES, rows=pl.DataFrame([changed]))
