"""The runs of a flow: a list, and behind each what its condition saw and what its steps did."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import streamlit as st

from crm_core.query import titles
from flows import run_history, why
from flows.run_history import Effect, Run, TraceLeaf
from flows.store import FlowInfo
from pages._ui import feedback, html, words
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context

PAGE = 50
STATES: dict[str, tuple[str, str]] = {
    "done": ("Done", "green"),
    "failed": ("Failed", "red"),
    "not_matched": ("Condition not met", "gray"),
    "cancelled": ("Cancelled", "yellow"),
}
OUTCOMES: dict[str, tuple[str, str]] = {
    "written": ("Written", "green"),
    "unchanged": ("Already so", "gray"),
    "overwritten": ("Overwritten later", "yellow"),
    "skipped": ("Skipped", "yellow"),
    "queued": ("Queued", "blue"),
    "held": ("Held", "orange"),
}


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the list of runs, or the one that is open."""
    if state.run:
        _open_run(now, state, flow)
        return
    _outcomes(state)
    runs = run_history.list_runs(
        now.lake, actor=now.actor, flow=flow.id, state=state.outcome or None, limit=state.shown + 1
    )
    if not runs:
        st.html(html.empty_state("No runs", _why_none(state, flow), icon_name="bolt"))
        return
    st.html(run_table(now, runs[: state.shown]))
    if len(runs) > state.shown:
        st.button("More", key="runs:more", on_click=_more, args=(state,), width="stretch")


def run_table(now: Here, runs: Sequence[Run], *, title: str = "Runs") -> html.Html:
    """Runs as a card; a click opens one, a click on the record goes there."""
    names = _names(now, ((run.module, run.record_id) for run in runs))
    rows = [
        html.Row(
            [
                state_badge(run.state),
                record_link(run.module, run.record_id, names),
                _event(run.event),
                str(run.depth),
                run.error or "",
                html.Html('<span title="{}">{}</span>').format(
                    words.moment(run.started_at, zone=now.zone), words.ago(run.started_at, zone=now.zone)
                ),
            ],
            click=html.click("run", run.id),
        )
        for run in runs
    ]
    columns = ["State", "Record", "Event", "Depth", "Error", "When"]
    return html.table_card(title, columns, rows, right_aligned=(3, 5))


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


def _why_none(state: FlowsState, flow: FlowInfo) -> str:
    if state.outcome:
        return "None ended like this. Choose another state."
    if flow.state != "active":
        return "It is a draft: switch it on, and what changes from then on sets it off."
    return "Nothing has set it off yet. What changes from now on does."


def _more(state: FlowsState) -> None:
    state.shown += PAGE
    redraw("centre")


def _open_run(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    st.button(
        "All runs",
        icon=":material/arrow_back:",
        type="tertiary",
        key="runs:back",
        on_click=_back,
        args=(state,),
    )
    run = feedback.run(lambda: why.explain_run(now.lake, state.run, actor=now.actor), at="here")
    if run is None:
        return
    names = _names(now, [(run.module, run.record_id), *((e.module, e.record_id) for e in run.effects)])
    parts: list[html.Text] = [_figures(now, run)]
    if run.error:
        where = f"Step {run.failed_step + 1}: " if run.failed_step is not None else ""
        parts.append(html.note(f"{where}{run.error}", color="red"))
    parts.append(html.cards(_cause(now, run, names)))
    if run.trace is not None:
        parts.append(leaf_table(FlowWords(now.catalog, field_context(now), flow.definition), run.trace))
    parts.append(_effects(run.effects, names))
    st.html(html.Html('<div class="m-stack">{}</div>').format(html.join(parts)))


def _back(state: FlowsState) -> None:
    state.run = ""
    redraw("centre")


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
        ("Event", _event(run.event)),
        ("On behalf of", field_context(now).users.get(run.actor, words.readable(run.actor))),
        ("In snapshot", f"{run.snapshot:,}"),
    ]
    before = [flow for flow in run.chain if flow != run.flow]
    if before:
        rows.append(("After", " → ".join(before)))
    if run.load_id:
        rows.append(("Load", str(run.load_id)))
    return html.kv_card("Set off by", rows)


def _effects(effects: Iterable[Effect], names: dict[str, str]) -> html.Html:
    rows = []
    for effect in effects:
        label, color = OUTCOMES.get(effect.outcome, (words.readable(effect.outcome), "gray"))
        changed = ", ".join(words.readable(field.replace("__", " ")) for field in effect.fields)
        rows.append(
            html.Row(
                [
                    str(effect.step + 1),
                    words.readable(effect.action),
                    html.badge(label, color=color),
                    record_link(effect.module, effect.record_id, names),
                    effect.detail or changed,
                ]
            )
        )
    columns = ["Step", "Action", "Outcome", "Record", "Detail"]
    return html.table_card("What it did", columns, rows, empty="Nothing was written.")


def _names(now: Here, wanted: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    by_module: dict[str, list[str]] = {}
    for module, record_id in wanted:
        if record_id:
            by_module.setdefault(module, []).append(str(record_id))
    return titles(now.lake, now.catalog, wanted=by_module, actor=now.actor)


def _event(event: str) -> str:
    return {"manual": "By hand"}.get(event, words.readable(event))


def _mark(leaf: TraceLeaf, negated: bool) -> html.Html:
    if leaf.hidden:
        return html.badge("hidden")
    return html.badge("Yes", color="green") if leaf.true is not negated else html.badge("No", color="red")


def _seen(told: FlowWords, leaf: TraceLeaf) -> html.Text:
    if leaf.hidden:
        return html.missing("may not be seen")
    return html.missing("empty") if leaf.seen in (None, "") else told.named(leaf.field, str(leaf.seen))
