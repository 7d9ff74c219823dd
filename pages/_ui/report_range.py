"""The choice of a date range: a period by its name, or from a day to a day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core.reports.periods import PERIODS, Range, range_of
from pages._ui.session import Here

OWN, DAYS = "report", "days"
"""Each report its own period; or days of one's choice."""


@dataclass
class Chosen:
    """A range as it was chosen: the name of a period, `report` or `days`, and those days."""

    period: str = OWN
    days: tuple[date, ...] = field(default=())


def choose_range(now: Here, chosen: Chosen, *, key: str, default: str, own: bool = False) -> None:
    """Draw the choice and keep it in `chosen`; with `own` each report may have its own period."""
    offered: dict[str, str] = {OWN: "As each report says"} if own else {}
    offered |= {str(period): name for period, name in PERIODS.items()} | {DAYS: "From – to"}
    if chosen.period not in offered:
        chosen.period = default

    def keep() -> None:
        chosen.period = str(st.session_state[f"{key}:period"])

    def keep_days() -> None:
        chosen.days = tuple(st.session_state[f"{key}:days"])

    st.selectbox(
        "Date range", list(offered), index=list(offered).index(chosen.period), format_func=offered.__getitem__,
        key=f"{key}:period", on_change=keep, label_visibility="collapsed", width=190,
    )  # fmt: skip
    if chosen.period == DAYS:
        days = chosen_range(now, chosen, default=default) or Range()
        st.date_input(
            "From – to", value=(days.first, days.last), key=f"{key}:days",
            on_change=keep_days, label_visibility="collapsed", width=230, format="YYYY-MM-DD",
        )  # fmt: skip


def chosen_range(now: Here, chosen: Chosen, *, default: str) -> Range | None:
    """The days that are chosen; None where each report has its own. A range without its end goes on."""
    if chosen.period == OWN:
        return None if default == OWN else range_of(default, today=today(now))
    if chosen.period == DAYS:
        days = chosen.days or (today(now).replace(day=1), today(now))
        return Range(days[0], days[1] if len(days) > 1 else None)
    return range_of(chosen.period, today=today(now))


def today(now: Here) -> date:
    """The day that it is in the workspace."""
    return datetime.now(UTC).astimezone(ZoneInfo(now.catalog.workspace.time_zone)).date()


def range_words(asked: Range) -> str:
    """A range as people read it."""
    if asked.first is None and asked.last is None:
        return "All time"
    first = f"{asked.first.day} {asked.first:%b %Y}" if asked.first else ""
    last = f"{asked.last.day} {asked.last:%b %Y}" if asked.last else ""
    return f"{first} – {last}" if first and last else f"from {first}" if first else f"until {last}"
