"""Automation in the right panel: the flows that can be run on the record; each shows first what it would do."""

from __future__ import annotations

import streamlit as st

from crm_core.profile import Head
from flows.active import flows_for
from pages._ui import flow_preview, html
from pages._ui.session import Here

PLACE = "right"


def draw(here: Here, seen: Head) -> None:
    """The flows that wait for a hand as buttons; any other active one of this module and folder can be run too."""
    record = str(seen.record["id"])
    flow_preview.draw(here, PLACE, record=record)
    found = flows_for(here.catalog, seen.module.slug, folder=seen.record["folder"], actor=here.actor)
    if not found:
        return
    st.html(html.section_header("Automation"))
    others = {flow.flow: flow.title for flow in found if flow.trigger.event != "manual"}
    for flow in found:
        if flow.flow not in others:
            st.button(
                flow.title, key=f"run:{flow.flow}:{record}", icon=":material/bolt:", width="stretch",
                help=flow.description or None, on_click=_ask, args=(seen, flow.flow),
            )  # fmt: skip
    if others:
        key = f"run:other:{record}"
        st.menu_button(
            "Run a flow", list(others), format_func=others.__getitem__, icon=":material/bolt:", width="stretch",
            key=key, on_click=_chosen, args=(seen, key),
        )  # fmt: skip


def _ask(seen: Head, flow: str) -> None:
    flow_preview.ask(PLACE, module=seen.module.slug, record=str(seen.record["id"]), flow=flow)


def _chosen(seen: Head, key: str) -> None:
    chosen = st.session_state.get(key)
    if chosen:
        _ask(seen, str(chosen))
