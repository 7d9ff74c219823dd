"""The heading of a record: who it is, where it stands, how to reach it, and the sections of its profile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from crm_core.panels import Panel
from crm_core.profile import Head
from pages._ui import (
    as_of,
    call_log,
    header_actions,
    header_consents,
    header_html,
    header_photo,
    header_reach,
    html,
    profile,
)
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState


def draw(
    now: Here,
    seen: Head,
    panels: Sequence[Panel],
    current: Panel,
    state: WorkspaceState,
    *,
    locked: bool,
    at: int | None = None,
    on_mail: Callable[[], None] | None = None,
) -> None:
    """Draw the heading, with the open section marked; of the past without ways to reach who it was then.

    Where it is `locked` nothing in it can be changed; `at` is the snapshot that is looked at.
    `on_mail` begins a mail to the person.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        if header_html.TITLE in state.editing and not locked:
            header_actions.rename(now, seen, state)
        else:
            st.html(header_html.header(now, seen, locked=locked))
        with st.container(horizontal=True, gap="xsmall", width="content", wrap=False, key="head_reach"):
            if state.as_of is None:
                logs = not locked and call_log.can_log(now)
                profile.contact_buttons(now, seen, on_mail=on_mail, logs_calls=logs)
    with st.container(horizontal=True, vertical_alignment="center", gap=None, wrap=False, key="head_marks"):
        st.html(header_html.marks(now, seen, _marks(now, seen, state, locked, at)))
        as_of.control(now, seen.module.slug, state)
        st.html(header_html.steps(), width="content")
    if not locked:
        header_reach.draw(now, seen, state)
        header_photo.draw(now, seen, state)
        header_consents.draw(now, seen, state)
    st.html(html.section_nav([(panel.slug, panel.label) for panel in panels], current.slug))


def _marks(now: Here, seen: Head, state: WorkspaceState, locked: bool, at: int | None) -> list[html.Html]:
    reach = header_reach.mark(now, seen, state, locked=locked)
    said = header_consents.marks(now, seen, locked=locked, at=at)
    return [*([reach] if reach is not None else []), *said]
