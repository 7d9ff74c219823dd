"""Reservations: booked, confirmed and cancelled where they stand."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.figures import reservations as figure
from crm_core.figures import rows
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import Ask, Form, asked, change, create, offer, question, strip, word
from pages._ui.sections.base import ProfileSection, Spot

MOVES = {"confirm": "confirmed", "cancel": "cancelled", "missed": "no_show", "came": "held"}
WORDS = {"confirm": "Confirm", "cancel": "Cancel", "missed": "No-show", "came": "Took place"}
OFFERED = {"booked": ("confirm", "cancel"), "confirmed": ("came", "missed", "cancel")}

MODULE = "reservations"


def draw(spot: Spot) -> None:
    """Draw what lies ahead, the form, and the reservations."""
    st.html(strip(figure.read(**question(spot)).figure))
    asks = (Ask("what"), Ask("starts_at"), Ask("ends_at"), Ask("people"), Ask("resource"))
    book = partial(create, spot, MODULE)
    offer(spot, Form("book", "Book", MODULE, asks, book, "Booked", "event_seat"))
    module = spot.here.catalog.module(MODULE)

    def where(row: Row) -> str:
        people = words.plural(row["people"], "person", "people") if row["people"] is not None else ""
        return " · ".join(part for part in (row["resource"], people) if part)

    def cells(row: Row) -> list[html.Text]:
        verbs = () if spot.locked else OFFERED.get(row["status"] or "", ())
        return [
            html.titled(row["what"] or "Without a name", where(row)),
            words.brief(row["starts_at"], zone=spot.here.zone),
            status_badge(module, row["folder"], row["status"]),
            html.join([word(WORDS[verb], verb, row["id"]) for verb in verbs], between=" "),
        ]

    listed = [
        html.Row(cells(row), html.click("open", MODULE, row["id"])) for row in rows.reservations(asked(spot))
    ]
    st.html(
        html.table_card(
            "Reservations", ["What", "From", "Status", ""], listed,
            empty="No reservations yet.",
        )
    )  # fmt: skip


def clicked(spot: Spot, click: Click) -> bool:
    """Confirm or cancel a reservation, or say whether it took place."""
    if click.verb not in MOVES or len(click.values) != 1:
        return False
    status = MOVES[click.verb]
    change(spot, MODULE, click.values[0], {"status": status}, done=WORDS[click.verb])
    return True


SECTION = ProfileSection("reservations", draw, clicked)
