"""Trying a flow before it runs: what it would do to a record now, and what it would have done in the past."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from flows.model import FlowDefinition
from flows.store import FlowInfo, known_users
from flows.trial import try_flow
from flows.trial_effects import TrialRecord, TrialStep
from pages._ui import feedback, flow_backtest, html, words
from pages._ui.flow_problems import find_problems
from pages._ui.flow_sample import choose_sample, newest
from pages._ui.flow_step_words import Told
from pages._ui.flows_runs import OUTCOMES, leaf_table
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_TEXTS = ("text", "body", "html")
_UNTOLD = ("id", "change_id", "created_at", "updated_at", "version", "source", "about__module")
"""Columns that say nothing about what a step would do."""
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
        told = FlowWords(now.catalog, field_context(now), flow)
        st.html(show_trial(now, told, tried.records[0]))


def show_trial(now: Here, told: FlowWords, record: TrialRecord) -> html.Html:
    """What would become of one record: the verdict, each comparison, and each step with old and new values."""
    said, color = VERDICTS.get(record.state, (words.readable(record.state), "gray"))
    verdict = f"{said}: {record.error}" if record.error else said
    parts: list[html.Text] = [
        html.note(html.join([verdict, html.Html(" Nothing was written.")]), color=color),
        leaf_table(told, record.leaves, title="Condition, on the record as it is now"),
    ]
    if record.steps:
        titles = {one.number - 1: one for one in flat(told.steps)}
        events = [_event(now, told, step, titles.get(step.step)) for step in record.steps]
        parts.append(html.timeline_card("What it would do", events, count=str(len(events))))
    return html.Html('<div class="m-stack">{}</div>').format(html.join(parts))


def flat(steps: Sequence[Told]) -> Iterator[Told]:
    """Every step of a tree of words, in the order in which they are numbered."""
    for one in steps:
        yield one
        for _, inner in one.arms:
            yield from flat(inner)


def _event(now: Here, told: FlowWords, step: TrialStep, named: Told | None) -> html.Event:
    label, color = OUTCOMES.get(step.outcome, (words.readable(step.outcome), "gray"))
    icon, tone = (named.step.icon, named.step.color) if named else ("bolt", "gray")
    title = named.step.title if named else words.readable(step.action)
    head = html.join([title, html.Html("&nbsp; "), html.badge(label, color=color)])
    return html.Event(icon, tone, head, f"Step {step.step + 1}", step.detail or "", _values(now, told, step))


def _values(now: Here, told: FlowWords, step: TrialStep) -> html.Html:
    rows = [_row(now, told, step, slug, value) for slug, value in step.values.items() if slug not in _UNTOLD]
    return html.Html('<dl class="m-became">{}</dl>').format(html.join(rows)) if rows else html.Html("")


def _row(now: Here, told: FlowWords, step: TrialStep, slug: str, value: Any) -> html.Html:
    label = (
        told.label(slug.split("__")[0], step.module)
        if step.module in now.catalog.modules
        else words.readable(slug)
    )
    pair = html.Html('<dt>{}</dt><dd class="m-lines">{}</dd>')
    if isinstance(value, tuple) and len(value) == 2:
        old, new = (_shown(now, told, step.module, slug, one) for one in value)
        return pair.format(
            label,
            html.join(
                [html.Html('<span class="m-old">{}</span>').format(old or "empty"), " → ", new or "empty"]
            ),
        )
    return pair.format(label, _shown(now, told, step.module, slug, value))


def _shown(now: Here, told: FlowWords, module: str, slug: str, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if isinstance(value, datetime):
        return words.moment(value, zone=now.zone)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return told.value(module, slug, str(value)) if module in now.catalog.modules else str(value)
