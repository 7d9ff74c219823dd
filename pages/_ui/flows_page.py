"""The page of flows: which there are on the left; in the middle what one does, did, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from flows import outbox, run_history, store, versions
from flows.store import FlowInfo
from pages._ui import (
    feedback,
    flow_activate,
    flow_editor,
    flow_run,
    flow_test,
    flow_versions,
    flows_definition,
    flows_new,
    flows_outbox,
    flows_runs,
    flows_why,
    html,
    nav,
    words,
)
from pages._ui.components import Click, ListRow, clicks, record_list
from pages._ui.flows_state import DEFINITION, OUTBOX, RUNS, TABS, TEST, VERSIONS, WHY, FlowsState
from pages._ui.layout import body, head, redraw, show_panel, three_panels
from pages._ui.nothing import Action, nothing, to_modules
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id, record_id_in_url, set_url, slug_in_url, word_in_url

STATES: dict[str, tuple[str, str]] = {
    "active": ("Active", "green"),
    "paused": ("Paused", "orange"),
    "draft": ("Draft", "gray"),
}
_ASKED = "flows:asked"
FILTERS = {"": "All", "active": "Active", "paused": "Paused", "draft": "Drafts"}


def draw() -> None:
    """Draw the page."""
    nav.follow()
    now = here()
    if now.actor.role != "admin":
        st.html(html.empty_state("Only administrators see flows", "Ask one of them what runs, and why."))
        return
    state = page_state(FlowsState, page="flows")
    known = store.list_flows(now.lake)
    state.flow = slug_in_url("flow", among=[flow.flow for flow in known]) or state.flow
    if state.flow not in [flow.flow for flow in known]:
        state.flow = known[0].flow if known else ""
    state.tab = word_in_url("tab", among=TABS, default=state.tab)
    run = record_id_in_url("run")
    if run is not None:
        # Asked for once: whoever goes back to all runs stays there.
        state.run = run
        set_url(run=None)
    three_panels(left=lambda: _left(state), centre=lambda: _centre(state), labels=("Flows", "Flow", ""))


# --- the list ------------------------------------------------------------------------------------------


def _left(state: FlowsState) -> None:
    now = here()
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    flows = store.list_flows(now.lake)
    with head("left"):
        _list_head(now, state, flows)
    counts = run_history.count_runs(now.lake, actor=now.actor, since=datetime.now(UTC) - timedelta(days=7))
    days = run_history.count_days(now.lake, actor=now.actor, zone=now.zone)
    shown = [flow for flow in flows if _is_wanted(now, state, flow)]
    record_list(
        [_row(now, flow, counts.get(flow.id, {}), days.get(flow.id, ())) for flow in shown],
        key="list:flows", selected=state.flow, on_select=lambda slug: _select(state, slug), search="flows:words",
        label="Flows", none="No flow is like that." if flows else "No flow yet. Press N to make the first one.",
    )  # fmt: skip
    pulse(seen, on_move=lambda: _moved(state), key="pulse:flows")


def _moved(state: FlowsState) -> None:
    # What is being written in the other tabs must not be disturbed.
    redraw(*(("left", "centre") if state.tab in (RUNS, OUTBOX) else ("left",)))


def _list_head(now: Here, state: FlowsState, flows: list[FlowInfo]) -> None:
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="left_title"
    ):
        st.html(html.title("Flows", count=str(len(flows)), small=True), width="content")
        if st.button("New flow", icon=":material/add:", type="tertiary", key="new:flow", shortcut="N"):
            flows_new.new_flow(now, on_created=lambda slug: _created(state, slug))

    def narrowed() -> None:
        state.words = st.session_state["flows:words"] or ""
        state.only = st.session_state["flows:only"] or ""

    st.text_input("Search", key="flows:words", type="search", live="100ms", value=state.words, on_change=narrowed,
                  placeholder="Search flows…", label_visibility="collapsed")  # fmt: skip
    with st.container(key="folders"):
        st.pills("State", list(FILTERS), default=state.only, required=True, key="flows:only", on_change=narrowed,
                 format_func=FILTERS.__getitem__, label_visibility="collapsed")  # fmt: skip


def _created(state: FlowsState, slug: str) -> None:
    state.flow, state.tab, state.as_yaml, state.words, state.only = slug, DEFINITION, False, "", ""
    state.sample = ""
    flow_editor.begin(state, store.show_flow(here().lake, slug))
    set_url(flow=slug, tab=None)


def _is_wanted(now: Here, state: FlowsState, flow: FlowInfo) -> bool:
    told = f"{flow.title} {flow.flow} {_module(now, flow)}".lower()
    asked = state.words.lower().split()
    return all(word in told for word in asked) and state.only in ("", flow.state)


def _module(now: Here, flow: FlowInfo) -> str:
    known = now.catalog.modules.get(flow.definition.module)
    return known.name if known else flow.definition.module


def _icon(now: Here, flow: FlowInfo) -> str:
    known = now.catalog.modules.get(flow.definition.module)
    return known.icon if known else "bolt"


def _row(now: Here, flow: FlowInfo, count: dict[str, Any], days: Sequence[int]) -> ListRow:
    done, failed = count.get("done", 0), count.get("failed", 0)
    label, color = STATES.get(flow.state, (flow.state, "gray"))
    told = [_module(now, flow)]
    if flow.problems:
        told.append(words.plural(len(flow.problems), "problem"))
    if done or failed:
        told.append(f"{words.bars(days)} {done + failed:,}" + (f", {failed:,} failed" if failed else ""))
    elif flow.state != "active":
        told.append(label.lower())
    if flow.state == "active" and flow.draft_version is not None:
        told.append("draft beside it")
    return ListRow(
        id=flow.flow, title=flow.title, icon=_icon(now, flow), text=" · ".join(told), status=label,
        when=words.ago(count["last"], zone=now.zone) if count.get("last") else "",
        color="red" if failed or flow.problems else color,
    )  # fmt: skip


def _select(state: FlowsState, slug: str) -> None:
    state.flow, state.run, state.shown, state.sample, state.version = slug, "", flows_runs.PAGE, "", 0
    set_url(flow=slug)
    show_panel("centre")
    redraw("centre")


# --- one flow ------------------------------------------------------------------------------------------


def _centre(state: FlowsState) -> None:
    nav.follow()
    now = here()
    clicks(lambda click: _clicked(state, click), key="clicks:flows")
    found = feedback.run(lambda: store.show_flow(now.lake, state.flow), at="here") if state.flow else None
    if found is None:
        _nobody(now, state)
        return
    with head("centre"):
        _head(now, state, found)
    with body("centre"):
        {
            DEFINITION: flows_definition.draw,
            TEST: flow_test.draw,
            RUNS: flow_run.draw if state.run else flows_runs.draw,
            WHY: flows_why.draw,
            VERSIONS: flow_versions.draw,
            OUTBOX: flows_outbox.draw,
        }[state.tab](now, state, found)
    flow_activate.ask(now, state, found)


def _nobody(now: Here, state: FlowsState) -> None:
    """What the middle shows when no flow is open, or there is none."""
    if store.list_flows(now.lake):
        nothing("No flow is chosen", "Choose one on the left.", icon_name="account_tree")
        return
    text = "A flow does something when records change: a task for the team, a mail to the customer, another value."
    actions = [Action("New flow", "add", _ask_new)] if now.catalog.modules else [to_modules()]
    nothing("No flow yet", text, icon_name="account_tree", actions=actions)
    if st.session_state.pop(_ASKED, False):
        flows_new.new_flow(now, on_created=lambda slug: _created(state, slug))


def _ask_new() -> None:
    st.session_state[_ASKED] = True


def _head(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    label, color = STATES.get(flow.state, (flow.state, "gray"))
    subtitle = f"{_module(now, flow)} · version {flow.version} · {flow.flow}"
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.html(html.record_header(flow.title, subtitle=subtitle, badge=html.badge(label, color=color, dot=True),
                                   icon_name=_icon(now, flow)))  # fmt: skip
        with st.container(
            horizontal=True, gap="small", width="content", wrap=False, vertical_alignment="center"
        ):
            _switches(state, flow)
            _more(now, state, flow)

    def chosen() -> None:
        state.tab, state.run = st.session_state["flows:tab"], ""
        set_url(tab=None if state.tab == DEFINITION else state.tab)
        redraw("centre")

    st.session_state["flows:tab"] = state.tab
    st.segmented_control("Part", TABS, required=True, key="flows:tab", on_change=chosen, label_visibility="collapsed",
                         format_func=lambda tab: _tab_name(now, tab))  # fmt: skip


def _tab_name(now: Here, tab: str) -> str:
    held = outbox.count_messages(now.lake, actor=now.actor).get("held", 0) if tab == OUTBOX else 0
    return f"{words.readable(tab)} · {held:,} held" if held else words.readable(tab)


def _more(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    with st.popover("", icon=":material/more_horiz:", help="More", key=f"flow:more:{flow.flow}"):
        if st.button("Duplicate", icon=":material/content_copy:", type="tertiary", key="flow:duplicate"):
            made = feedback.run(
                lambda: versions.duplicate(now.lake, flow.flow, f"{flow.title} (copy)", actor=now.actor)
            )
            if made:
                _created(state, made)
                st.rerun()
        st.html(html.Html('<div class="m-sub">Removed, it runs no more. Its versions and runs stay.</div>'))
        if st.button("Remove this flow", icon=":material/delete:", key="flow:remove"):
            feedback.run(
                lambda: store.retire(now.lake, flow.flow, actor=now.actor), done=f"{flow.title} is removed"
            )
            state.flow = ""
            set_url(flow=None)
            st.rerun()


def _switches(state: FlowsState, flow: FlowInfo) -> None:
    """What makes the flow run, or rest; each asks first."""
    if flow.state != "active" or flow.draft_version is not None:
        label = "Activate the draft" if flow.state == "active" else "Activate"
        st.button(label, icon=":material/bolt:", type="primary", key="flow:on", on_click=_ask,
                  args=(state, flow_activate.ACTIVATE))  # fmt: skip
    if flow.state == "active":
        st.button(
            "Pause", icon=":material/pause:", key="flow:off", on_click=_ask, args=(state, flow_activate.PAUSE)
        )


def _ask(state: FlowsState, question: str) -> None:
    state.asked = question
    redraw("centre")


def _clicked(state: FlowsState, click: Click) -> None:
    match click.verb, click.values:
        case "open", (module, target) if record_id(target):
            nav.go(module, target)
        case "run", (run,) if record_id(run):
            state.tab, state.run = RUNS, run
        case "why", (record,) if record_id(record):
            state.tab, state.record = WHY, record
        case "version", (number,) if number.isdigit():
            state.tab, state.version = VERSIONS, int(number)
        case _:
            pass
    redraw("centre")
