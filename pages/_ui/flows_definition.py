"""What a flow does: told as a sentence and as cards, or written as YAML."""

from __future__ import annotations

import streamlit as st

from flows import store
from flows.store import FlowInfo
from pages._ui import feedback, flow_editor, html
from pages._ui.flow_step_words import Told
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords, condition_tree
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.state import set_url
from pages._ui.surroundings import field_context


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the definition as it is asked for, or the editor when it is open."""
    if state.draft is not None and state.draft.head.get("flow") == flow.flow:
        flow_editor.draw(now, state, state.draft)
        return
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="flow_views"
    ):
        st.html(
            html.Html('<div class="m-sub">{}</div>').format(flow.definition.description or "No description.")
        )

        def chosen() -> None:
            state.as_yaml = st.session_state["flows:view"] == "YAML"
            redraw("centre")

        st.session_state["flows:view"] = "YAML" if state.as_yaml else "Steps"
        with st.container(
            horizontal=True, vertical_alignment="center", gap="small", width="content", key="flow_ways"
        ):
            st.segmented_control("View", ["Steps", "YAML"], required=True, key="flows:view", on_change=chosen,
                                 label_visibility="collapsed", width="content")  # fmt: skip
            st.button("Edit", icon=":material/edit:", key="flow:edit", on_click=_edit, args=(state, flow))
    if flow.problems:
        title = (
            "It runs nothing until this is mended:"
            if flow.state == "active"
            else "It cannot be switched on yet:"
        )
        st.html(html.note(title, color="red", lines=[feedback.sentence(line) for line in flow.problems]))
    if state.warnings:
        st.html(html.note("Saved, with something to know:", color="orange", lines=state.warnings))
    if state.as_yaml:
        _yaml(now, state, flow)
    elif flow.definition.module in now.catalog.modules:
        _cards(FlowWords(now.catalog, field_context(now), flow.definition))


def _edit(state: FlowsState, flow: FlowInfo) -> None:
    flow_editor.begin(state, flow)
    redraw("centre")


def _cards(told: FlowWords) -> None:
    trigger = html.Html('<div class="m-rules">{}</div>').format(feedback.sentence(told.trigger) + ".")
    steps = told.steps
    st.html(
        html.Html('<div class="m-stack">{}</div>').format(
            html.join(
                [
                    html.note(told.sentence, color="violet"),
                    html.cards(
                        html.card("When", trigger, right=html.badge(told.flow.trigger.event, color="blue")),
                        html.card("If", condition_tree(told)),
                    ),
                    html.timeline_card("Then", list(map(_event, steps)), count=str(len(told.flow.steps))),
                ]
            )
        )
    )


def _event(one: Told) -> html.Event:
    details = html.join(
        [html.Html("{}: <b>{}</b>").format(label, value) for label, value in one.step.details], between=" · "
    )
    inner = html.join(
        html.Html('<div class="m-arm"><span>{}</span>{}</div>').format(
            label, html.timeline(list(map(_event, some)))
        )
        for label, some in one.arms
    )
    return html.Event(one.step.icon, one.step.color, one.step.title, f"Step {one.number}", details, inner)


def _yaml(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    key = f"yaml:{flow.flow}:{flow.version}"
    text = st.text_area("YAML", value=store.flow_yaml(now.lake, flow.flow), key=key, height=430,
                        label_visibility="collapsed")  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="yaml_bar"):
        save = st.button("Save", type="primary", icon=":material/check:", key="yaml:save", shortcut="Ctrl+S")
        hint = "Saved as a draft; what is live goes on. Another name after flow: makes another flow."
        st.html(html.Html('<span class="m-sub">{}</span>').format(hint))
    if save:
        _save(now, state, text)


def _save(now: Here, state: FlowsState, text: str) -> None:
    applied = feedback.run(
        lambda: store.apply_flows(now.lake, text, actor=now.actor, as_draft=True),
        at="here",
        done="The draft is saved",
    )
    if applied is None:
        return
    state.warnings = applied.warnings
    if applied.flows:
        state.flow = next(iter(applied.flows))
        set_url(flow=state.flow)
    st.rerun()
