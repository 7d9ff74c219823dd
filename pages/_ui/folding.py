"""Panels fold: by a button in each, by `[` and `]`; what a person folded stays folded on every page."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from crm_core.preferences import keep_preference, read_preferences
from pages._ui.components import heard, source
from pages._ui.html import Html
from pages._ui.session import here

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")
_NAMES: dict[Side, str] = {"left": "Fold the list", "right": "Fold the details"}
_FOLDING = st.components.v2.component(
    "merganser_folding",
    html="<span hidden></span>",
    js=source("folding.js"),
)


def button(side: Side) -> None:
    """Draw the button that folds a panel, and shows it again."""
    icon = "left_panel_close" if side == "left" else "right_panel_close"
    st.html(
        Html(
            '<button type="button" class="m-fold" data-fold="{}" aria-label="{}" aria-expanded="true">'
            '<span class="m-icon" aria-hidden="true">{}</span></button>'
        ).format(side, _NAMES[side], icon)
    )


def listen() -> None:
    """Hear what is folded, and keep it for the person; drawn once a page with panels."""
    now = here()
    kept = read_preferences(now.lake, actor=now.actor)

    def folded() -> None:
        told = heard("folding", "fold")
        if isinstance(told, str):
            for side in SIDES:
                keep_preference(now.lake, f"fold.{side}", side in told.split() or None, actor=now.actor)

    _FOLDING(
        data={side: kept.get(f"fold.{side}") is True for side in SIDES}, key="folding", on_fold_change=folded
    )
