"""Single keys that press a button, also those that Streamlit keeps for itself (`r`, `c`).

keys({"r": f"answer:{record_id}"}, key="keys:inbox")         # key on the keyboard → the button's key
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages._ui.components import source

_KEYS = st.components.v2.component(
    "merganser_keys",
    html="<span hidden></span>",
    js=source("keys.js"),
)


def keys(pressed: Mapping[str, str], *, key: str) -> None:
    """Have keys press buttons while nobody types and no dialog is open; one whose button is not there does nothing."""
    _KEYS(data={"keys": dict(pressed)}, key=key)
