"""Moments before, at or after a date of a record: of a trigger, and of a wait."""

from __future__ import annotations

from datetime import time
from typing import Any

import streamlit as st

from pages._ui import html
from pages._ui.conditions import fields_of
from pages._ui.flow_desk import Desk
from pages._ui.rules import UNITS, split_span


def edit_date(desk: Desk, trigger: dict[str, Any]) -> None:
    """A date field, how long before or after it, and the time of that day."""
    known = {
        f.slug: f.name for f in fields_of(desk.catalog, desk.draft.module) if f.kind in ("date", "datetime")
    }
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="flow_date"):
        edit_offset(desk, trigger, name="field", known=known, key=desk.key("date", desk.draft.module))


def edit_offset(desk: Desk, given: dict[str, Any], *, name: str, known: dict[str, str], key: str) -> None:
    """The widgets of a moment that lies before, at or after a date: of a trigger, or of a wait."""
    offset = str(given.get("offset", "0")).strip()
    side = "at" if offset.strip("+-0dh ") == "" else "before" if offset.startswith("-") else "after"
    number, unit = split_span(offset.lstrip("+-")) if side != "at" else (1, "d")

    def put() -> None:
        chosen = st.session_state[f"{key}:side"]
        span = f"{st.session_state.get(f'{key}:number', number)}{st.session_state.get(f'{key}:unit', unit)}"
        given.pop("offset", None)
        if chosen != "at":
            given["offset"] = f"-{span}" if chosen == "before" else span

    def put_time() -> None:
        at = st.session_state[f"{key}:time"]
        given.pop("at", None)
        if at is not None:
            given["at"] = f"{at:%H:%M}"

    if side != "at":
        st.number_input("How long", min_value=1, max_value=9999, value=number, key=f"{key}:number", on_change=put,
                        width=104)  # fmt: skip
        st.selectbox("Unit", list(UNITS), index=list(UNITS).index(unit), format_func=UNITS.__getitem__,
                     key=f"{key}:unit", on_change=put, width=110, label_visibility="hidden")  # fmt: skip
    sides = {"before": "before", "at": "on the day of", "after": "after"}
    st.selectbox("When", list(sides), index=list(sides).index(side), format_func=sides.__getitem__, key=f"{key}:side",
                 on_change=put, width=140)  # fmt: skip
    values = [*known, *([given[name]] if given.get(name) and given[name] not in known else [])]
    now = given.get(name)
    st.selectbox("Date", values, index=values.index(now) if now in values else None, key=f"{key}:field",
                 format_func=lambda one: known.get(one, one),
                 on_change=lambda: given.update({name: st.session_state[f"{key}:field"]}))  # fmt: skip
    at = given.get("at")
    clock = time.fromisoformat(at) if at else None
    st.time_input("At", value=clock, key=f"{key}:time", on_change=put_time, width=110,
                  help=f"In the zone {html.plain(desk.catalog.workspace.time_zone)}.")  # fmt: skip
