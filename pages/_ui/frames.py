"""Frames within what `st.html` shows, for a PDF or a mail: only our own addresses of these are taken.

st.html(cards(…, frame(files.address(…), title="offer.pdf")))
frames(key="files")                                            # once, where one may be among it
"""

from __future__ import annotations

import streamlit as st

from pages._ui import html
from pages._ui.components import source

_FRAMES = st.components.v2.component(
    "merganser_frames",
    html="<span hidden></span>",
    js=source("frames.js"),
)


def frame(address: str, *, title: str) -> html.Html:
    """The element in which a frame is put."""
    return html.Html('<div class="m-frame" data-frame="{}" aria-label="{}"></div>').format(address, title)


def frames(*, key: str) -> None:
    """Let the frames of the page be put in."""
    _FRAMES(key=f"frames:{key}")
