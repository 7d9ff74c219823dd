"""The bar above a table or a board: search, filter, columns, views, files, what can be done, and the folders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from crm_core import downloads, facets
from crm_core.export import Format
from crm_core.model import Module
from crm_core.serving import served
from pages._ui import bulk, forms, html, nav, words
from pages._ui.conditions import condition_choices, describe, edit_condition
from pages._ui.session import Here
from pages._ui.table_cells import column_names
from pages._ui.table_state import TableState, apply_view, columns_shown, condition_of, keep_columns, shown_of
from pages._ui.table_views import draw_views

View = Literal["table", "board"]
EXPORTS: dict[Format, str] = {"xlsx": "Excel", "csv": "CSV", "parquet": "Parquet"}
_WAYS: dict[str, tuple[str, str]] = {
    "profiles": ("Profiles", "view_sidebar"),
    "table": ("Table", "table_rows"),
    "board": ("Board", "view_kanban"),
}


def draw_bar(
    now: Here, module: Module, state: TableState, *, view: View, total: int, workspace: bool = False
) -> None:
    """Draw the bar.

    Args:
        now: The lake, the definitions and who looks.
        module: Of which module.
        state: What the table remembers; what is typed and chosen here goes into it.
        view: What stands below.
        total: How many records match.
        workspace: Whether there is a page of profiles to get back to.
    """
    slug = module.slug

    def searched() -> None:
        state.words = st.session_state[f"table_words:{slug}"] or ""
        state.narrowed()

    choices = condition_choices(now.catalog, slug)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="table_bar"):
        st.text_input(
            "Search", key=f"table_words:{slug}", value=state.words, type="search", live="200ms", on_change=searched,
            placeholder=f"Search {module.name.lower()}…", label_visibility="collapsed", width=240,
        )  # fmt: skip
        with st.popover("Filter", icon=":material/filter_list:"):
            state.filter = edit_condition(state.filter, choices=choices, key=f"filter:{slug}")
        if view == "table":
            _columns(now, module, state)
        draw_views(
            now, module, shown=shown_of(now, module, state), on_apply=lambda saved: apply_view(now, state, saved)
        )  # fmt: skip
        _export(now, module, state)
        _other_ways(module, view, workspace=workspace)
        _actions(now, module, state, total)
    if state.filter:
        st.html(html.note(describe(state.filter, choices), color="blue"))
    if len(module.folders) > 1:
        _folders(now, module, state)


def has_board(module: Module) -> bool:
    """Whether its records go through statuses, which are the columns of a board."""
    return any(folder.statuses for folder in module.folders)


def _other_ways(module: Module, view: View, *, workspace: bool) -> None:
    """The same records looked at in another way."""
    offered = [*(["profiles"] if workspace else []), "table", *(["board"] if has_board(module) else [])]
    for way in offered:
        if way != view:
            label, icon = _WAYS[way]
            query: Mapping[str, str] = (
                {} if way == "profiles" or (way == "table" and not workspace) else {"view": way}
            )
            st.button(
                label, icon=f":material/{icon}:", key=f"table_{way}:{module.slug}", on_click=nav.go,
                args=(module.slug,), kwargs=dict(query),
            )  # fmt: skip


def _actions(now: Here, module: Module, state: TableState, total: int) -> None:
    slug = module.slug
    if now.actor.role == "viewer":
        return
    if total:
        label = f"Change {len(state.ticked)}" if state.ticked else "Change"
        st.button(
            label, icon=":material/edit_note:", key=f"table_bulk:{slug}", on_click=bulk.ask, args=(slug,)
        )  # fmt: skip
    if state.ticked:
        st.button(
            "Untick", icon=":material/remove_done:", key=f"table_untick:{slug}", on_click=state.narrowed
        )
    st.button(
        f"New {module.one.lower()}", icon=":material/add:", type="primary", key=f"table_new:{slug}", shortcut="N",
        on_click=forms.ask_new, args=(slug,),
    )  # fmt: skip


def _export(now: Here, module: Module, state: TableState) -> None:
    """Links to all that match as a file; only the server that has the API can hand them out."""
    if served() is None:
        return
    with st.popover("Export", icon=":material/download:"):
        st.caption("All records that match, with every field.")
        for format, name in EXPORTS.items():
            wanted = downloads.Wanted(
                module.slug, format, now.actor, condition_of(now, module, state), state.sort
            )
            st.link_button(name, downloads.offer(wanted), width="stretch")


def _columns(now: Here, module: Module, state: TableState) -> None:
    names = column_names(now.catalog, module)
    chosen, key = columns_shown(now, module, state), f"columns:{module.slug}"
    with st.popover("Columns", icon=":material/view_column:"):
        st.multiselect(
            "Columns", list(names), default=[name for name in chosen if name in names], key=key,
            format_func=names.__getitem__, label_visibility="collapsed",
            on_change=lambda: keep_columns(now, module, state, st.session_state[key]),
        )  # fmt: skip


def _folders(now: Here, module: Module, state: TableState) -> None:
    counts = facets.read_facets(now.lake, now.catalog, module=module.slug, by=["folder"], actor=now.actor)[
        "folder"
    ]
    labels = {"": "All"} | {f.slug: f"{f.name} {words.number(counts.get(f.slug, 0))}" for f in module.folders}

    def chosen() -> None:
        state.folder = st.session_state[f"table_folder:{module.slug}"] or ""
        state.narrowed()

    with st.container(key="folders"):
        st.pills(
            "Folder", list(labels), default=state.folder if state.folder in labels else "", required=True,
            key=f"table_folder:{module.slug}", format_func=labels.__getitem__, on_change=chosen,
            label_visibility="collapsed",
        )  # fmt: skip
