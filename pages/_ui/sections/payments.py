"""Payments and balance: what is owed per currency, since when, and what was received."""

from __future__ import annotations

import streamlit as st

from crm_core.figures import payments as figure
from crm_core.figures import rows
from crm_core.figures.bills import Account
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import asked, offer, question, strip
from pages._ui.sections.base import ProfileSection, Spot
from pages._ui.sections.paying import PAYMENTS, payment_form

BUCKETS = ("Not due", "Up to 29 days", "30–59 days", "60–89 days", "90 days or more")


def draw(spot: Spot) -> None:
    """Draw the balance, its ageing, the form of a payment, and the payments."""
    found = figure.read(**question(spot))
    st.html(strip(found.figure))
    offer(spot, *payment_form(spot))
    late = [one for one in found.accounts if one.overdue or one.not_due]
    st.html(html.stack([*([_ageing(late)] if late else []), _payments(spot)]))


def _ageing(accounts: list[Account]) -> html.Html:
    listed = [
        html.Row([
            one.currency or "–",
            *[words.money(amount, one.currency) for amount in (one.not_due, *one.ageing)],
        ])
        for one in accounts
    ]  # fmt: skip
    places = tuple(range(1, len(BUCKETS) + 1))
    return html.table_card("Open by age", ["", *BUCKETS], listed, right_aligned=places)


def _payments(spot: Spot) -> html.Html:
    module = spot.here.catalog.module(PAYMENTS)
    methods = {option.value: option.text for option in getattr(module.field("method"), "options", None) or ()}

    def cells(row: Row) -> list[html.Text]:
        return [
            row["reference"] or html.missing("Without a reference"),
            words.brief(row["paid_at"], zone=spot.here.zone) if row["paid_at"] else html.missing(),
            methods.get(row["method"]) or str(row["method"] or ""),
            words.money(row["amount"], row["amount__currency"])
            if row["amount"] is not None
            else html.missing(),
            status_badge(module, row["folder"], row["status"]),
        ]

    listed = [
        html.Row(cells(row), html.click("open", PAYMENTS, row["id"])) for row in rows.payments(asked(spot))
    ]
    return html.table_card(
        "Payments", ["Reference", "When", "How", "Amount", "Status"], listed, right_aligned=(3,),
        empty="No payments yet.",
    )  # fmt: skip


SECTION = ProfileSection("payments", draw)
