"""Workflow: which flows work on this record, at which step they stand, and what they did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import streamlit as st

from flows import cancelling, retry
from flows.active import active_flows, flows_for
from flows.record_flows import RecordFlows, Waiting, read_record_flows
from flows.run_history import Run
from pages._ui import feedback, flow_preview, html, nav, words
from pages._ui.components import Click
from pages._ui.flow_step_words import Told
from pages._ui.flows_runs import STATES
from pages._ui.flows_words import FlowWords
from pages._ui.sections.acting import strip, word
from pages._ui.sections.base import ProfileSection, Spot
from pages._ui.surroundings import field_context

PLACE = "centre"


def draw(spot: Spot) -> None:
    """Draw what waits, the flows that can be run, and what ran."""
    now = spot.here
    found = read_record_flows(
        now.lake, now.catalog, module=spot.module, record_id=spot.record_id, actor=now.actor, at=spot.at
    )
    st.html(strip(found.figure))
    folder = spot.seen.record["folder"]
    offered = {
        one.flow: one.title for one in flows_for(now.catalog, spot.module, folder=folder, actor=now.actor)
    }
    if offered and not spot.locked:
        flow_preview.draw(now, PLACE, record=spot.record_id)
        with st.container(horizontal=True, key="section_actions"):
            st.menu_button(
                "Run a flow", list(offered), format_func=offered.__getitem__, icon=":material/bolt:",
                key=spot.key("run"), on_click=_run, args=(spot,),
            )  # fmt: skip
    st.html(html.stack([_waiting(spot, found), _ran(spot, found)]))


def _run(spot: Spot) -> None:
    chosen: Any = st.session_state.get(spot.key("run"))
    if chosen and not spot.locked:
        flow_preview.ask(PLACE, module=spot.module, record=spot.record_id, flow=str(chosen))


def _steps(spot: Spot) -> dict[tuple[str, int], dict[int, str]]:
    """What the steps of each active flow do, by flow and version and by their place from 0."""
    context = field_context(spot.here)
    return {
        (flow.slug, flow.version): {
            one.number - 1: one.step.title
            for one in _flat(FlowWords(spot.here.catalog, context, flow.definition).steps)
        }
        for flow in active_flows(spot.here.catalog)
    }


def _flat(told: Iterable[Told]) -> Iterator[Told]:
    for one in told:
        yield one
        for _, inner in one.arms:
            yield from _flat(inner)


def _waiting(spot: Spot, found: RecordFlows) -> html.Html:
    steps = _steps(spot) if found.waiting else {}

    def stands(one: Waiting) -> html.Html:
        known = steps.get((one.flow, one.version), {})
        here = f"Step {one.step + 1}: {known[one.step]}" if one.step in known else f"Step {one.step + 1}"
        then = known.get(one.step + 1)
        below = html.Html('<div class="m-sub">then {}</div>').format(then) if then else html.Html("")
        return html.join([here, below])

    def cells(one: Waiting) -> list[html.Text]:
        until = words.moment(one.due_at, zone=spot.here.zone)
        return [
            _link(spot, found.titles[one.flow], one.flow, one.run_id),
            stands(one),
            f"An event, or {until}" if one.by_event else until,
            "" if spot.locked else word("Cancel", "cancel", one.run_id),
        ]

    rows = [html.Row(cells(one)) for one in found.waiting]
    return html.table_card(
        "Waiting",
        ["Flow", "Stands at", "Goes on with", ""],
        rows,
        count=words.number(len(rows)),
        empty="Nothing waits.",
    )


def _link(spot: Spot, title: str, flow: str, run_id: str) -> html.Text:
    """A run's flow; administrators go from it to the run."""
    opens = spot.here.actor.role == "admin" and spot.at is None
    return html.link(title, click=html.click("run", flow, run_id)) if opens else title


def _ran(spot: Spot, found: RecordFlows) -> html.Html:
    retries = not spot.locked and spot.here.actor.role == "admin"

    def cells(run: Run) -> list[html.Text]:
        label, color = STATES.get(run.state, (words.readable(run.state), "gray"))
        return [
            _link(spot, found.titles[run.flow], run.flow, run.id),
            words.readable(run.event),
            html.badge(label, color=color, dot=True),
            run.error or "",
            words.ago(run.started_at, zone=spot.here.zone),
            word("Retry", "retry", run.id) if retries and run.state == "failed" else "",
        ]

    rows = [html.Row(cells(run)) for run in found.runs]
    more = f"{words.number(found.total)} in all" if found.total > len(rows) else ""
    return html.table_card(
        "Runs",
        ["Flow", "Because", "Outcome", "", "When", ""],
        rows,
        footer=more,
        empty="No flow has worked on this record yet.",
    )


def clicked(spot: Spot, click: Click) -> bool:
    """Cancel a run that waits, try a failed one again, or go to a run."""
    lake, actor = spot.here.lake, spot.here.actor
    match click.verb, click.values:
        case "run", (flow, run_id):
            nav.go(nav.FLOWS, flow=flow, tab="runs", run=run_id)
        case "cancel", (run_id,):
            if not spot.locked:
                feedback.run(lambda: cancelling.cancel_runs(lake, run_id, actor=actor), done="Cancelled")
        case "retry", (run_id,):
            if not spot.locked:
                feedback.run(lambda: retry.retry_run(lake, run_id, actor=actor), done=_retried)
        case _:
            return False
    return True


def _retried(run: Run) -> str:
    return "It went through" if run.state != "failed" else "It failed again"


SECTION = ProfileSection("workflow", draw, clicked)
