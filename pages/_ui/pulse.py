"""Pages that show what others write without a click: the browser watches the snapshot and redraws when it moves.

pulse(snapshot, on_move=lambda: redraw("left", "centre", "right"))
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages._ui.components import source

EVERY_MS = 1000
NOWHERE = -1
"""A snapshot that no lake is at."""
_BEATS = "pulse:beats"
"""Which watch the page that stands has, by its key: one a page, since two at once take each other's turn."""
_PULSE = st.components.v2.component(
    "merganser_pulse",
    html="<span hidden></span>",
    js=source("pulse.js"),
)


def pulse(snapshot: int, on_move: Callable[[], None], *, key: str = "pulse") -> None:
    """Calls `on_move` when the lake has moved past `snapshot`, at most once a second, while the tab is seen."""
    owed = f"{key}:owed"

    def moved() -> None:
        # A run of the whole page draws everything; to ask for some panels instead would leave a dialog open that it
        # is about to close. And a press elsewhere goes first: what it is about would not be drawn. The browser asks
        # again as long as it is owed something.
        context = get_script_run_ctx()
        drawn = context.fragment_ids_this_run if context is not None else None
        st.session_state[owed] = bool(drawn) and len(drawn or ()) > 1
        if (context is None or drawn) and not st.session_state[owed]:
            on_move()

    st.session_state[_BEATS] = key
    shown = NOWHERE if st.session_state.get(owed) else snapshot
    _PULSE(data={"snapshot": shown, "every": EVERY_MS}, key=key, on_moved_change=moved)


def begin() -> None:
    """Forget the watch of the page before; `app.py` calls it before a page is drawn."""
    st.session_state[_BEATS] = ""


def beats_beside(key: str) -> bool:
    """Whether the page that was drawn has another watch than the one of this key."""
    return st.session_state.get(_BEATS, "") not in ("", key)
