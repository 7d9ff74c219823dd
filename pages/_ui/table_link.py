"""What a table or board is narrowed to and how it is sorted, in its address: a link shows somebody else the same.

What stands by default is left out. Whose records they are is not part of it: whoever opens the link sees his own.
"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st
from pydantic import ValidationError

from crm_core.conditions import Scope, compile_condition
from crm_core.errors import CrmError
from crm_core.model import Module
from crm_core.model.condition import parse_condition
from crm_core.page_rows import parse_sort
from crm_core.relations import relations_for
from pages._ui.session import Here
from pages._ui.table_state import NEWEST, TableState, show_all

NAMES = ("q", "folder", "filter", "sort", "page")
LONGEST = 2_000
"""Letters of a filter that an address takes; a longer one is left out, and the link shows more."""


def keep_link(now: Here, module: Module, state: TableState) -> None:
    """Take what the address asks for, where somebody came with it, and write what is shown into it.

    An address says nothing when one comes back by the menu: then the table is as one left it.
    """
    asked = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    if asked and asked != state.link:
        take(now, module, state, asked)
    state.link = link_of(state)
    for name in NAMES:
        if name not in state.link:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != state.link[name]:
            st.query_params[name] = state.link[name]


def link_of(state: TableState) -> dict[str, str]:
    """What an address says of a table."""
    when = json.dumps(state.filter, separators=(",", ":"), ensure_ascii=False) if state.filter else ""
    parts = {
        "q": state.words.strip(), "folder": state.folder, "filter": when if len(when) <= LONGEST else "",
        "sort": "" if state.sort == NEWEST else state.sort, "page": "" if state.page == 1 else str(state.page),
    }  # fmt: skip
    return {name: part for name, part in parts.items() if part}


def take(now: Here, module: Module, state: TableState, asked: dict[str, str]) -> None:
    """Show what an address asks for; what is not there, or is no filter or order of this module, is left out."""
    show_all(module.slug, state)
    state.words = asked.get("q", "")
    state.folder = asked.get("folder", "") if module.folder(asked.get("folder", "")) else ""
    state.filter = _filter(now, module, asked.get("filter", ""))
    state.sort = _sort(now, module, asked.get("sort", ""))
    page = asked.get("page", "")
    state.turned(max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 9 else 1)


def _filter(now: Here, module: Module, text: str) -> dict[str, Any]:
    if not text or len(text) > LONGEST:
        return {}
    try:
        found = json.loads(text)
        scope = Scope(module.slug, "r", relations_for(now.lake, now.catalog, now.actor))
        compile_condition(parse_condition(found), scope)
    except (ValueError, RecursionError, ValidationError, CrmError):
        return {}
    return found if isinstance(found, dict) else {}


def _sort(now: Here, module: Module, text: str) -> str:
    try:
        return text if parse_sort(now.catalog, module.slug, text) else NEWEST
    except CrmError:
        return NEWEST
