"""The page Reports: what there is, one report with its chart and numbers, one dashboard; the address says which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import streamlit as st

from crm_core import export, export_xlsx
from crm_core.access import Actor
from crm_core.model import Dashboard, Offered, Report
from crm_core.reports.answer import Result
from crm_core.reports.run import run_report
from crm_core.reports.sql_report import takes_range
from crm_core.reports.store import NEW, dashboards_of, delete_report, if_offered, report_of, reports_of
from crm_core.views import may_change
from pages._ui import feedback, html, nav, report_board, words
from pages._ui.components import Click, clicks
from pages._ui.layout import page, toolbar
from pages._ui.nav import REPORTS
from pages._ui.nothing import nothing
from pages._ui.report_board_page import arrange, back, draw_arrange, draw_board, only_looks
from pages._ui.report_builder import BuilderState, begin, draw_builder, draw_saving
from pages._ui.report_chart import answer_table, draw_chart
from pages._ui.report_range import OWN, Chosen, choose_range, chosen_range, range_words
from pages._ui.report_words import CHARTS, ICONS
from pages._ui.session import Here, here
from pages._ui.state import page_state

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass
class ReportsState:
    """What the page remembers: the range chosen for each report and dashboard, by its slug."""

    ranges: dict[str, Chosen] = field(default_factory=dict)

    def chosen(self, slug: str, default: str) -> Chosen:
        """The range of one of them, at first its own."""
        return self.ranges.setdefault(slug, Chosen(default))


def draw() -> None:
    """Draw the list, or the report or dashboard that the address names."""
    nav.follow()
    now, state = here(), page_state(ReportsState, page="reports")
    asked = st.query_params
    if asked.get("arrange") and now.catalog.modules:
        draw_arrange(now, asked["arrange"])
    elif asked.get("build") and now.catalog.modules:
        _build(now, asked["build"])
    elif asked.get("report"):
        _report(now, state, asked["report"])
    elif asked.get("dashboard"):
        draw_board(
            now,
            state.chosen(f"dashboard:{asked['dashboard']}", _period(now, asked["dashboard"])),
            asked["dashboard"],
        )
    else:
        _list(now)


def _period(now: Here, slug: str) -> str:
    board = now.catalog.dashboards.get(slug)
    return board.period if board is not None else OWN


def _build(now: Here, slug: str) -> None:
    """Build a report: a new one, or another of the one that is named."""
    if only_looks(now, "reports"):
        return
    state = page_state(BuilderState, page="report_builder")
    report = if_offered(now.catalog.reports.get(slug), now.actor)
    if state.slug != (report.slug if report else NEW) or not state.draft:
        begin(state, report, now.catalog.ordered[0].slug)
    with page(report.title if report else "New report", wide=True):
        parts, answer = st.columns([1, 1.5], gap="medium")
        with parts:
            back()
            made = draw_builder(now, state)
        with answer:
            if made is not None:
                draw_saving(now, state, made)
                draw_answer(now, Chosen(made.period), made)


def _list(now: Here) -> None:
    reports, boards = (
        reports_of(now.catalog, actor=now.actor),
        dashboards_of(now.catalog, actor=now.actor),
    )
    with page("Reports", count=words.number(len(reports)) if reports else ""):
        clicks(_clicked, key="clicks:reports")
        if now.actor.role != "viewer" and now.catalog.modules:
            with toolbar(key="report_bar"):
                st.button("New report", icon=":material/add:", type="primary", key="report:new", shortcut="N",
                          on_click=_begin, args=(NEW,))  # fmt: skip
                st.button("New dashboard", icon=":material/dashboard_customize:", key="report:new_board",
                          on_click=arrange, args=(NEW,))  # fmt: skip
        if not reports and not boards:
            nothing("No reports yet", "A report counts records, by what you choose, and draws a chart.",
                    icon_name="monitoring")  # fmt: skip
            return
        parts: list[html.Text] = []
        if boards:
            rows = [_board_row(one) for one in boards]
            parts.append(
                html.table_card("Dashboards", ["Name", "What it tells", "Holds"], rows, count=str(len(rows)))
            )
        for title, found in _sorted_out(reports, now.actor):
            rows = [_report_row(now, one) for one in found]
            columns = ["Name", "What it tells", "Of", "As"]
            if rows:
                parts.append(html.table_card(title, columns, rows, count=str(len(rows))))
        with st.container(key="reports_list"):
            st.html(html.stack(parts))


def _sorted_out(reports: Sequence[Report], actor: Actor) -> list[tuple[str, list[Report]]]:
    mine = [one for one in reports if one.owner == actor.user]
    teams = [one for one in reports if one not in mine and one.shared_with == "team"]
    rest = [one for one in reports if one not in mine and one not in teams]
    return [("Mine", mine), ("My teams'", teams), ("Everybody's", rest)]


def _board_row(board: Dashboard) -> html.Row:
    return html.Row(
        [
            _name(board, "dashboard", "dashboard"),
            _described(board.description),
            words.plural(len(board.cards), "card"),
        ]
    )


def _report_row(now: Here, report: Report) -> html.Row:
    module = now.catalog.modules.get(report.module)
    of = "SQL" if report.sql else module.name if module is not None else report.module
    name = _name(report, "report", ICONS[report.chart])
    return html.Row([name, _described(report.description), of, CHARTS[report.chart]])


def _name(one: Offered, what: str, icon: str) -> html.Html:
    link = html.link(one.title, click=html.click("go", what, one.slug))
    lock = html.icon("lock") if one.locked else html.Html("")
    return html.join([html.icon(icon), link, lock], between=" ")


def _described(text: str) -> html.Html:
    return html.Html('<span class="m-sub" title="{}">{}</span>').format(text, text)


def _clicked(click: Click) -> None:
    if click.verb == "go" and len(click.values) == 2 and click.values[0] in ("report", "dashboard"):
        nav.go(REPORTS, **{click.values[0]: click.values[1]})


def _report(now: Here, state: ReportsState, slug: str) -> None:
    report = feedback.run(lambda: report_of(now.catalog, slug, actor=now.actor), at="here")
    if report is None:
        back()
        return
    with page(report.title, subtitle=report.description, wide=True):
        draw_answer(now, state.chosen(slug, report.period), report, buttons=lambda: _buttons(now, report))


def _buttons(now: Here, report: Report) -> None:
    back()
    if now.actor.role != "viewer":
        st.button("Change", icon=":material/edit:", key="report:change", on_click=_begin, args=(report.slug,))
    if may_change(report, now.actor):
        st.button(
            "Delete", icon=":material/delete:", key="report:delete", on_click=_delete, args=(now, report)
        )


def _begin(slug: str) -> None:
    """Go to the builder, with a saved report or a new one; what was built before is forgotten. For callbacks."""
    page_state(BuilderState, page="report_builder").slug = ""
    nav.go(REPORTS, build=slug)


def _delete(now: Here, report: Report) -> None:
    feedback.run(
        lambda: delete_report(now.lake, report.slug, actor=now.actor), done=f"{report.title} was deleted"
    )
    nav.go(REPORTS)


def draw_answer(
    now: Here, chosen: Chosen, report: Report, *, buttons: Callable[[], None] = lambda: None
) -> None:
    """Draw a report: its range, its chart, and below its numbers, of which each opens its records."""
    asked_at = datetime.now(UTC)
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="report_bar")
    with bar:
        buttons()
        if takes_range(report):
            choose_range(now, chosen, key=f"range:{report.slug}", default=report.period)
    wanted = chosen_range(now, chosen, default=report.period)
    result = feedback.run(
        lambda: run_report(now.lake, now.catalog, report, actor=now.actor, range=wanted, now=asked_at),
        at="here",
    )
    if result is None:
        return
    with bar:
        _export(result)
    if takes_range(report):
        st.html(html.Html('<div class="m-sub">{}</div>').format(range_words(result.range)))
    draw_chart(
        result, key=f"chart:{report.slug}", height=340,
        on_pick=lambda place: report_board.open_records(now, result, place, asked_at),
    )  # fmt: skip
    if result.rows and report.chart != "number":
        clicks(lambda click: _open(now, result, click, asked_at), key="clicks:report")
        with st.container(key="report_numbers"):
            st.html(answer_table(result, clicks=not report.sql))


def _open(now: Here, result: Result, click: Click, asked_at: datetime) -> None:
    if click.verb == "open" and click.values and click.values[0].isdigit():
        place = int(click.values[0])
        if place < len(result.rows):
            report_board.open_records(now, result, place, asked_at)


def _export(result: Result) -> None:
    if not result.rows:
        return
    frame, name = result.frame(), result.report.slug
    with st.popover("Export", icon=":material/download:"):
        st.download_button("Excel", data=lambda: b"".join(export_xlsx.xlsx_pieces(iter([frame]))),
                           file_name=f"{name}.xlsx", mime=XLSX, key="report:xlsx", width="stretch")  # fmt: skip
        st.download_button("CSV", data=lambda: export.frame_as_csv(frame), file_name=f"{name}.csv",
                           mime="text/csv", key="report:csv", width="stretch")  # fmt: skip
        st.download_button("Parquet", data=lambda: export.frame_as_parquet(frame), file_name=f"{name}.parquet",
                           mime="application/vnd.apache.parquet", key="report:parquet", width="stretch")  # fmt: skip
