"""Where records live: the page of each module, and how to get from one to another without a reload."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

HOME, CALENDAR, REPORTS, LOAD, MODULES, FLOWS, EXPLORE = (
    ":home",
    ":calendar",
    ":reports",
    ":load",
    ":modules",
    ":flows",
    ":explore",
)
"""Pages beside those of modules, whose slugs have no colon."""

_PAGES = "nav:pages"
_GOTO = "nav:goto"


def register(pages: Mapping[str, object]) -> None:
    """Remember the page of each module for this run; `app.py` calls it before the navigation runs."""
    st.session_state[_PAGES] = dict(pages)


def registered() -> tuple[str, ...]:
    """The slugs of the pages of the run before: a page that stands open may be of a module that is gone by now."""
    return tuple(slug for slug in st.session_state.get(_PAGES, {}) if ":" not in slug)


def go(module: str, record_id: str | None = None, **query: str) -> None:
    """Ask for a module's page, at a record when one is named. For callbacks: `follow` then goes there."""
    st.session_state[_GOTO] = (module, {**query, **({"id": record_id} if record_id else {})})


def follow() -> None:
    """Go where a callback asked to go; first thing in a page or panel. Returns when nobody asked."""
    wish = st.session_state.pop(_GOTO, None)
    if wish is None:
        return
    slug, query = wish
    page = st.session_state.get(_PAGES, {}).get(slug)
    if page is not None:
        st.switch_page(page, query_params=query)
