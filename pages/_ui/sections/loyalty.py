"""Loyalty: a ledger of points, each entry with its reason and the sum after it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import streamlit as st

from crm_core.figures import loyalty as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.sections.acting import Ask, Form, asked, create, offer, question, strip
from pages._ui.sections.base import ProfileSection, Spot

MODULE = "loyalty_entries"


def draw(spot: Spot) -> None:
    """Draw the points, the form, and the ledger."""
    st.html(strip(figure.read(**question(spot)).figure))
    asks = (Ask("points"), Ask("reason"), Ask("occurred_at", datetime.now(UTC)))
    offer(
        spot,
        Form("add", "Add points", MODULE, asks, partial(create, spot, MODULE), "Points added"),
    )

    def cells(row: Row) -> list[html.Text]:
        points = row["points"] or 0
        return [
            row["reason"] or html.missing("Without a reason"),
            words.brief(row["occurred_at"] or row["created_at"], zone=spot.here.zone),
            f"+{words.number(points)}" if points > 0 else words.number(points),
            words.number(row["balance"] or 0),
        ]

    listed = [
        html.Row(cells(row), html.click("open", MODULE, row["id"]))
        for row in rows.loyalty_entries(asked(spot))
    ]
    st.html(
        html.table_card(
            "Points",
            ["Reason", "When", "Points", "Sum"],
            listed,
            right_aligned=(2, 3),
            empty="No points yet.",
        )
    )


SECTION = ProfileSection("loyalty", draw)
