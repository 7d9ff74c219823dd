"""What a flow would have done over a span of the past: counts, a chart over time, and samples old → new."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import streamlit as st

from crm_core.query import titles
from flows.backtest import Backtest, Sample, backtest
from flows.events import expand
from flows.model import FlowDefinition, to_flow_document
from flows.triggers import OF_THE_CLOCK, OF_THE_PAST
from pages._ui import feedback, html, words
from pages._ui.flow_became import Became, outcome_badge
from pages._ui.flows_runs import record_link
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context

SPANS: dict[int, str] = {7: "7 days", 30: "30 days", 90: "90 days", 365: "A year", 0: "All that is kept"}
SAMPLES = 10
COLORS = {
    "matched": "#9aa0f5", "changed": "#f59e5b", "created": "#5b9cf5", "sent": "#3fb774", "skipped": "#d8b13a",
    "failed": "#e05b5b",
}  # fmt: skip


def draw(now: Here, state: FlowsState, flow: FlowDefinition) -> None:
    """Draw the choice of a span, and what was found when it was looked back over."""
    st.html(html.Html('<div class="m-part">{}<b>Over the past</b></div>').format(html.icon("history")))
    if expand(now.catalog, flow).trigger.event not in OF_THE_PAST:
        text = (
            "The past tells what became of records, and when. This flow waits for a person or another system."
        )
        st.html(html.Html('<div class="m-sub">{}</div>').format(text))
        return

    def chosen() -> None:
        state.span = int(st.session_state["past:span"])

    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="past_bar"):
        st.session_state["past:span"] = state.span
        st.segmented_control("Span", list(SPANS), required=True, key="past:span", on_change=chosen,
                             format_func=SPANS.__getitem__, label_visibility="collapsed")  # fmt: skip
        asked = st.button("Look back", icon=":material/history:", key="past:go")
    document = to_flow_document(flow)
    if asked:
        since = datetime.now(UTC) - timedelta(days=state.span) if state.span else None
        with st.spinner("Looking back …"):
            found = feedback.run(
                lambda: backtest(now.lake, flow, actor=now.actor, since=since, sample=SAMPLES), at="here"
            )
        state.past = (document, found) if found else None
    if state.past is not None and state.past[0] == document:
        _found(now, flow, state.past[1])


def _found(now: Here, flow: FlowDefinition, past: Backtest) -> None:
    became = Became(now, FlowWords(now.catalog, field_context(now), flow))
    clocked = expand(now.catalog, flow).trigger.event in OF_THE_CLOCK
    st.html(_figures(past, "States of records looked at" if clocked else "Changes looked at"))
    for note in past.notes:
        st.html(html.Html('<div class="m-sub">{}</div>').format(note))
    if not past.matched:
        return
    outcomes = [name for name in COLORS if name != "matched" and any(getattr(day, name) for day in past.days)]
    shown = outcomes or ["matched"]
    if past.days:
        frame = pl.DataFrame(
            [{"Day": day.day, **{name: getattr(day, name) for name in shown}} for day in past.days]
        )
        frame = frame.with_columns(pl.col("Day").str.to_date(strict=False))
        st.bar_chart(frame, x="Day", y=shown, color=[COLORS[name] for name in shown], stack=True, height=220,
                     y_label="", x_label="")  # fmt: skip
    names = titles(now.lake, now.catalog, actor=now.actor,
                   wanted={past.module: [one.record_id for one in past.samples]})  # fmt: skip
    samples = [_sample(now, became, past.module, one, names) for one in past.samples]
    st.html(
        html.Html('<div class="m-stack">{}</div>').format(
            html.join([_steps(became, past), html.timeline_card("Samples", samples, count=str(len(samples)))])
        )
    )


def _figures(past: Backtest, looked_at: str) -> html.Html:
    figures = [
        html.Kpi(looked_at, words.number(past.changes)),
        html.Kpi("Would have matched", words.number(past.matched), f"{past.records:,} records"),
    ]
    for outcome, label in (
        ("changed", "Changed"),
        ("created", "Made"),
        ("sent", "Sent"),
        ("skipped", "Skipped"),
    ):
        figures.append(html.Kpi(label, words.number(past.count(outcome))))
    if past.failed:
        figures.append(html.Kpi("Failed", words.number(past.failed), tone="bad"))
    figures.append(html.Kpi("Took", f"{past.seconds:.1f} s", "nothing was written"))
    return html.kpi_strip(figures)


def _steps(became: Became, past: Backtest) -> html.Html:
    rows = [
        html.Row([str(one.step + 1), became.title(one.step, one.action), outcome_badge(one.outcome), one.detail or "",
                  words.number(one.count)])
        for one in past.steps
    ]  # fmt: skip
    return html.table_card("Step by step", ["Step", "", "Outcome", "Why", "How often"], rows, right_aligned=(4,),
                           empty="No step would have done anything.")  # fmt: skip


def _sample(now: Here, became: Became, module: str, one: Sample, names: dict[str, str]) -> html.Event:
    steps = html.timeline(became.events(one.steps)) if one.steps else html.Html("")
    color = "red" if one.error else "green"
    event = html.Html('<span class="m-muted">{}</span>').format(one.event)
    head = html.join([record_link(module, one.record_id, names), " ", event])
    inner = html.Html('<div class="m-arm">{}</div>').format(steps) if one.steps else html.Html("")
    return html.Event("error" if one.error else "check", color, head, words.moment(one.occurred_at, zone=now.zone),
                      one.error or "", inner)  # fmt: skip
