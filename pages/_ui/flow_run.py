"""One run of a flow: what set it off, what its condition saw, and each step with what it was given and made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from flows import cancelling, why
from flows.retry import retry_run
from flows.run_history import Run
from flows.run_steps import RunStep, read_run_steps
from flows.store import FlowInfo
from pages._ui import feedback, html, words
from pages._ui.flow_became import Became
from pages._ui.flows_runs import STATES, event_word, leaf_table, names_of_records, record_link
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the run that is open."""
    run = feedback.run(lambda: why.explain_run(now.lake, state.run, actor=now.actor), at="here")
    _bar(now, state, run)
    if run is None:
        return
    steps = read_run_steps(now.lake, run.id, actor=now.actor)
    names = names_of_records(
        now, [(run.module, run.record_id), *((one.module, one.record_id) for one in steps)]
    )
    parts: list[html.Text] = [_figures(now, run)]
    if run.error:
        where = f"Step {run.failed_step + 1}: " if run.failed_step is not None else ""
        parts.append(html.note(f"{where}{run.error}", color="red" if run.state == "failed" else "orange"))
    parts.append(html.cards(_cause(now, run, names)))
    told = FlowWords(now.catalog, field_context(now), flow.definition)
    if run.trace is not None:
        parts.append(leaf_table(told, run.trace))
    became = Became(now, told)
    events = [_step(now, became, one, names) for one in steps]
    parts.append(
        html.timeline_card("What it did", events, count=str(len(events)), empty="Nothing was written.")
    )
    st.html(html.stack(parts))


def _bar(now: Here, state: FlowsState, run: Run | None) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="run_bar"):
        st.button("All runs", icon=":material/arrow_back:", type="tertiary", key="runs:back", on_click=_back,
                  args=(state,))  # fmt: skip
        if run is None:
            return
        if run.state == "failed" and run.record_id:
            st.button("Retry from the failed step", icon=":material/replay:", key="run:retry", on_click=_do,
                      args=(lambda: retry_run(now.lake, run.id, actor=now.actor), _retried))  # fmt: skip
        if run.state in ("waiting", "held", "done"):
            st.button("Cancel it", icon=":material/cancel:", key="run:cancel", on_click=_do,
                      help="What waits is given up, messages that have not left are dropped; what was written stays.",
                      args=(lambda: cancelling.cancel_runs(now.lake, run.id, actor=now.actor), _cancelled))  # fmt: skip


def _back(state: FlowsState) -> None:
    state.run = ""
    redraw("centre")


def _do(command: Callable[[], Any], said: Callable[[Any], str]) -> None:
    feedback.run(command, done=said)
    redraw("left", "centre")


def _retried(run: Run) -> str:
    return {"done": "It went through", "waiting": "It went on, and waits"}.get(
        run.state, f"It failed again: {run.error}"
    )


def _cancelled(result: tuple[list[Run], int]) -> str:
    dropped = result[1]
    return (
        f"The run is cancelled, {words.plural(dropped, 'message')} dropped"
        if dropped
        else "The run is cancelled"
    )


def _step(now: Here, became: Became, one: RunStep, names: dict[str, str]) -> html.Event:
    """A step: where it wrote, old → new, how often it was tried and how long it took, and how messages fared."""
    said: list[html.Text] = []
    if one.record_id and one.record_id in names:
        said.append(record_link(one.module, one.record_id, names))
    if one.detail:
        said.append(one.detail)
    if one.attempt > 1:
        said.append(f"attempt {one.attempt}")
    if one.seconds is not None:
        said.append(f"{one.seconds * 1000:.0f} ms" if one.seconds < 1 else f"{one.seconds:.1f} s")
    said += [
        f"delivery {sent.attempt}: {sent.state}" + (f" ({sent.answer})" if sent.answer else "")
        for sent in one.deliveries
    ]
    text = html.join(said, between=" · ")
    return became.event(one.step, one.action, one.outcome, text, became.values(one.module, _pairs(one)))


def _pairs(one: RunStep) -> Mapping[str, Any]:
    """Each value with the one before it, where there was one."""
    return {
        name: (one.before[name], value) if name in one.before else value for name, value in one.after.items()
    }


def _figures(now: Here, run: Run) -> html.Html:
    took = (run.finished_at - run.started_at).total_seconds() if run.finished_at else 0.0
    label, _ = STATES.get(run.state, (run.state, ""))
    return html.kpi_strip(
        [
            html.Kpi("State", label, tone="bad" if run.state == "failed" else ""),
            html.Kpi(
                "When", words.ago(run.started_at, zone=now.zone), words.moment(run.started_at, zone=now.zone)
            ),
            html.Kpi("Took", f"{took:.1f} s"),
            html.Kpi("Depth", str(run.depth)),
            html.Kpi("Version", str(run.flow_version)),
        ]
    )


def _cause(now: Here, run: Run, names: dict[str, str]) -> html.Html:
    rows: list[tuple[str, html.Text | None]] = [
        ("Record", record_link(run.module, run.record_id, names)),
        ("Event", event_word(run.event)),
        ("On behalf of", field_context(now).users.get(run.actor, words.readable(run.actor))),
        ("In snapshot", f"{run.snapshot:,}"),
    ]
    before = [flow for flow in run.chain if flow != run.flow]
    if before:
        rows.append(("After", " → ".join(before)))
    if run.load_id:
        rows.append(("Load", str(run.load_id)))
    return html.kv_card("Set off by", rows)
