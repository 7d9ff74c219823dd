"""A flow shows what it would do to a record, and runs when that is wanted: from wherever it is asked for.

flow_preview.ask("right", module=…, record=…, flow=…)      # in a callback
flow_preview.draw(here, "right")                           # in the panel of that name, or `PAGE` beside the page
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from flows import manual
from flows.active import active_flow
from flows.trial import preview_flow
from flows.trial_effects import TrialRecord
from pages._ui import feedback, html, words
from pages._ui.flow_became import Became
from pages._ui.flows_why import outcome_of
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context

PAGE = "page"
_ASKED = "flow:preview"


@dataclass(frozen=True)
class Asked:
    """Which flow is asked about which record, and where the answer is drawn."""

    place: str
    module: str
    record: str
    flow: str


def ask(place: str, *, module: str, record: str, flow: str) -> None:
    """Show with the next run what a flow would do to a record."""
    st.session_state[_ASKED] = Asked(place, module, record, flow)


def draw(here: Here, place: str, *, record: str | None = None) -> None:
    """What the flow that was asked for here would do; what was asked of another record before is forgotten."""
    asked = st.session_state.get(_ASKED)
    if not isinstance(asked, Asked) or asked.place != place:
        return
    active = active_flow(here.catalog, asked.flow)
    if active is None or here.actor.role == "viewer" or record not in (None, asked.record):
        _forget()
        return

    @st.dialog(html.plain(active.definition.title), on_dismiss=_forget, width="medium")
    def dialog() -> None:
        tried = feedback.run(
            lambda: preview_flow(
                here.lake, asked.flow, module=asked.module, record_id=asked.record, actor=here.actor
            ),
            at="here",
        )
        if tried is not None:
            st.html(
                told(Became(here, FlowWords(here.catalog, field_context(here), active.definition)), tried)
            )
        with st.container(horizontal=True, gap="small"):
            if tried is not None and tried.steps:
                st.button("Run", type="primary", icon=":material/bolt:", key=f"run:now:{asked.record}",
                          on_click=_run, args=(here, asked))  # fmt: skip
            st.button("Leave it", key=f"run:not:{asked.record}", type="tertiary", on_click=_leave)

    dialog()


def told(became: Became, tried: TrialRecord) -> html.Html:
    """What a flow would do to a record, step by step; of what one may not see only that it would be done."""
    if tried.error:
        return html.note(f"It would fail: {tried.error}", color="red")
    if not tried.steps:
        return html.note("Its condition does not hold for this record: nothing would be done.", color="gray")
    events = [
        became.event(
            step.step, step.action, step.outcome,
            html.join([_to(step.values), step.detail or ""], between=" "),
            became.values(step.module, step.values) if step.values else "",
        )
        for step in tried.steps
    ]  # fmt: skip
    return html.stack(
        [
            html.note("This is what it would do now. Nothing has been done yet.", color="violet"),
            html.timeline_card("What changes", events, count=words.plural(len(events), "step")),
        ]
    )


def _to(values: dict[str, object]) -> str:
    return f"To {values['to']}." if values.get("to") else ""


def _forget() -> None:
    st.session_state.pop(_ASKED, None)


def _leave() -> None:
    _forget()
    st.rerun("app")  # a dialog stands outside the panels: it closes with the whole page


def _run(here: Here, asked: Asked) -> None:
    _forget()
    feedback.run(
        lambda: manual.run_flow(
            here.lake, asked.flow, module=asked.module, ids=[asked.record], actor=here.actor
        ),
        done=outcome_of,
    )
    st.rerun("app")
