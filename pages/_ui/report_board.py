"""A dashboard: cards with reports, each drawn by itself, so that a slow or broken one does not hold the others.

draw_dashboard("service")                       # wherever a dashboard stands: its own page, Home
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import streamlit as st

from crm_core.model import Dashboard, Report
from crm_core.preferences import keep_preference, read_preferences
from crm_core.reports.answer import Result
from crm_core.reports.opening import records_of
from crm_core.reports.periods import Range
from crm_core.reports.run import run_report
from crm_core.reports.sql_report import takes_range
from crm_core.reports.store import dashboard_of, if_offered, report_of
from pages._ui import feedback, html, nav
from pages._ui.nav import REPORTS
from pages._ui.report_chart import answer_table, draw_chart
from pages._ui.report_range import Chosen, chosen_range, range_words
from pages._ui.session import Here, here
from pages._ui.table_state import open_matching

PINNED = "home.dashboards"
"""The preference that lists the dashboards that stand on a person's Home."""
CARD_HEIGHT, ROW_REST = 210, 80
"""Of a chart in pixels, and what a row of cards takes beside its charts: a tall card has both rows for one."""
LEAST_CHART = 84
"""Of the chart of one currency beside others in a card, so that these make it hardly taller than its neighbours."""


def pinned_of(now: Here) -> tuple[str, ...]:
    """The dashboards that the acting person has on Home, by slug, in their order."""
    kept = read_preferences(now.lake, actor=now.actor).get(PINNED)
    return tuple(one for one in kept if isinstance(one, str)) if isinstance(kept, list) else ()


def pin(now: Here, boards: Sequence[str]) -> None:
    """Have these dashboards on the acting person's Home, in this order."""
    keep_preference(now.lake, PINNED, list(boards), actor=now.actor)


def draw_dashboard(slug: str, *, key: str = "board", heading: bool = True) -> None:
    """Draw a dashboard for who acts: his records, each card a fragment that is read beside the others.

    Args:
        slug: Which dashboard; one that is gone, or is not offered to him, says so.
        key: What tells the widgets of one drawing from those of another on the same page.
        heading: Whether its name stands above, as a way to its page.
    """
    now = here()
    board = feedback.run(lambda: dashboard_of(now.catalog, slug, actor=now.actor), at="here")
    if board is None:
        return
    if heading:
        st.button(
            html.plain(board.title), icon=":material/dashboard:", type="tertiary", key=f"{key}:open:{slug}",
            on_click=nav.go, args=(REPORTS,), kwargs={"dashboard": slug},
        )  # fmt: skip
    draw_cards(
        board, range=chosen_range(now, Chosen(board.period), default=board.period), key=f"{key}:{slug}"
    )


def draw_cards(board: Dashboard, *, range: Range | None, key: str) -> None:
    """Draw the cards of a dashboard; `range` is for all of them, None leaves each its own."""
    with st.container(key=f"board_grid:{key}"):
        for place, card in enumerate(board.cards):
            with st.container(key=f"board_w{card.width}h{card.height}:{key}:{place}"):
                height = card.height * CARD_HEIGHT + (card.height - 1) * ROW_REST
                draw = partial(_card, card.report, range, f"{key}:{place}", height)
                st.fragment(draw, key=f"board_card:{key}:{place}", parallel=True)()


def _card(slug: str, range: Range | None, key: str, height: int) -> None:
    nav.follow()
    now, asked_at = here(), datetime.now(UTC)
    report = if_offered(now.catalog.reports.get(slug), now.actor)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"
    ):
        st.button(
            html.plain(report.title if report else slug), type="tertiary", key=f"{key}:report", on_click=nav.go,
            args=(REPORTS,), kwargs={"report": slug},
        )  # fmt: skip
        told = st.container(width="content")
    result = feedback.run(lambda: ask(now, slug, range, asked_at), at="here")
    if result is not None:
        if takes_range(result.report):
            told.html(html.Html('<div class="m-sub">{}</div>').format(range_words(result.range)))
        draw_chart(
            result, key=f"{key}:chart", height=height, least=LEAST_CHART,
            on_pick=lambda place: open_records(now, result, place, asked_at),
        )  # fmt: skip
        if result.rows and result.report.chart not in ("number", "table"):
            # A chart says nothing to who does not see it: the same in words.
            st.html(html.Html('<div class="m-unseen">{}</div>').format(answer_table(result, most=50)))


def ask(now: Here, slug: str, range: Range | None, asked_at: datetime) -> Result:
    """The answer of a saved report for who acts."""
    report = report_of(now.catalog, slug, actor=now.actor)
    return run_report(now.lake, now.catalog, report, actor=now.actor, range=range, now=asked_at)


def open_records(now: Here, result: Result, place: int, asked_at: datetime) -> None:
    """Go to the records behind a row, as a table. For callbacks; a row that no filter can say leads nowhere."""
    behind = records_of(now.catalog, result, result.rows[place], now=asked_at)
    if behind is None:
        feedback.show(feedback.Message(_no_way(result.report)), at="toast")
    else:
        open_matching(result.report.module, behind)


def _no_way(report: Report) -> str:
    if report.sql:
        return "A report in SQL leads to no records."
    return "The rest has no filter of its own: raise the limit of the report to see its groups."
