"""A list of related records, for whatever module has no section of its own."""

from __future__ import annotations

import streamlit as st

from crm_core.related import read_related
from pages._ui import html, profile
from pages._ui.sections.base import ProfileSection, Spot

MOST = 200


def draw(spot: Spot) -> None:
    """Draw the newest records of the section's links, each a link to its record."""
    found = read_related(
        spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id, actor=spot.here.actor,
        links=spot.panel.links, limit=MOST, at=spot.at,
    )  # fmt: skip
    st.html(html.stack([profile.related_card(spot.here, related, locked=spot.locked) for related in found]))


SECTION = ProfileSection("records", draw)
