"""Deals: the pipeline per currency, each deal moved to its next stage where it stands."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.figures import deals as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import (
    Ask,
    Form,
    asked,
    create,
    moved,
    next_statuses,
    offer,
    question,
    strip,
    word,
)
from pages._ui.sections.base import ProfileSection, Spot

MODULE = "deals"


def draw(spot: Spot) -> None:
    """Draw the pipeline, the form, and the deals."""
    st.html(strip(figure.read(**question(spot)).figure))
    asks = (Ask("title"), Ask("amount"), Ask("probability"), Ask("expected_close"))
    offer(spot, Form("add", "Add a deal", MODULE, asks, partial(create, spot, MODULE), "Deal added"))
    module = spot.here.catalog.module(MODULE)

    def expected(row: Row) -> str:
        return f"Expected {words.brief_day(row['expected_close'])}" if row["expected_close"] else ""

    def cells(row: Row) -> list[html.Text]:
        moves = [
            word(name, "move", row["id"], slug)
            for slug, name in next_statuses(module, row)
            if not spot.locked
        ]
        return [
            html.titled(row["title"] or "Without a name", expected(row)),
            words.money(row["amount"], row["amount__currency"])
            if row["amount"] is not None
            else html.missing(),
            f"{row['probability']} %" if row["probability"] is not None else html.missing(),
            status_badge(module, row["folder"], row["status"]),
            html.join(moves, between=" "),
        ]

    listed = [html.Row(cells(row), html.click("open", MODULE, row["id"])) for row in rows.deals(asked(spot))]
    st.html(
        html.table_card(
            "Deals", ["Deal", "Amount", "Chance", "Stage", "" if spot.locked else "Move to"], listed,
            right_aligned=(1, 2), empty="No deals yet.",
        )
    )  # fmt: skip


SECTION = ProfileSection("deals", draw, moved(MODULE))
