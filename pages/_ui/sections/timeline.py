"""Everything dated that belongs to a record, newest first."""

from __future__ import annotations

import streamlit as st

from crm_core.timeline import CHANGES, read_timeline, routes_to
from pages._ui import profile
from pages._ui.layout import redraw
from pages._ui.sections.base import ProfileSection, Spot
from pages._ui.workspace_state import WorkspaceState

NOTHING = "Nothing yet. Inquiries, messages, tasks and whatever else is dated stand here as they come in."
MORE = 40


def draw(spot: Spot) -> None:
    """Draw the entries of the chosen kinds."""
    catalog, module = spot.here.catalog, spot.seen.module
    kinds = [*routes_to(catalog, module.slug), CHANGES]
    labels = {kind: catalog.module(kind).name for kind in kinds if kind != CHANGES} | {
        CHANGES: "Field changes"
    }
    chosen = st.pills("Kinds", kinds, selection_mode="multi", format_func=labels.__getitem__, key="kinds",
                      label_visibility="collapsed")  # fmt: skip
    page = read_timeline(
        spot.here.lake, catalog, module=module.slug, record_id=spot.record_id, actor=spot.here.actor,
        kinds=chosen or (), limit=spot.state.entries, at=spot.at,
    )  # fmt: skip
    st.html(profile.timeline(spot.here, module, page.entries, empty=NOTHING))
    if page.next:
        st.button("Show older", key="older", on_click=_older, args=(spot.state,))


def _older(state: WorkspaceState) -> None:
    state.entries += MORE
    redraw("centre")


SECTION = ProfileSection("timeline", draw)
