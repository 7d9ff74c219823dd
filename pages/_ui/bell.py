"""The bell in the frame of every page: how many notices are unread, and the newest of them to open."""

from __future__ import annotations

import streamlit as st

from crm_core.access import Actor
from crm_core.conversations import MESSAGES
from crm_core.preferences import keep_preference
from flows import notifications
from flows.noticing import KINDS, PREFERENCE, muted
from flows.notifications import Notification, Overview
from lake import Lake
from pages._ui import feedback, html, nav, session, words
from pages._ui.layout import beside
from pages._ui.pulse import beats_beside, pulse
from pages._ui.session import Here

NEWEST = 8
_SECTIONS = {"message": MESSAGES, "mention": "notes", "failed": "workflow"}
"""Kind of notice → the section of the record that it is about."""
_PULSE = "pulse_bell"
_KEPT = "bell:kept"
"""The overview as of a snapshot, so that a page that is drawn again asks for nothing."""


def draw() -> None:
    """The bell; after the page, whose watch of the snapshot draws it again where the page has one."""
    st.fragment(_bell, key="bell")()
    beside("bell")


def _bell() -> None:
    nav.follow()
    here = session.here()
    snapshot = here.lake.known_snapshot()
    told = _overview(here.lake, here.actor, snapshot)
    if not beats_beside(_PULSE):
        pulse(snapshot, on_move=lambda: None, key=_PULSE)
    count = (str(told.unread) if told.unread < 100 else "99+") if told.unread else ""
    icon = ":material/notifications_unread:" if told.unread else ":material/notifications:"
    name = f"Notifications: {count or 'none'} unread"
    with st.popover(
        f"*Notifications* {count}".strip(), icon=icon, type="tertiary", width="content", key="bell", help=name
    ):
        _newest(here, told)


def _overview(lake: Lake, actor: Actor, snapshot: int) -> Overview:
    kept = st.session_state.get(_KEPT)
    if kept is None or kept[0] != (snapshot, actor):
        found = notifications.overview(lake, actor=actor, limit=NEWEST)
        kept = st.session_state[_KEPT] = ((snapshot, actor), found)
    told: Overview = kept[1]
    return told


def _newest(here: Here, told: Overview) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.html(html.section_header("Notifications", str(told.unread) if told.unread else ""))
        if told.unread:
            st.button("Mark all read", key="bell:all", type="tertiary", on_click=_read, args=(here, None))
    if not told.newest:
        st.html(html.Html('<span class="m-sub">Nothing yet. What concerns you stands here.</span>'))
    with st.container(key="bell_list"):
        for one in told.newest:
            st.button(
                _label(one, here.zone), key=f"bell:{one.id}", type="tertiary", width="stretch",
                on_click=_open, args=(here, one),
            )  # fmt: skip
    _choice(here)


def _choice(here: Here) -> None:
    """Of what one is told."""
    offered = [kind for kind in KINDS if kind != "failed" or here.actor.role == "admin"]
    silent = muted(here.lake, user=here.actor.user)
    if not st.toggle("Choose what I am told", key="bell:choose"):
        return
    st.pills(
        "Tell me", offered, selection_mode="multi", default=[kind for kind in offered if kind not in silent],
        format_func=KINDS.__getitem__, key="bell:kinds", on_change=_chosen, args=(here, offered),
    )  # fmt: skip


def _chosen(here: Here, offered: list[str]) -> None:
    wanted = st.session_state["bell:kinds"] or []
    silent = [kind for kind in offered if kind not in wanted]
    feedback.run(lambda: keep_preference(here.lake, PREFERENCE, silent or None, actor=here.actor))


def _label(one: Notification, zone: str) -> str:
    """The record and when it was, with a dot while it is unread; below, what is told."""
    when = words.ago(one.created_at, zone=zone)
    title, text = html.plain(one.title), html.plain(" ".join(one.text.split()))
    if one.records > 1:
        title = f"{title} {html.plain(f'and {words.number(one.records - 1)} more')}"
    dot = ":primary[●] " if one.read_at is None else ""
    return f"{dot}**{title}** · {html.plain(when)}  \n{text}"


def _open(here: Here, one: Notification) -> None:
    if one.read_at is None:
        _read(here, [one.id])
    if one.records > 1:
        nav.go(one.module)
    elif one.kind in _SECTIONS:
        nav.go(one.module, one.record_id, section=_SECTIONS[one.kind])
    else:
        nav.go(one.module, one.record_id)


def _read(here: Here, ids: list[str] | None) -> None:
    feedback.run(lambda: notifications.mark_read(here.lake, actor=here.actor, ids=ids))
