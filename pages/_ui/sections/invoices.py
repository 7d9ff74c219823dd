"""Invoices: what is open and overdue per currency, and payments recorded on them."""

from __future__ import annotations

import streamlit as st

from crm_core.figures import invoices as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import asked, offer, question, strip
from pages._ui.sections.base import ProfileSection, Spot
from pages._ui.sections.paying import payment_form

MODULE = "invoices"


def draw(spot: Spot) -> None:
    """Draw the amounts, the form of a payment, and the invoices."""
    st.html(strip(figure.read(**question(spot)).figure))
    offer(spot, *payment_form(spot))
    module = spot.here.catalog.module(MODULE)

    def cells(row: Row) -> list[html.Text]:
        due = words.day(row["due_on"]) if row["due_on"] else html.missing()
        return [
            row["number"] or html.missing("Without a number"),
            html.badge(due, color="red") if row["late"] else due,
            words.money(row["total"], row["total__currency"]) if row["total"] is not None else html.missing(),
            words.money(row["open"], row["total__currency"]) if row["open"] else html.missing(),
            status_badge(module, row["folder"], row["status"]),
        ]

    listed = [
        html.Row(cells(row), html.click("open", MODULE, row["id"])) for row in rows.invoices(asked(spot))
    ]
    st.html(
        html.table_card(
            "Invoices", ["No.", "Due", "Total", "Open", "Status"], listed, right_aligned=(2, 3),
            empty="No invoices yet.",
        )
    )  # fmt: skip


SECTION = ProfileSection("invoices", draw)
