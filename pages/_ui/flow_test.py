"""Trying a flow before it runs: what it would do to a record now, and what it would have done in the past."""

from __future__ import annotations

import streamlit as st

from flows.model import FlowDefinition
from flows.store import FlowInfo, known_users
from flows.trial import try_flow
from flows.trial_effects import TrialRecord
from pages._ui import feedback, flow_backtest, html, words
from pages._ui.flow_became import Became
from pages._ui.flow_problems import find_problems
from pages._ui.flow_sample import choose_sample, newest
from pages._ui.flows_runs import leaf_table
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context

VERDICTS = {
    "done": ("It would act on this record.", "green"),
    "waiting": ("It would act on this record, and then wait.", "green"),
    "not_matched": ("It would leave this record alone: see which comparison says no.", "orange"),
    "failed": ("It would fail on this record", "red"),
}


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw what the flow (with what is not saved yet) would do to a record, and the way into the past."""
    if flow.definition.module not in now.catalog.modules:
        return
    tried = _tried(now, state, flow)
    if tried is None:
        st.html(
            html.note("The draft cannot run yet: see on the tab Definition what is missing.", color="orange")
        )
        return
    if tried is not flow.definition:
        st.html(
            html.Html('<div class="m-sub">{}</div>').format("The draft is tried as it stands, saved or not.")
        )
    with st.container(key="flow_try", gap="small"):
        _on_a_record(now, state, tried)
    with st.container(key="flow_past", gap="small"):
        flow_backtest.draw(now, state, tried)


def _tried(now: Here, state: FlowsState, flow: FlowInfo) -> FlowDefinition | None:
    """The flow as it is being edited, else as it was saved last; None when the edit cannot be read."""
    draft = state.draft
    if draft is None or draft.head.get("flow") != flow.flow:
        return flow.definition
    found = find_problems(now.catalog, draft, users=known_users(now.lake))
    return None if found.count else found.flow


def _on_a_record(now: Here, state: FlowsState, flow: FlowDefinition) -> None:
    sample = state.sample or newest(now, flow.module)
    st.html(html.Html('<div class="m-part">{}<b>On a record</b></div>').format(html.icon("science")))
    if not sample:
        one = now.catalog.module(flow.module).one.lower()
        st.html(html.Html('<div class="m-sub">There is no {} yet to try it on.</div>').format(one))
        return
    choose_sample(now, state, module=flow.module, sample=sample, said="Tried on", key="try:sample")
    tried = feedback.run(lambda: try_flow(now.lake, flow, actor=now.actor, ids=[sample]), at="here")
    if tried is not None and tried.records:
        told = Became(now, FlowWords(now.catalog, field_context(now), flow))
        st.html(show_trial(told, tried.records[0]))


def show_trial(became: Became, record: TrialRecord) -> html.Html:
    """What would become of one record: the verdict, each comparison, and each step with old and new values."""
    said, color = VERDICTS.get(record.state, (words.readable(record.state), "gray"))
    verdict = f"{said}: {record.error}" if record.error else said
    parts: list[html.Text] = [
        html.note(f"{verdict} Nothing was written.", color=color),
        leaf_table(became.told, record.leaves, title="Condition, on the record as it is now"),
    ]
    if record.steps:
        events = became.events(record.steps)
        parts.append(html.timeline_card("What it would do", events, count=str(len(events))))
    return html.stack(parts)
