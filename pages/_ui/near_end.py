"""The end of a list that has more: says so when it comes near, so that what follows is there before one arrives.

near_end("50", key="runs:near", on_near=partial(_more, state))
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages._ui.components import source

_NEAR_END = st.components.v2.component(
    "merganser_near_end",
    html='<div class="near-end" role="status"></div>',
    css=".near-end { padding: 10px 2px; color: var(--faint); font-size: 13px; min-height: 20px; }",
    js=source("near_end.js"),
)


def near_end(more: str, *, key: str, on_near: Callable[[], None]) -> None:
    """Draw the end of what is shown.

    Args:
        more: Names what follows, another name for each end; empty where nothing does.
        key: The component's own.
        on_near: Called in a callback once for each end, when it comes near.
    """
    _NEAR_END(data={"more": more}, key=key, on_near_change=on_near)
