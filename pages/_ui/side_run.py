"""Automation in the right panel: a flow shows what it would do to the record, and runs when that is wanted."""

from __future__ import annotations

import streamlit as st

from crm_core.profile import Head
from flows import manual
from flows.active import ActiveFlow, active_flows
from flows.trial import preview_flow
from flows.trial_effects import TrialRecord
from pages._ui import feedback, html, words
from pages._ui.flow_became import Became
from pages._ui.flows_why import outcome_of
from pages._ui.flows_words import FlowWords
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_ASKED = "preview:"


def offered(here: Here, seen: Head) -> list[ActiveFlow]:
    """The flows that can be run by hand on a record."""
    return [
        flow
        for flow in active_flows(here.catalog)
        if flow.definition.module == seen.module.slug
        and flow.definition.trigger.event != "deleted"
        and (not flow.definition.folders or seen.record["folder"] in flow.definition.folders)
    ]


def draw(here: Here, seen: Head) -> None:
    """The flows that wait for a hand as buttons; any other active one of this module can be run too."""
    found = [flow.definition for flow in offered(here, seen)]
    if not found:
        return
    record = str(seen.record["id"])
    st.html(html.section_header("Automation"))
    others = {flow.flow: flow.title for flow in found if flow.trigger.event != "manual"}
    for flow in found:
        if flow.flow not in others:
            st.button(
                flow.title, key=f"run:{flow.flow}:{record}", icon=":material/bolt:", width="stretch",
                help=flow.description or None, on_click=ask, args=(record, flow.flow),
            )  # fmt: skip
    if others:
        key = f"run:other:{record}"
        st.menu_button(
            "Run a flow", list(others), format_func=others.__getitem__, icon=":material/bolt:", width="stretch",
            key=key, on_click=_chosen, args=(record, key),
        )  # fmt: skip
    asked = st.session_state.get(_ASKED + record)
    if asked in {flow.flow for flow in found}:
        _preview(here, seen, str(asked))


def ask(record: str, flow: str) -> None:
    """Show with the next run what a flow would do to a record."""
    st.session_state[_ASKED + record] = flow


def _chosen(record: str, key: str) -> None:
    chosen = st.session_state.get(key)
    if chosen:
        ask(record, str(chosen))


def _preview(here: Here, seen: Head, flow: str) -> None:
    record = str(seen.record["id"])
    active = next(one for one in offered(here, seen) if one.slug == flow)

    def leave() -> None:
        st.session_state.pop(_ASKED + record, None)

    @st.dialog(html.plain(active.definition.title), on_dismiss=leave, width="medium")
    def dialog() -> None:
        tried = feedback.run(
            lambda: preview_flow(
                here.lake, flow, module=seen.module.slug, record_id=record, actor=here.actor
            ),
            at="here",
        )
        if tried is not None:
            st.html(
                told(Became(here, FlowWords(here.catalog, field_context(here), active.definition)), tried)
            )
        with st.container(horizontal=True, gap="small"):
            if tried is not None and tried.steps:
                st.button("Run", type="primary", icon=":material/bolt:", key=f"run:now:{record}",
                          on_click=_run, args=(here, seen, flow))  # fmt: skip
            st.button("Leave it", key=f"run:not:{record}", type="tertiary", on_click=_leave, args=(record,))

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


def _leave(record: str) -> None:
    st.session_state.pop(_ASKED + record, None)
    st.rerun("app")  # a dialog stands outside the panels: it closes with the whole page


def _run(here: Here, seen: Head, flow: str) -> None:
    st.session_state.pop(_ASKED + str(seen.record["id"]), None)
    feedback.run(
        lambda: manual.run_flow(
            here.lake, flow, module=seen.module.slug, ids=[seen.record["id"]], actor=here.actor
        ),
        done=outcome_of,
    )
    st.rerun("app")
