"""Arranging a dashboard: which reports stand on it, in which order, how large; saved when it is as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from crm_core.model import Dashboard
from crm_core.model.reports import Card
from crm_core.reports.periods import PERIODS
from crm_core.reports.store import NEW, if_offered, reports_of, save_dashboard
from pages._ui import html, nav
from pages._ui.cards import MOST_CARDS, Place, Tile, arrange
from pages._ui.nav import REPORTS
from pages._ui.nothing import nothing
from pages._ui.report_range import OWN
from pages._ui.report_save import draw_save
from pages._ui.report_words import CHARTS, ICONS
from pages._ui.session import Here

HOW = "Drag a card to its place, and its corner to size it; the handle and the menu of a card do the same."


@dataclass
class ArrangeState:
    """The dashboard as it is arranged, and of which saved one; cards have numbers, so that widgets keep theirs."""

    board: Dashboard | None = None
    cards: list[tuple[int, Card]] = field(default_factory=list)
    given: int = 0


def begin(state: ArrangeState, board: Dashboard | None) -> None:
    """Begin with a saved dashboard, or with an empty one."""
    state.board = board or Dashboard(slug=NEW, shared_with="me")
    state.cards = []
    for card in state.board.cards:
        _add(state, card)


def draw_arranging(now: Here, state: ArrangeState) -> None:
    """Draw the cards with what moves, widens and removes them, and the form that saves."""
    assert state.board is not None
    key = f"arrange:{state.board.slug}"
    periods = {OWN: "As each report says"} | {str(one): name for one, name in PERIODS.items()}
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="arrange_bar"):
        period = st.selectbox(
            "Date range at first", list(periods), index=list(periods).index(state.board.period),
            format_func=periods.__getitem__, key=f"{key}:period", width=200,
        )  # fmt: skip
        _draw_add(now, state, key)

    def save(made: Dashboard) -> str:
        # As they stand when the button is pressed: the last card may have been put to its place just before.
        kept = made.model_copy(update={"cards": tuple(card for _, card in state.cards)})
        return save_dashboard(now.lake, kept, actor=now.actor)

    draw_save(
        now, state.board.model_copy(update={"period": period}), key=f"{key}:save", save=save,
        on_saved=lambda slug: nav.go(REPORTS, dashboard=slug),
    )  # fmt: skip
    if not state.cards:
        nothing("No cards yet", "Add the first report above.", icon_name="dashboard_customize")
        return
    arrange(
        [_tile(now, number, card) for number, card in state.cards], key=f"{key}:cards",
        version=f"{state.board.slug} {state.given}", on_change=lambda places: take(state, places),
    )  # fmt: skip
    st.html(html.Html('<div class="m-sub">{}</div>').format(HOW))


def take(state: ArrangeState, places: Sequence[Place]) -> None:
    """Take the cards as they were put; what is not among them was removed."""
    cards = dict(state.cards)
    state.cards = [
        (one.id, cards[one.id].model_copy(update={"width": one.width, "height": one.height}))
        for one in places
        if one.id in cards
    ]


def _tile(now: Here, number: int, card: Card) -> Tile:
    report = if_offered(now.catalog.reports.get(card.report), now.actor)
    title, chart, icon = (
        (report.title, CHARTS[report.chart], ICONS[report.chart]) if report else (card.report, "Gone", "help")
    )
    return Tile(number, title, chart, icon, card.width, card.height)


def _draw_add(now: Here, state: ArrangeState, key: str) -> None:
    offered = {one.slug: one for one in reports_of(now.catalog, actor=now.actor)}

    def add() -> None:
        chosen = st.session_state[f"{key}:add"]
        if chosen in offered and len(state.cards) < MOST_CARDS:
            _add(state, Card(report=chosen, width=1))
            st.session_state[f"{key}:add"] = None

    st.selectbox(
        "Add a report", list(offered), index=None, format_func=lambda slug: offered[slug].title, key=f"{key}:add",
        on_change=add, placeholder="Choose a report", width=300,
    )  # fmt: skip


def _add(state: ArrangeState, card: Card) -> None:
    state.given += 1
    state.cards.append((state.given, card))
