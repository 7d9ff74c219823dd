"""The questions before a flow is switched on, or paused: what that would mean, and how it is wanted."""

from __future__ import annotations

import streamlit as st

from crm_core.query import titles
from flows import activation, store
from flows.activation import ActivationPreview
from flows.store import FlowInfo
from pages._ui import feedback, html, words
from pages._ui.flow_became import Became
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context

ACTIVATE, PAUSE = "activate", "pause"
TOLD = 3
"""Records of which it is told what would become of them."""


def ask(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the question that is open, if any."""
    if state.asked == ACTIVATE:
        _activation(now, state, flow)
    elif state.asked == PAUSE:
        _pause(now, state, flow)


def _close(state: FlowsState) -> None:
    state.asked, state.preview = "", None


def _activation(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    # Worked out once: what a click in the dialog draws again must not wait for it.
    if state.preview is None:
        state.preview = feedback.run(
            lambda: activation.preview_activation(now.lake, flow.flow, actor=now.actor)
        )
    found: ActivationPreview | None = state.preview
    if found is None:
        _close(state)
        return

    @st.dialog(f"Activate {html.plain(flow.title)}?", width="large", on_dismiss=lambda: _close(state))
    def draw() -> None:
        label = "Activate it all the same" if found.cycles else "Activate"
        st.html(show_preview(found))
        if not found.problems and st.button(
            label, type="primary", icon=":material/bolt:", key="flow:activate"
        ):
            applied = feedback.run(
                lambda: store.activate(now.lake, flow.flow, actor=now.actor),
                done=f"{flow.title} runs from now on",
            )
            state.warnings = applied.warnings if applied else ()
            _close(state)
            st.rerun()
        if found.records:
            st.html(_dry_run(now, flow, found))

    draw()


def show_preview(found: ActivationPreview) -> html.Html:
    """Circles, how many records it is about, and what would leave the house."""
    if found.problems:
        return html.note(
            "It cannot run yet:", color="red", lines=[feedback.sentence(one) for one in found.problems]
        )
    parts: list[html.Text] = []
    if found.cycles:
        parts.append(
            html.note("It closes a circle:", color="orange", lines=[one.words for one in found.cycles])
        )
    messages = (
        f"{words.plural(found.messages, 'message')} for these {len(found.records)}"
        if found.messages
        else "None"
    )
    parts.append(
        html.kpi_strip(
            [html.Kpi("Records it is about", words.number(found.holds)), html.Kpi("Messages", messages)]
        )
    )
    parts.append(html.Html('<div class="m-sub">{}.</div>').format(feedback.sentence(found.meaning)))
    parts += [html.note(note, color="orange") for note in found.notes]
    parts.append(
        html.Html(
            '<div class="m-sub">It acts on what changes from now on. What was there before is left alone.</div>'
        )
    )
    return html.stack(parts)


def _dry_run(now: Here, flow: FlowInfo, found: ActivationPreview) -> html.Html:
    became = Became(now, FlowWords(now.catalog, field_context(now), flow.definition))
    shown = found.records[:TOLD]
    names = titles(
        now.lake, now.catalog, wanted={found.module: [one.record_id for one in shown]}, actor=now.actor
    )
    events = [
        html.Event("person" if not one.error else "error", "red" if one.error else "gray",
                   names.get(one.record_id, "A record"), "", one.error or "",
                   html.Html('<div class="m-arm">{}</div>').format(html.timeline(became.events(one.steps))))
        for one in shown
    ]  # fmt: skip
    return html.timeline_card(
        "What it would do to them now", events, count=f"{len(shown)} of {found.holds:,}"
    )


def _pause(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    @st.dialog(f"Pause {html.plain(flow.title)}?", on_dismiss=lambda: _close(state))
    def draw() -> None:
        ways = {"": "Is passed over", "queue": "Waits, and is worked off when it is active again"}
        queue = st.radio("What changes meanwhile", list(ways), format_func=ways.__getitem__, key="flow:queue")
        if st.button("Pause", type="primary", icon=":material/pause:", key="flow:pause", width="stretch"):
            feedback.run(
                lambda: store.pause(now.lake, flow.flow, actor=now.actor, queue=bool(queue)),
                done=f"{flow.title} is paused",
            )
            _close(state)
            st.rerun()

    draw()
