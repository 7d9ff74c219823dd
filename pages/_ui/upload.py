"""A box that files are dropped into: they go to the server's disk piece by piece, never through a page's memory.

    state.box = state.box or uploads.open_box()
    upload_box(state.box, key="load:files", on_sent=look_at_them)      # then uploads.files_in(state.box)

Streamlit's own uploader would keep each file whole in memory; this one sends it to the API of the same process.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from crm_core.uploads import in_words
from pages._ui.components import source

_BOX = st.components.v2.component(
    "merganser_upload",
    html='<div class="box" role="button" tabindex="0"><i class="mark" aria-hidden="true"></i><b></b>'
    '<span></span></div><input type="file" multiple hidden><ul class="files"></ul>',
    css=source("upload.css"),
    js=source("upload.js"),
)


def upload_box(
    box: str,
    *,
    key: str,
    on_sent: Callable[[], None],
    label: str = "Drop files here, or click to choose",
    hint: str = "",
    most_bytes: int | None = None,
    thin: bool = False,
    forgets: bool = False,
) -> None:
    """Draws the box; `on_sent` is called when the files that were chosen together have come in.

    A file of more than `most_bytes` is refused before it is sent; the box must have been opened with the same limit. A
    `thin` box takes little room; one that `forgets` stands where the page itself shows what has come in.
    """
    url = f"/api/v1/uploads/{box}/upload"
    limit = {"most": most_bytes, "limit": in_words(most_bytes)} if most_bytes else {"most": 0, "limit": ""}
    data = {"url": url, "label": label, "hint": hint, "thin": thin, "forgets": forgets, **limit}
    _BOX(data=data, key=key, on_sent_change=on_sent)
