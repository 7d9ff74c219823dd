"""The page of one dashboard: its cards over a date range, pinned to Home or not, and its arranging."""

from __future__ import annotations

import streamlit as st

from crm_core.model import Dashboard
from crm_core.reports.store import NEW, dashboard_of, delete_dashboard, if_offered
from crm_core.views import may_change
from pages._ui import feedback, html, nav, report_arrange
from pages._ui.layout import page, toolbar
from pages._ui.nav import REPORTS
from pages._ui.nothing import nothing
from pages._ui.report_arrange import ArrangeState
from pages._ui.report_board import draw_cards, pin, pinned_of
from pages._ui.report_range import OWN, Chosen, choose_range, chosen_range
from pages._ui.session import Here
from pages._ui.state import page_state


def draw_board(now: Here, chosen: Chosen, slug: str) -> None:
    """Draw a dashboard that the address names; one that is not there says so."""
    board = feedback.run(lambda: dashboard_of(now.catalog, slug, actor=now.actor), at="here")
    if board is None:
        back()
        return
    with page(board.title, subtitle=board.description, wide=True):
        with toolbar(key="report_bar"):
            back()
            choose_range(
                now, chosen, key=f"range:dashboard:{slug}", default=board.period, own=board.period == OWN
            )
            _buttons(now, board)
        if board.cards:
            draw_cards(board, range=chosen_range(now, chosen, default=board.period), key=slug)
        else:
            nothing("No cards yet", "Reports that are added stand here.", icon_name="dashboard_customize")


def _buttons(now: Here, board: Dashboard) -> None:
    pinned = board.slug in pinned_of(now)
    st.button(
        "On Home" if pinned else "Pin to Home", icon=":material/keep:" if pinned else ":material/keep_off:",
        key="board:pin", on_click=_pin, args=(now, board.slug, not pinned),
        help="Take it off your Home" if pinned else "Have it on your Home",
    )  # fmt: skip
    if now.actor.role != "viewer":
        st.button(
            "Arrange",
            icon=":material/dashboard_customize:",
            key="board:arrange",
            on_click=arrange,
            args=(board.slug,),
        )
    if may_change(board, now.actor):
        st.button("Delete", icon=":material/delete:", key="board:delete", on_click=_delete, args=(now, board))


def _pin(now: Here, slug: str, on: bool) -> None:
    rest = [one for one in pinned_of(now) if one != slug]
    pin(now, [*rest, slug] if on else rest)


def _delete(now: Here, board: Dashboard) -> None:
    feedback.run(
        lambda: delete_dashboard(now.lake, board.slug, actor=now.actor), done=f"{board.title} was deleted"
    )
    nav.go(REPORTS)


def only_looks(now: Here, what: str) -> bool:
    """Whether the actor makes none of them, which the page says then."""
    if now.actor.role != "viewer":
        return False
    st.html(html.note(f"You may look at {what}; agents and administrators make them.", color="blue"))
    return True


def arrange(slug: str) -> None:
    """Go to the arranging of a saved dashboard or a new one; what was arranged before is forgotten. For callbacks."""
    page_state(ArrangeState, page="dashboard").board = None
    nav.go(REPORTS, arrange=slug)


def draw_arrange(now: Here, slug: str) -> None:
    """Draw the arranging of the dashboard that the address names, or of a new one."""
    if only_looks(now, "dashboards"):
        return
    state = page_state(ArrangeState, page="dashboard")
    board = if_offered(now.catalog.dashboards.get(slug), now.actor)
    if state.board is None or state.board.slug != (board.slug if board else NEW):
        report_arrange.begin(state, board)
    with page(board.title if board else "New dashboard", wide=True):
        back()
        report_arrange.draw_arranging(now, state)


def back() -> None:
    """The way back to the list."""
    st.button(
        "All reports", icon=":material/arrow_back:", key="report:back", on_click=nav.go, args=(REPORTS,)
    )
