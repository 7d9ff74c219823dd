"""Frames within what `st.html` shows, for a PDF or a mail: only our own addresses of these are taken.

st.html(cards(…, frame(files.address(…), title="offer.pdf")))
frames(key="files")                                            # once, where one may be among it
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages._ui import html

_FRAMES = st.components.v2.component(
    "merganser_frames",
    html="<span hidden></span>",
    js=Path(__file__).with_name("frames.js").read_text(encoding="utf-8"),
)


def frame(address: str, *, title: str) -> html.Html:
    """The element in which a frame is put."""
    return html.Html('<div class="m-frame" data-frame="{}" aria-label="{}"></div>').format(address, title)


def frames(*, key: str) -> None:
    """Let the frames of the page be put in."""
    _FRAMES(key=f"frames:{key}")
