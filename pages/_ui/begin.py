"""The start page: it leads to where the work is, and helps to begin where there is nothing yet."""

from __future__ import annotations

import streamlit as st

from crm_core import definitions
from pages._ui import feedback, nav, words
from pages._ui.layout import page
from pages._ui.nothing import no_module
from pages._ui.session import Here, here


def draw() -> None:
    """Draw what a lake without modules offers."""
    nav.follow()
    now = here()
    with page("Merganser", subtitle="Customers, and everything about them, in one lake."):
        no_module(now, on_pack=lambda name: _begin_with(now, name))


def _begin_with(now: Here, pack: str) -> None:
    feedback.run(
        lambda: definitions.apply_pack(now.lake, pack, actor=now.actor),
        done=lambda plan: (
            f"{words.plural(len(plan.changes), 'definition')} of {words.readable(pack)} are there"
        ),
    )
    st.rerun("app")
