"""The runs of a flow as a list, and the parts of it that other pages show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import streamlit as st

from crm_core.query import titles
from flows import holding, run_history
from flows.run_history import Run, TraceLeaf
from flows.store import FlowInfo
from pages._ui import feedback, html, words
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.layout import redraw
from pages._ui.near_end import near_end
from pages._ui.session import Here

PAGE = 50
STATES: dict[str, tuple[str, str]] = {
    "done": ("Done", "green"),
    "failed": ("Failed", "red"),
    "not_matched": ("Condition not met", "gray"),
    "cancelled": ("Cancelled", "yellow"),
    "waiting": ("Waiting", "blue"),
    "held": ("Held", "orange"),
}


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the list of runs, and what can be decided about those that are held."""
    _outcomes(state)
    st.html(_week(now, flow))
    _held(now, state, flow)
    runs = run_history.list_runs(
        now.lake, actor=now.actor, flow=flow.id, state=state.outcome or None, limit=state.shown + 1
    )
    if not runs:
        st.html(html.empty_state("No runs", _why_none(state, flow), icon_name="bolt"))
        return
    st.html(run_table(now, runs[: state.shown]))
    more = str(state.shown) if len(runs) > state.shown else ""
    near_end(more, key="runs:near", on_near=partial(_more, state))


def _week(now: Here, flow: FlowInfo) -> html.Html:
    """What the last seven days came to."""
    since = datetime.now(UTC) - timedelta(days=7)
    count = run_history.count_runs(now.lake, actor=now.actor, since=since).get(flow.id, {})
    done, failed, delay = count.get("done", 0), count.get("failed", 0), count.get("delay")
    last = words.ago(count["last"], zone=now.zone) if count.get("last") else "–"
    share = f"{failed / (done + failed):.0%} of them" if failed else ""
    return html.kpi_strip(
        [
            html.Kpi("Runs in 7 days", words.number(done + failed)),
            html.Kpi("Failed", words.number(failed), share, tone="bad" if failed else ""),
            html.Kpi("Average delay", f"{delay:.1f} s" if delay is not None else "–"),
            html.Kpi("Last run", last),
        ]
    )


def run_table(now: Here, runs: Sequence[Run], *, title: str = "Runs") -> html.Html:
    """Runs as a card; a click opens one, a click on the record goes there."""
    names = names_of_records(now, ((run.module, run.record_id) for run in runs))
    deep, told = any(run.depth > 1 for run in runs), any(run.error for run in runs)
    rows = [
        html.Row(
            [
                state_badge(run.state),
                record_link(run.module, run.record_id, names),
                event_word(run.event),
                *([str(run.depth)] if deep else []),
                *([_shortened(run.error)] if told else []),
                html.Html('<span title="{}">{}</span>').format(
                    words.moment(run.started_at, zone=now.zone), words.ago(run.started_at, zone=now.zone)
                ),
            ],
            click=html.click("run", run.id),
        )
        for run in runs
    ]
    columns = ["State", "Record", "Event", *(["Depth"] if deep else []), *(["Why"] if told else []), "When"]
    right = (3, len(columns) - 1) if deep else (len(columns) - 1,)
    return html.table_card(title, columns, rows, right_aligned=right)


def _shortened(error: str | None) -> html.Html:
    return html.Html('<span title="{}">{}</span>').format(error or "", error or "")


def leaf_table(told: FlowWords, leaves: Sequence[TraceLeaf], *, title: str = "Condition") -> html.Html:
    """Each comparison of a condition: what it asked for, the value it saw, whether that was as wanted."""
    rows = [
        html.Row([_mark(leaf, asked.negated), asked.label, asked.words, _seen(told, leaf)])
        for leaf, asked in zip(
            leaves, told.asked([(leaf.field, leaf.op, leaf.value) for leaf in leaves]), strict=True
        )
    ]
    empty = "Always: the flow asks for nothing."
    return html.table_card(title, ["As wanted", "Field", "Wanted", "Value seen"], rows, empty=empty)


def state_badge(state: str) -> html.Html:
    """A run's state."""
    label, color = STATES.get(state, (words.readable(state), "gray"))
    return html.badge(label, color=color, dot=True)


def record_link(module: str, record_id: str | None, names: dict[str, str]) -> html.Text:
    """A link to a record by its title; a dash where there is none, or none that may be seen."""
    title = names.get(str(record_id))
    return html.link(title, click=html.click("open", module, str(record_id))) if title else html.missing()


def _outcomes(state: FlowsState) -> None:
    def chosen() -> None:
        state.outcome, state.shown = st.session_state["runs:state"] or "", PAGE
        redraw("centre")

    labels = {"": "All"} | {slug: label for slug, (label, _) in STATES.items()}
    st.session_state["runs:state"] = state.outcome
    with st.container(key="folders_runs"):
        st.pills("State", list(labels), required=True, key="runs:state", on_change=chosen,
                 format_func=labels.__getitem__, label_visibility="collapsed")  # fmt: skip


def _held(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Runs that a limit holds: a person lets them go, or decides against them."""
    count = holding.count_held(now.lake, actor=now.actor).get(flow.flow, 0)
    if not count:
        return
    noun = words.plural(count, "run")
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="runs_held"):
        st.html(html.badge(f"{noun} held: too many records at once", color="orange"), width="content")
        with st.popover(f"Release {count:,}", key="runs:release_box"):
            st.markdown(f"{noun} will act on the records as they are now.")
            release = partial(holding.release_runs, now.lake, flow.flow, actor=now.actor)
            st.button("Release them", type="primary", key="runs:release", on_click=_decide,
                      args=(release, "released"))  # fmt: skip
        with st.popover("Drop", key="runs:drop_box"):
            st.markdown(f"{noun} will do nothing.")
            drop = partial(holding.drop_runs, now.lake, flow.flow, actor=now.actor)
            st.button("Drop them", type="primary", key="runs:drop", on_click=_decide, args=(drop, "dropped"))


def _decide(command: Callable[[], int], done: str) -> None:
    feedback.run(command, done=lambda count: f"{words.plural(count, 'run')} {done}")
    redraw("left", "centre")


def _why_none(state: FlowsState, flow: FlowInfo) -> str:
    if state.outcome:
        return "None ended like this. Choose another state."
    if flow.state != "active":
        return "It is a draft: switch it on, and what changes from then on sets it off."
    return "Nothing has set it off yet. What changes from now on does."


def _more(state: FlowsState) -> None:
    state.shown += PAGE
    redraw("centre")


def names_of_records(now: Here, wanted: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    """Id → title of records that may be seen."""
    by_module: dict[str, list[str]] = {}
    for module, record_id in wanted:
        if record_id:
            by_module.setdefault(module, []).append(str(record_id))
    return titles(now.lake, now.catalog, wanted=by_module, actor=now.actor)


def event_word(event: str) -> str:
    """What set a run off, in a word."""
    return {"manual": "By hand"}.get(event, words.readable(event))


def _mark(leaf: TraceLeaf, negated: bool) -> html.Html:
    if leaf.hidden:
        return html.badge("hidden")
    return html.badge("Yes", color="green") if leaf.true is not negated else html.badge("No", color="red")


def _seen(told: FlowWords, leaf: TraceLeaf) -> html.Text:
    if leaf.hidden:
        return html.missing("may not be seen")
    return html.missing("empty") if leaf.seen in (None, "") else told.named(leaf.field, str(leaf.seen))
