"""What is being typed, told before a form is sent, so that it can be kept as a draft.

listen({"text": "note:text"}, key="ear", on_typed=keep, shown=lambda: html.note("Draft kept"))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import streamlit as st

from pages._ui import html, words
from pages._ui.components import heard, source

_EAR = st.components.v2.component(
    "merganser_typed",
    html="<span hidden></span>",
    js=source("typed.js"),
)


def listen(
    fields: Mapping[str, str],
    *,
    key: str,
    on_typed: Callable[[dict[str, str]], object],
    kept_at: Callable[[], datetime | None],
    zone: str,
) -> None:
    """Hear what is typed into fields, and say below them since when it is kept.

    Only this part is drawn again by it: what one is typing into stays untouched.

    Args:
        fields: name → the key of the widget that it is typed into.
        key: the ear's own key.
        on_typed: called with what stands in all of the fields, when the fingers rest or a field is left.
        kept_at: when it was kept last, if it is.
        zone: the time zone (IANA) in which that is told.
    """

    def typed() -> None:
        said = heard(key, "typed")
        if (
            isinstance(said, dict)
            and set(said) == set(fields)
            and all(isinstance(s, str) for s in said.values())
        ):
            on_typed({name: said[name].replace("\x00", "") for name in fields})

    def draw() -> None:
        _EAR(data={"fields": dict(fields)}, key=key, on_typed_change=typed)
        at = kept_at()
        st.html(kept(at, zone=zone) if at is not None else html.Html("<span></span>"))

    st.fragment(draw, key=f"{key}:part")()


def kept(at: datetime, *, zone: str, what: str = "") -> html.Html:
    """That what is written is kept, and since when; `what` it is, where that cannot be seen."""
    return html.Html('<span class="m-sub" role="status">{} {}, {}</span>').format(
        html.icon("cloud_done"), f"{what}: draft kept" if what else "Draft kept", words.ago(at, zone=zone)
    )
