"""The look of every page: one style sheet, put into the document once a run.

    style.page("Customers")        # first call of a page script: styles and the title

The sheet leans on Streamlit's test ids, which is why Streamlit's version is exact.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import streamlit as st

_PLACES = 4
"""Messages that one callback can show."""
ROOT = Path(__file__).resolve().parents[2]
LOGO = ROOT / "static" / "logo.svg"
ICON = ROOT / "static" / "icon.svg"
"""A local file: a `:material/…:` page icon would ask a font host for the favicon."""


def frame() -> None:
    """Sets up the browser tab and the logo; `app.py` calls it once, before the navigation runs."""
    st.set_page_config(page_title="Merganser", page_icon=str(ICON), layout="wide", initial_sidebar_state=216)
    st.logo(str(LOGO), icon_image=str(ICON), size="medium")
    apply()


def apply() -> None:
    """Puts the style sheet into the page: once per run, before anything is drawn.

    What a callback says while only a part of the page is drawn again takes the place of what was said first: of these
    empty places, then, and not of the sheet.
    """
    for at in range(_PLACES):
        st.html(f"<style>/* {at} */</style>")
    st.html(f"<style>{sheet()}</style>")


@cache
def sheet() -> str:
    """The style sheets as one text: what all pages share, then one of each part that has its own."""
    places = [Path(__file__).with_name("style.css"), *sorted(Path(__file__).parent.glob("style_*.css"))]
    return "\n".join(place.read_text(encoding="utf-8") for place in places)


def theme() -> Literal["light", "dark"]:
    """Which of the two themes this browser shows."""
    return "dark" if st.context.theme.type == "dark" else "light"
