"""Every change of the record's fields: who, when, from what to what."""

from __future__ import annotations

import streamlit as st

from crm_core.timeline import CHANGES, read_timeline
from pages._ui import profile
from pages._ui.sections.base import ProfileSection, Spot

NOTHING = "No field has been changed since the record was made."
MOST = 200


def draw(spot: Spot) -> None:
    """Draw the changes, newest first."""
    page = read_timeline(
        spot.here.lake, spot.here.catalog, module=spot.module, record_id=spot.record_id, actor=spot.here.actor,
        kinds=(CHANGES,), limit=MOST, at=spot.at,
    )  # fmt: skip
    st.html(profile.timeline(spot.here, spot.seen.module, page.entries, title="History", empty=NOTHING))


SECTION = ProfileSection("history", draw)
