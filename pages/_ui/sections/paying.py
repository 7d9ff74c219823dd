"""The form of a payment: on an invoice that is open, on an order, or for the customer alone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from crm_core import records, settling
from crm_core.figures import rows
from pages._ui import words
from pages._ui.sections.acting import Ask, Form, Values, asked, belonging, module_of
from pages._ui.sections.base import Spot

PAYMENTS = "payments"


def payment_form(spot: Spot) -> tuple[Form, ...]:
    """The form, where there is a module of payments; it offers the oldest invoice that is open."""
    if spot.locked or module_of(spot, PAYMENTS) is None:
        return ()
    on: tuple[Ask, ...] = ()
    amount = None
    if spot.here.catalog.reference(PAYMENTS, "invoice") is not None:
        open_ = [row for row in rows.invoices(asked(spot)) if row["open"] > 0]
        named = {
            row[
                "id"
            ]: f"{row['number'] or 'Invoice'} · {words.money(row['open'], row['total__currency'])} open"
            for row in open_
        }
        first = open_[0] if open_ else None
        on = (Ask("invoice", first["id"] if first else None, named, "For invoice"),) if named else ()
        amount = {"amount": first["open"], "currency": first["total__currency"]} if first else None
    elif spot.here.catalog.reference(PAYMENTS, "order") is not None:
        bought = rows.orders(asked(spot))
        named = {row["id"]: str(row["number"] or "Order") for row in bought}
        on = (Ask("order", None, named, "For order"),) if named else ()
    asks = (*on, Ask("amount", amount), Ask("method"), Ask("paid_at", datetime.now(UTC)), Ask("reference"))
    return (
        Form("pay", "Record a payment", PAYMENTS, asks, partial(_save, spot), "Payment recorded", "payments"),
    )


def _save(spot: Spot, values: Values) -> object:
    given = {**belonging(spot, PAYMENTS), **values}
    module = spot.here.catalog.module(PAYMENTS)
    received = next((s.slug for s in module.default_folder.statuses if s.end), None)
    if received is not None:
        given["status"] = received
    if given.get("invoice"):
        return settling.record_payment(
            spot.here.lake, spot.here.catalog, values=given, actor=spot.here.actor, door="browser"
        )
    return records.create(
        spot.here.lake, module=PAYMENTS, values=given, actor=spot.here.actor, door="browser"
    )
