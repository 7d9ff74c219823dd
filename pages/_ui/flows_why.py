"""Why a flow acts on a record or does not: choose a record, and see each comparison as it is now."""

from __future__ import annotations

import streamlit as st

from crm_core.query import titles
from crm_core.search import note_of, search_module
from flows import manual, why
from flows.store import FlowInfo
from flows.why import Why
from pages._ui import feedback, html, words
from pages._ui.flows_runs import leaf_table, run_table
from pages._ui.flows_state import FlowsState
from pages._ui.flows_words import EVENTS, FlowWords
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context

SHOWN = 12


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the search for a record, and the answer once one is chosen."""
    if flow.definition.module not in now.catalog.modules:
        return
    module = now.catalog.module(flow.definition.module)
    asked = st.text_input(
        "Record", key=f"why:words:{module.slug}", type="search", live="100ms", label_visibility="collapsed",
        placeholder=f"Search {module.name.lower()} …", on_change=_forget, args=(state,),
    )  # fmt: skip
    if not state.record:
        _hits(now, module.slug, asked or "")
        return
    found = feedback.run(
        lambda: why.why(now.lake, flow.flow, record_id=state.record, actor=now.actor), at="here"
    )
    if found is not None:
        _answer(now, state, flow, found)


def _forget(state: FlowsState) -> None:
    state.record = ""
    redraw("centre")


def _hits(now: Here, module: str, asked: str) -> None:
    of = now.catalog.module(module)
    hits = search_module(now.lake, now.catalog, module=module, actor=now.actor, words=asked, limit=SHOWN)
    rows = [
        html.Row([hit.title or "Without a name", note_of(of, hit.subtitle), words.readable(hit.status or "")],
                 click=html.click("why", hit.id))
        for hit in hits.items
    ]  # fmt: skip
    one = of.one.lower()
    st.html(html.table_card(f"Choose the {one} to ask about", ["Record", "", "Status"], rows,
                            count=words.number(hits.total), empty="Nothing found. Try fewer letters."))  # fmt: skip


def _answer(now: Here, state: FlowsState, flow: FlowInfo, found: Why) -> None:
    module = flow.definition.module
    told = FlowWords(now.catalog, field_context(now), flow.definition)
    name = titles(now.lake, now.catalog, wanted={module: [state.record]}, actor=now.actor).get(
        state.record, ""
    )
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="why_head"
    ):
        st.html(
            html.title(html.link(name, click=html.click("open", module, state.record)), small=True),
            width="content",
        )
        if flow.state == "active":
            st.button("Run it on this record", icon=":material/bolt:", key="why:run", on_click=_run,
                      args=(now, state, flow))  # fmt: skip
    parts: list[html.Text] = [
        html.note(verdict(found), color="green" if found.fired and found.matched else "orange"),
        html.cards(_trigger(told, found)),
        leaf_table(told, found.leaves, title="Condition, on the record as it is now"),
    ]
    if found.runs:
        parts.append(run_table(now, found.runs, title="Its last runs"))
    st.html(html.stack(parts))


def verdict(found: Why) -> str:
    """What it comes to, in a sentence or two."""
    second = {
        True: "The condition holds.",
        False: "The condition does not hold: see which comparison says no.",
        None: "Whether the condition holds cannot be told, since it asks for what may not be seen.",
    }[found.matched]
    third = "" if found.state == "active" else " It is a draft, so it does nothing by itself."
    return f"{found.told} {second}{third}"


def _trigger(told: FlowWords, found: Why) -> html.Html:
    changed = ", ".join(told.label(column) for column in found.changed)
    return html.kv_card(
        "Trigger",
        [
            ("Waits until", told.trigger),
            ("Last change", f"The record {EVENTS[found.event]}" if found.event in EVENTS else found.event),
            ("Fields", changed),
            ("In snapshot", f"{found.snapshot:,}"),
        ],
        right=html.badge("Yes", color="green") if found.fired else html.badge("No", color="red"),
    )


def _run(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    done = feedback.run(
        lambda: manual.run_flow(now.lake, flow.flow, ids=[state.record], actor=now.actor), done=outcome_of
    )
    redraw("left", "centre") if done else redraw("centre")


def outcome_of(result: manual.CommandResult) -> str:
    """What became of a run by hand, in a sentence."""
    return {
        "done": "The flow ran",
        "not_matched": "Its condition does not hold, so nothing was done",
        "failed": f"It failed: {result.results[0].error}" if result.results else "It failed",
    }.get(result.state, words.readable(result.state))
