"""What a section does not list: a section shows some hundred records, the table shows all of them."""

from __future__ import annotations

import streamlit as st

from crm_core.model import ToMany
from crm_core.related import read_related
from pages._ui import html, nav, words
from pages._ui.html import Html
from pages._ui.linked import reference_of, table_link
from pages._ui.sections.base import Spot
from pages._ui.table_state import show_all, state_of

MOST = 200
"""How many records a section lists at most."""

LISTING = frozenset({
    "invoices", "payments", "orders", "tasks", "deals", "time", "subscriptions", "reservations", "insurance", "loyalty",
    "checklists", "files", "notes", "inquiries",
})  # fmt: skip


def draw(spot: Spot) -> None:
    """Say how many records there are beyond those that the section lists, and offer the table with all of them."""
    links = [link for link in spot.panel.links if reference_of(link)] if spot.panel.slug in LISTING else []
    if not links or spot.at is not None:
        return
    found = read_related(
        spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id, actor=spot.here.actor,
        links=links, limit=1,
    )  # fmt: skip
    beyond = [one for one in found if one.total > MOST]
    if beyond:
        st.html(html.join([_line(spot, one.link, one.total) for one in beyond]))


def _line(spot: Spot, link: ToMany, total: int) -> Html:
    name = spot.here.catalog.module(link.module).name.lower()
    return Html('<div class="m-sub">{} of {} {} are listed. {}</div>').format(
        MOST, words.number(total), name, table_link(link, "Open all in the table")
    )


def open_table(module: str, reference: str, record_id: str) -> None:
    """Go to the table of a module with the records that point to one; for callbacks."""
    state = state_of(module)
    show_all(module, state)
    state.filter = {"field": reference, "op": "eq", "value": record_id}
    nav.go(module, view="table")
