"""The first section: figures, the fields by section, and the newest of everything that belongs to the record."""

from __future__ import annotations

import streamlit as st

from pages._ui import html, profile, record_fields
from pages._ui.sections.base import ProfileSection, Spot

NEWEST = 8


def draw(spot: Spot) -> None:
    """Draw the fields first, then what belongs to the record."""
    now, seen = spot.here, spot.seen
    belongings = profile.read_belongings(now, seen, at=spot.at)
    # What is open and unread is so now; of the past it is not told.
    figures = profile.figures(now, seen, belongings) if spot.at is None else []
    if figures and (seen.module.profile or any(figure.value not in ("0", "–") for figure in figures)):
        st.html(html.kpi_strip(figures))
    record_fields.draw_sections(now, seen, spot.state, locked=spot.locked)
    st.html(profile.belongings_card(now, seen, belongings, newest=NEWEST, locked=spot.locked))


SECTION = ProfileSection("overview", draw)
