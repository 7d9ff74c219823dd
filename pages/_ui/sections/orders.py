"""Orders net of what went back, or shipments where things are moved instead of sold."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from crm_core import records
from crm_core.figures import orders as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import (
    Ask,
    Form,
    Values,
    asked,
    module_of,
    moved,
    next_statuses,
    offer,
    question,
    strip,
    word,
)
from pages._ui.sections.base import ProfileSection, Spot

ORDERS, RETURNS, SHIPMENTS = "orders", "returns", "shipments"


def draw(spot: Spot) -> None:
    """Draw what was sold and came back, or what is under way."""
    st.html(strip(figure.read(**question(spot)).figure))
    if module_of(spot, ORDERS) is None:
        st.html(_shipments(spot, rows.shipments(asked(spot))))
        return
    sold, back = rows.orders(asked(spot)), rows.returns(asked(spot))
    offer(spot, *_return_form(spot, sold))
    parts = [_sold(spot, ORDERS, "Orders", sold, "total", "ordered_at")]
    if back:
        parts.append(_sold(spot, RETURNS, "Returns", back, "refund", "returned_at"))
    st.html(html.stack(parts))


def _return_form(spot: Spot, sold: list[Row]) -> tuple[Form, ...]:
    if module_of(spot, RETURNS) is None or not sold:
        return ()
    named = {
        row["id"]: f"{row['number'] or 'Order'} · {words.money(row['total'] or 0, row['total__currency'])}"
        for row in sold
        if row["status"] != "cancelled"
    }
    asks = (
        Ask("order", next(iter(named), None), named, "Of order"), Ask("refund"), Ask("reason"),
        Ask("returned_at", datetime.now(UTC)),
    )  # fmt: skip
    return (Form("return", "Record a return", RETURNS, asks, partial(_save, spot), "Return recorded",
                 "assignment_return"),)  # fmt: skip


def _save(spot: Spot, values: Values) -> object:
    given = {**values}
    if spot.here.catalog.reference(RETURNS, "customer") and spot.module == "customers":
        given["customer"] = spot.record_id
    return records.create(spot.here.lake, module=RETURNS, values=given, actor=spot.here.actor, door="browser")


def _sold(spot: Spot, slug: str, title: str, found: list[Row], amount: str, when: str) -> html.Html:
    module = spot.here.catalog.module(slug)

    def cells(row: Row) -> list[html.Text]:
        return [
            row["number"] or html.missing("Without a number"),
            words.brief(row[when], zone=spot.here.zone) if row[when] else html.missing(),
            words.money(row[amount], row[f"{amount}__currency"])
            if row[amount] is not None
            else html.missing(),
            status_badge(module, row["folder"], row["status"]),
        ]

    listed = [html.Row(cells(row), html.click("open", slug, row["id"])) for row in found]
    return html.table_card(
        title,
        ["No.", "When", "Amount", "Status"],
        listed,
        right_aligned=(2,),
        empty=f"No {title.lower()} yet.",
    )


def _shipments(spot: Spot, found: list[Row]) -> html.Html:
    module = spot.here.catalog.module(SHIPMENTS)

    def cells(row: Row) -> list[html.Text]:
        moves = [
            word(name, "move", row["id"], slug)
            for slug, name in next_statuses(module, row)
            if not spot.locked
        ]
        return [
            html.titled(row["route"] or "Without a route", row["number"] or "Without a number"),
            words.brief_day(row["arrives_on"]) if row["arrives_on"] else html.missing(),
            status_badge(module, row["folder"], row["status"]),
            html.join(moves, between=" "),
        ]

    listed = [html.Row(cells(row), html.click("open", SHIPMENTS, row["id"])) for row in found]
    return html.table_card(
        "Shipments", ["Shipment", "Arrives", "Status", "" if spot.locked else "Move to"], listed,
        empty="No shipments yet.",
    )  # fmt: skip


SECTION = ProfileSection("orders", draw, moved(SHIPMENTS))
