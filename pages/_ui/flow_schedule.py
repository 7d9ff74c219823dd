"""The part of a trigger that a clock sets off: a cron line, in words, with the next moments at which it fires."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import streamlit as st

from flows.cron import cron_problem, next_firing
from pages._ui import html
from pages._ui.flow_desk import Desk
from pages._ui.flow_event_words import cron_words

FIRINGS = 3
USUAL = ("0 9 * * *", "0 9 * * MON-FRI", "0 9 * * MON", "0 9 1 * *", "0 * * * *", "*/15 * * * *")


def edit_schedule(desk: Desk, trigger: dict[str, Any]) -> None:
    """A cron line, chosen or written, its time zone, and when it fires next."""
    key, zone_key = desk.key("cron"), desk.key("zone")
    now = str(trigger.get("cron", ""))
    usual = [*USUAL, *([now] if now not in USUAL else [])]
    own = desk.catalog.workspace.time_zone

    def zone_chosen() -> None:
        trigger["time_zone"] = st.session_state[zone_key]
        if trigger["time_zone"] == own:
            trigger.pop("time_zone")

    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="flow_schedule"):
        st.selectbox(
            "At which times", usual, index=usual.index(now), key=key, accept_new_options=True,
            format_func=lambda line: f"{_capital(cron_words(line))}  ({line})",
            on_change=lambda: trigger.update(cron=st.session_state[key] or now),
            help="Choose one, or write a cron line: minute, hour, day of month, month, day of week.",
        )  # fmt: skip
        zone = str(trigger.get("time_zone") or own)
        zones = sorted({*available_timezones(), zone})
        st.selectbox("Time zone", zones, index=zones.index(zone), key=zone_key, on_change=zone_chosen)
    st.html(next_firings(now, zone))


def next_firings(line: str, zone: str) -> html.Html:
    """A cron line in words with the next moments at which it fires."""
    problem = cron_problem(line)
    if problem:
        return html.problem(problem)
    place, at, moments = ZoneInfo(zone), datetime.now(UTC), list[str]()
    for _ in range(FIRINGS):
        found = next_firing(line, at, place)
        if found is None:
            break
        at = found
        moments.append(f"{found.astimezone(place):%a %d %b, %H:%M}")
    told = html.Html(
        '<div class="m-sub">{}. Next: <b>{}</b>. Each of the records that then meets the condition.</div>'
    )
    return told.format(_capital(cron_words(line)), " · ".join(moments))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
