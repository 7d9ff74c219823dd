"""The versions of a flow: who made which when and why, what each changed, and the way back to one."""

from __future__ import annotations

import streamlit as st

from flows import versions
from flows.store import FlowInfo
from flows.versions import FlowVersion
from pages._ui import feedback, html, words
from pages._ui.flows_state import FlowsState
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context

STATES = {"active": ("Active", "green"), "draft": ("Draft", "gray"), "paused": ("Paused", "yellow"),
          "retired": ("Removed", "red")}  # fmt: skip


def draw(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    """Draw the list, and what the chosen version changed."""
    found = versions.list_versions(now.lake, flow.flow)
    known = [one.version for one in found]
    chosen = state.version if state.version in known else known[0]
    if flow.draft_version is not None and flow.live_version is not None:
        with st.container(horizontal=True, gap="small", vertical_alignment="center", key="versions_draft"):
            text = (
                f"Version {flow.draft_version} is a draft beside version {flow.live_version}, which is live."
            )
            st.html(html.Html('<div class="m-sub">{}</div>').format(text))
            st.button("Give the draft up", icon=":material/delete:", key="versions:discard", on_click=_discard,
                      args=(now, state, flow))  # fmt: skip
    st.html(_table(now, flow, found, chosen))
    _compare(now, state, flow, chosen)


def _table(now: Here, flow: FlowInfo, found: list[FlowVersion], chosen: int) -> html.Html:
    users = field_context(now).users
    rows = []
    for one in found:
        label, color = STATES.get(one.state, (one.state, "gray"))
        mark = (
            html.badge("Live", color="green", dot=True) if one.version == flow.live_version else html.Html("")
        )
        number = html.Html("<b>{}</b>").format(one.version) if one.version == chosen else str(one.version)
        when = html.Html('<span title="{}">{}</span>').format(
            words.moment(one.occurred_at, zone=now.zone), words.ago(one.occurred_at, zone=now.zone)
        )
        who = users.get(one.actor, words.readable(one.actor))
        rows.append(html.Row([number, html.join([html.badge(label, color=color), " ", mark]), who, one.reason, when],
                             click=html.click("version", str(one.version))))  # fmt: skip
    columns = ["Version", "Saved as", "By", "Why", "When"]
    return html.table_card("Versions", columns, rows, count=str(len(rows)), right_aligned=(4,))


def _compare(now: Here, state: FlowsState, flow: FlowInfo, chosen: int) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="versions_bar"):
        st.html(html.title(f"Version {chosen}", small=True), width="content")
        if flow.live_version is not None and chosen != flow.live_version:
            st.button(f"Go back to version {chosen}" if chosen < flow.version else f"Make version {chosen} live",
                      icon=":material/restore:", key="versions:back", on_click=_back,
                      args=(now, state, flow, chosen))  # fmt: skip
    if chosen == 1:
        st.html(html.Html('<div class="m-sub">The first version.</div>'))
        return
    found = feedback.run(lambda: versions.diff(now.lake, flow.flow, chosen - 1, chosen), at="here")
    if found is None:
        return
    if not found.lines:
        st.html(html.Html('<div class="m-sub">It says the same as version {}.</div>').format(chosen - 1))
        return
    st.html(html.note(f"Against version {chosen - 1}:", color="blue", lines=list(found.lines)))
    st.code(found.text, language="diff")


def _back(now: Here, state: FlowsState, flow: FlowInfo, version: int) -> None:
    feedback.run(
        lambda: versions.roll_back(now.lake, flow.flow, version, actor=now.actor),
        done=f"{flow.title} is as in version {version}",
    )
    state.version = 0
    redraw("left", "centre")


def _discard(now: Here, state: FlowsState, flow: FlowInfo) -> None:
    feedback.run(
        lambda: versions.discard_draft(now.lake, flow.flow, actor=now.actor), done="The draft is given up"
    )
    state.version, state.draft = 0, None
    redraw("left", "centre")
