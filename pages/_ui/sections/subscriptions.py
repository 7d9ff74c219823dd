"""Subscriptions: what they bring in a month, paused, resumed or cancelled where they stand."""

from __future__ import annotations

from functools import partial

import streamlit as st

from crm_core.figures import rows
from crm_core.figures import subscriptions as figure
from crm_core.figures.reading import Row
from pages._ui import html, words
from pages._ui.components import Click
from pages._ui.record_words import status_badge
from pages._ui.sections.acting import Ask, Form, Values, asked, change, create, offer, question, strip, word
from pages._ui.sections.base import ProfileSection, Spot

MOVES = {"activate": "active", "pause": "paused", "resume": "active", "cancel": "cancelled"}
OFFERED = {"trial": ("activate", "cancel"), "active": ("pause", "cancel"), "paused": ("resume", "cancel")}

MODULE = "subscriptions"


def draw(spot: Spot) -> None:
    """Draw the monthly revenue, the form, and the subscriptions."""
    st.html(strip(figure.read(**question(spot)).figure))
    asks = (Ask("plan"), Ask("price"), Ask("cycle"), Ask("started_on"), Ask("next_billing_on"))
    offer(
        spot,
        Form(
            "add",
            "Add a subscription",
            MODULE,
            asks,
            partial(_add, spot),
            "Subscription added",
            given=_given(spot),
        ),
    )
    module = spot.here.catalog.module(MODULE)
    cycles = {option.value: option.text for option in getattr(module.field("cycle"), "options", None) or ()}

    def cells(row: Row) -> list[html.Text]:
        verbs = () if spot.locked else OFFERED.get(row["status"] or "", ())
        return [
            html.titled(row["plan"] or "Without a name", cycles.get(row["cycle"]) or str(row["cycle"] or "")),
            words.money(row["price"], row["price__currency"]) if row["price"] is not None else html.missing(),
            words.brief_day(row["next_billing_on"]) if row["next_billing_on"] else html.missing(),
            status_badge(module, row["folder"], row["status"]),
            html.join([word(verb.capitalize(), verb, row["id"]) for verb in verbs], between=" "),
        ]

    listed = [
        html.Row(cells(row), html.click("open", MODULE, row["id"])) for row in rows.subscriptions(asked(spot))
    ]
    st.html(
        html.table_card(
            "Subscriptions", ["Plan", "Price", "Next billing", "Status", ""], listed, right_aligned=(1,),
            empty="No subscriptions yet.",
        )
    )  # fmt: skip


def _add(spot: Spot, values: Values) -> object:
    """A subscription that is written down is one that is paid for."""
    return create(spot, MODULE, {**_given(spot), **values})


def _given(spot: Spot) -> Values:
    known = {status.slug for status in spot.here.catalog.module(MODULE).default_folder.statuses}
    return {"status": "active"} if "active" in known else {}


def clicked(spot: Spot, click: Click) -> bool:
    """Pause, resume, activate or cancel a subscription."""
    if click.verb not in MOVES or len(click.values) != 1:
        return False
    status = MOVES[click.verb]
    change(spot, MODULE, click.values[0], {"status": status}, done=words.readable(status))
    return True


SECTION = ProfileSection("subscriptions", draw, clicked)
