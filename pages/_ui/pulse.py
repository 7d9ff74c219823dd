"""Pages that show what others write without a click: the browser watches the snapshot and redraws when it moves.

pulse(snapshot, on_move=lambda: redraw("left", "centre", "right"))
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

EVERY_MS = 1000
_PULSE = st.components.v2.component(
    "merganser_pulse",
    html="<span hidden></span>",
    js=Path(__file__).with_name("pulse.js").read_text(encoding="utf-8"),
)


def pulse(snapshot: int, on_move: Callable[[], None], *, key: str = "pulse") -> None:
    """Calls `on_move` when the lake has moved past `snapshot`, at most once a second, while the tab is seen."""
    _PULSE(data={"snapshot": snapshot, "every": EVERY_MS}, key=key, on_moved_change=on_move)
