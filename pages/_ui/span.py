"""From when to when: two times, of which the end follows the start, or whole days.

    starts, ends = choose_span(record["starts_at"], record["ends_at"], zone=now.zone, key="…", labels=("From", "To"))

Two widgets of Streamlit would each wait for the other's run, and what is typed meanwhile would be lost; here both are
typed in one, and told together.
"""

from __future__ import annotations

from datetime import datetime, time

import streamlit as st

from crm_core import calendars
from pages._ui.calendar import clock
from pages._ui.components import source

_INPUT = '<input type="datetime-local" max="2199-12-31T23:59"'
_SPAN = st.components.v2.component(
    "merganser_span",
    html=f'<div class="span"><label><span></span>{_INPUT}></label>'
    f'<label><span></span>{_INPUT} aria-describedby="wrong"></label>'
    '<label class="whole"><input type="checkbox">All day</label><p class="wrong" id="wrong" role="alert"></p></div>',
    css=source("span.css"),
    js=source("span.js"),
)


def choose_span(
    starts: datetime | None,
    ends: datetime | None,
    *,
    zone: str,
    key: str,
    labels: tuple[str, str],
    problem: str = "",
) -> tuple[datetime | None, datetime | None]:
    """Draw the choice; what was chosen, in UTC.

    An edge whose clock is not changed stays the very instant it was: of an hour that comes twice it may be the second.

    Args:
        starts: When it begins at first (UTC).
        ends: When it ends at first (UTC); None where nobody said.
        zone: Whose clocks are shown (IANA).
        key: Of the component; another key begins anew.
        labels: What the two are called.
        problem: What is wrong with them, until they are changed.
    """
    data = {
        "starts": _shown(starts, zone), "ends": _shown(ends, zone), "labels": list(labels), "problem": problem,
        "whole": whole_days(starts, ends, zone=zone),
    }  # fmt: skip
    told = _SPAN(data=data, key=key, on_span_change=lambda: None).get("span")
    return read_span(told, (starts, ends), zone=zone)


def read_span(
    told: object, before: tuple[datetime | None, datetime | None], *, zone: str
) -> tuple[datetime | None, datetime | None]:
    """What the browser told, as instants; what it did not change, and what is no time, is what was before."""
    parts = told.split(" ") if isinstance(told, str) else []
    if len(parts) != 2:
        return before
    found: list[datetime | None] = []
    for text, old in zip(parts, before, strict=True):
        shown = clock(text)
        same = text == _shown(old, zone) or (shown is None and text != "")
        found.append(old if same else calendars.instant(shown, zone) if shown is not None else None)
    return found[0], found[1]


def whole_days(starts: datetime | None, ends: datetime | None, *, zone: str) -> bool:
    """Whether a span is of whole days, from midnight to midnight."""
    if starts is None or ends is None or ends <= starts:
        return False
    return all(calendars.wall(one, zone).time() == time() for one in (starts, ends))


def _shown(moment: datetime | None, zone: str) -> str:
    return calendars.wall(moment, zone).isoformat(timespec="minutes")[:16] if moment is not None else ""
