"""Workflow: which flows work on this record, at which step they stand, and what they did."""

from __future__ import annotations

from typing import Any

import streamlit as st

from flows import cancelling, manual
from flows.active import ActiveFlow, active_flows
from flows.record_flows import RecordFlows, Waiting, read_record_flows
from flows.run_history import Run
from pages._ui import feedback, html, words
from pages._ui.components import Click
from pages._ui.flows_runs import STATES
from pages._ui.flows_why import outcome_of
from pages._ui.sections.acting import strip, word
from pages._ui.sections.base import ProfileSection, Spot


def draw(spot: Spot) -> None:
    """Draw what waits, the flows that can be run, and what ran."""
    now = spot.here
    found = read_record_flows(
        now.lake, now.catalog, module=spot.module, record_id=spot.record_id, actor=now.actor
    )
    st.html(strip(found.figure))
    offered = {flow.slug: flow.definition.title for flow in _runnable(spot)}
    if offered and not spot.locked:
        with st.container(horizontal=True, key="section_actions"):
            st.menu_button(
                "Run a flow", list(offered), format_func=offered.__getitem__, icon=":material/bolt:",
                key=spot.key("run"), on_click=_run, args=(spot,),
            )  # fmt: skip
    st.html(html.stack([_waiting(spot, found), _ran(spot, found)]))


def _runnable(spot: Spot) -> list[ActiveFlow]:
    """The flows that can be run by hand on this record, as the right panel offers them."""
    return [
        flow
        for flow in active_flows(spot.here.catalog)
        if flow.definition.module == spot.module
        and flow.definition.trigger.event != "deleted"
        and (not flow.definition.folders or spot.seen.record["folder"] in flow.definition.folders)
    ]


def _run(spot: Spot) -> None:
    chosen: Any = st.session_state.get(spot.key("run"))
    if chosen and not spot.locked:
        feedback.run(
            lambda: manual.run_flow(
                spot.here.lake, str(chosen), module=spot.module, ids=[spot.record_id], actor=spot.here.actor
            ),
            done=outcome_of,
        )


def _waiting(spot: Spot, found: RecordFlows) -> html.Html:
    def cells(one: Waiting) -> list[html.Text]:
        until = words.moment(one.due_at, zone=spot.here.zone)
        return [
            found.titles[one.flow],
            f"After step {one.step + 1}",
            f"An event, or {until}" if one.by_event else until,
            "" if spot.locked else word("Cancel", "cancel", one.run_id),
        ]

    rows = [html.Row(cells(one)) for one in found.waiting]
    return html.table_card(
        "Waiting",
        ["Flow", "Stands", "Goes on with", ""],
        rows,
        count=words.number(len(rows)),
        empty="Nothing waits.",
    )


def _ran(spot: Spot, found: RecordFlows) -> html.Html:
    def cells(run: Run) -> list[html.Text]:
        label, color = STATES.get(run.state, (words.readable(run.state), "gray"))
        return [
            found.titles[run.flow],
            words.readable(run.event),
            html.badge(label, color=color, dot=True),
            run.error or "",
            words.ago(run.started_at, zone=spot.here.zone),
        ]

    rows = [html.Row(cells(run)) for run in found.runs]
    return html.table_card(
        "Runs",
        ["Flow", "Because", "Outcome", "", "When"],
        rows,
        empty="No flow has worked on this record yet.",
    )


def clicked(spot: Spot, click: Click) -> bool:
    """Cancel a run that waits."""
    if click.verb != "cancel" or len(click.values) != 1:
        return False
    if not spot.locked:
        feedback.run(
            lambda: cancelling.cancel_runs(spot.here.lake, click.values[0], actor=spot.here.actor),
            done="Cancelled",
        )
    return True


SECTION = ProfileSection("workflow", draw, clicked)
