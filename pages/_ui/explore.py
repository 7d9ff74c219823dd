"""The SQL door in the browser: an editor, the schema beside it, the answer as a table or a chart, and export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
import streamlit as st

from crm_core import explore, export
from crm_core.model import Module
from lake.sql_door import QueryResult
from pages._ui import feedback, html, nav, words
from pages._ui.layout import page, toolbar
from pages._ui.nothing import nothing, to_modules
from pages._ui.session import Here, here
from pages._ui.state import page_state

CHARTS = {"bar": "Bars", "line": "Line", "area": "Area", "scatter": "Points"}


@dataclass
class ExploreState:
    """What the page remembers: the statement, and the answer with whom and what it was read for."""

    sql: str = ""
    ran: tuple[str, str, QueryResult] | None = None


def draw() -> None:
    """Draw the page."""
    nav.follow()
    now = here()
    if not now.catalog.modules:
        nothing("Nothing to ask yet", "There is no module, so there is no table.", icon_name="database",
                actions=[to_modules()] if now.actor.role == "admin" else [])  # fmt: skip
        return
    state = page_state(ExploreState, page="explore")
    state.sql = state.sql or _first(now)
    with page(
        "Explore",
        subtitle="Ask the lake in SQL. You see the records that you may see, and nothing changes.",
        wide=True,
    ):
        editor, schema = st.columns([2.6, 1], gap="medium")
        with schema:
            _schema(now)
        with editor:
            _editor(now, state)
            if state.ran is not None and state.ran[0] == now.actor.user:
                _answer(now, state, state.ran[2])
            else:
                _examples(now, state)


def _first(now: Here) -> str:
    return _by_status(now.catalog.ordered[0])


def _by_status(module: Module) -> str:
    return f"SELECT status, count(*) AS records\nFROM {module.slug}\nGROUP BY status\nORDER BY records DESC"


def _by_month(module: Module) -> str:
    month = "strftime(created_at, '%Y-%m')"
    return f"SELECT {month} AS month, count(*) AS records\nFROM {module.slug}\nGROUP BY month\nORDER BY month"


def _examples(now: Here, state: ExploreState) -> None:
    """Questions to begin with, over the first modules; a click asks them."""
    st.html(html.section_header("Begin with"))
    with st.container(horizontal=True, gap="small", key="explore_examples"):
        for module in now.catalog.ordered[:2]:
            for told, sql in (("by status", _by_status(module)), ("by month", _by_month(module))):
                st.button(
                    f"{module.name} {told}", key=f"explore:example:{module.slug}:{told}", on_click=_ask,
                    args=(now, state, sql),
                )  # fmt: skip


def _ask(now: Here, state: ExploreState, sql: str) -> None:
    st.session_state["explore:sql"] = sql
    _run(now, state)


def _editor(now: Here, state: ExploreState) -> None:
    st.text_area("SQL", value=state.sql, key="explore:sql", height=170, label_visibility="collapsed")
    with toolbar(key="explore_bar"):
        st.button("Run", type="primary", icon=":material/play_arrow:", key="explore:run", shortcut="Ctrl+Enter",
                  on_click=_run, args=(now, state))  # fmt: skip


def _run(now: Here, state: ExploreState) -> None:
    state.sql = st.session_state["explore:sql"]
    found = feedback.run(lambda: explore.run_query(now.lake, now.catalog, sql=state.sql, actor=now.actor))
    state.ran = (now.actor.user, state.sql, found) if found is not None else None


def _answer(now: Here, state: ExploreState, result: QueryResult) -> None:
    rows = words.plural(result.table.num_rows, "row")
    cut = "the first " if result.truncated else ""
    st.html(html.Html('<div class="m-sub">{}{} in {:.2f} s</div>').format(cut, rows, result.seconds))
    frame = pl.from_arrow(result.table)
    if not isinstance(frame, pl.DataFrame) or frame.is_empty():
        st.html(
            html.empty_state("No rows", "The statement is right; nothing matches it.", icon_name="database")
        )
        return
    with toolbar(key="explore_views"):
        view = st.segmented_control(
            "View",
            ["Table", "Chart"],
            default="Table",
            required=True,
            key="explore:view",
            label_visibility="collapsed",
        )
        st.download_button(
            "CSV", data=lambda: export.frame_as_csv(frame), file_name="explore.csv", mime="text/csv", key="explore:csv",
            icon=":material/download:",
        )  # fmt: skip
        st.download_button(
            "Parquet", data=lambda: export.frame_as_parquet(frame), file_name="explore.parquet", key="explore:parquet",
            mime="application/vnd.apache.parquet", icon=":material/download:",
        )  # fmt: skip
    if view == "Chart":
        _chart(frame)
    else:
        st.dataframe(frame, width="stretch", hide_index=True, height=min(520, 36 * (frame.height + 1) + 4))


def _chart(frame: pl.DataFrame) -> None:
    numbers = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    others = [name for name in frame.columns if name not in numbers] or frame.columns
    if not numbers:
        st.html(html.note("A chart needs a column of numbers, such as count(*).", color="blue"))
        return
    with toolbar(key="explore_chart"):
        kind = st.selectbox("Chart", list(CHARTS), format_func=CHARTS.__getitem__, key="explore:chart")
        x = st.selectbox("Across", others, key="explore:x")
        y = st.multiselect("Figures", numbers, default=numbers[:1], key="explore:y")
    draw_chart: dict[str, Any] = {
        "bar": st.bar_chart, "line": st.line_chart, "area": st.area_chart, "scatter": st.scatter_chart,
    }  # fmt: skip
    if y:
        draw_chart[kind](frame, x=x, y=y, height=380)


def _schema(now: Here) -> None:
    st.html(html.section_header("Tables", str(len(now.catalog.modules))))
    with st.container(key="explore_tables"):
        for slug, columns in explore.schema(now.catalog).items():
            module = now.catalog.module(slug)
            with st.expander(slug, icon=f":material/{module.icon}:"):
                rows = [
                    (name, html.Html("<code>{}</code>").format(kind.lower()))
                    for name, kind in columns.items()
                ]
                st.html(html.kv_card(module.name, rows))
