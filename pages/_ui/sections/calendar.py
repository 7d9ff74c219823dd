"""The calendar of a record: what is to come, booked and moved by dragging it."""

from __future__ import annotations

import streamlit as st

from crm_core.figures import calendar as figure
from pages._ui import calendar_board, html, words
from pages._ui.calendar_board import Board
from pages._ui.sections.acting import belonging, question, told
from pages._ui.sections.base import ProfileSection, Spot


def draw(spot: Spot) -> None:
    """Draw what is to come, and the calendar."""
    found = figure.read(**question(spot))
    when = words.moment(found.next_at, zone=spot.here.zone) if found.next_at else ""
    first, *rest = found.figure
    shown = html.Kpi(first.label, when, str(first.value)) if when else html.Kpi(first.label, told(first))
    st.html(html.kpi_strip([shown, *(html.Kpi(one.label, told(one)) for one in rest)]))
    calendar_board.draw(
        Board(
            spot.here, key=f"calendar:{spot.record_id}", within=spot.state.within, locked=spot.locked, at=spot.at,
            then=spot.state.as_of, about=(spot.module, spot.record_id), given=belonging(spot, figure.APPOINTMENTS),
        )
    )  # fmt: skip


SECTION = ProfileSection("calendar", draw)
