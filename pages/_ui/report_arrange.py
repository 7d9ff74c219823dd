"""Arranging a dashboard: which reports stand on it, in which order, how wide; saved when it is as it should be."""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from crm_core.model import Dashboard
from crm_core.model.reports import Card
from crm_core.reports.periods import PERIODS
from crm_core.reports.store import NEW, reports_of, save_dashboard
from pages._ui import html, nav
from pages._ui.nav import REPORTS
from pages._ui.nothing import nothing
from pages._ui.report_range import OWN
from pages._ui.report_save import draw_save
from pages._ui.report_words import CHARTS
from pages._ui.session import Here

MOST_CARDS = 24
WIDTHS = {1: "Narrow", 2: "Wide", 3: "Full"}


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
    made = state.board.model_copy(update={"cards": tuple(card for _, card in state.cards), "period": period})
    draw_save(
        now, made, key=f"{key}:save", save=lambda one: save_dashboard(now.lake, one, actor=now.actor),
        on_saved=lambda slug: nav.go(REPORTS, dashboard=slug),
    )  # fmt: skip
    if not state.cards:
        nothing("No cards yet", "Add the first report above.", icon_name="dashboard_customize")
        return
    with st.container(key="board_grid:arrange"):
        for place, (number, card) in enumerate(state.cards):
            with st.container(key=f"board_w{card.width}:arrange:{number}"):
                _draw_card(now, state, place, key)


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


def _draw_card(now: Here, state: ArrangeState, place: int, key: str) -> None:
    number, card = state.cards[place]
    report = now.catalog.reports.get(card.report)
    title, chart = (report.title, CHARTS[report.chart]) if report else (card.report, "Gone")
    told = html.Html('<div><b>{}</b><div class="m-sub">{}</div></div>')
    st.html(told.format(title, chart))
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        for icon, by, words in (("arrow_back", -1, "earlier"), ("arrow_forward", 1, "later")):
            st.button(
                "", icon=f":material/{icon}:", key=f"{key}:{number}:{words}", help=f"Move {title} {words}",
                disabled=not 0 <= place + by < len(state.cards), on_click=_move, args=(state, number, by),
            )  # fmt: skip
        st.segmented_control(
            f"Width of {title}", list(WIDTHS), default=card.width, required=True, format_func=WIDTHS.__getitem__,
            key=f"{key}:{number}:width", label_visibility="collapsed", on_change=_widen, args=(state, number, key),
        )  # fmt: skip
        st.button(
            "", icon=":material/close:", key=f"{key}:{number}:remove", type="tertiary", help=f"Remove {title}",
            on_click=_remove, args=(state, number),
        )  # fmt: skip


def _add(state: ArrangeState, card: Card) -> None:
    state.given += 1
    state.cards.append((state.given, card))


def _move(state: ArrangeState, number: int, by: int) -> None:
    place = next(at for at, (one, _) in enumerate(state.cards) if one == number)
    state.cards.insert(place + by, state.cards.pop(place))


def _widen(state: ArrangeState, number: int, key: str) -> None:
    width = int(st.session_state[f"{key}:{number}:width"])
    state.cards = [
        (one, card.model_copy(update={"width": width}) if one == number else card)
        for one, card in state.cards
    ]


def _remove(state: ArrangeState, number: int) -> None:
    state.cards = [(one, card) for one, card in state.cards if one != number]
