"""A module as a table: search, folders, filter, sort, columns, pages, totals; a click opens the record.

Ticked records, or all that match, are changed together, and taken back in one press.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm_core import downloads, facets, listing, totals
from crm_core.export import Format
from crm_core.model import All, AnyOf, Condition, Leaf, Module, SavedFilter
from crm_core.model.condition import parse_condition
from crm_core.query import Page, read_page
from crm_core.searched import searched_columns
from crm_core.serving import served
from crm_core.views import Shown, columns_of
from pages._ui import bulk, feedback, forms, html, nav, words
from pages._ui.conditions import condition_choices, describe, edit_condition, forget
from pages._ui.grid import record_grid
from pages._ui.layout import page, toolbar
from pages._ui.nothing import Action, no_records, nothing
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import page_state
from pages._ui.surroundings import field_context
from pages._ui.table_cells import cell_text, column_names, default_columns, drawn_columns, referenced_titles
from pages._ui.table_views import draw_views

SIZE = 50
EXPORTS: dict[Format, str] = {"xlsx": "Excel", "csv": "CSV", "parquet": "Parquet"}


@dataclass
class TableState:
    """What a table remembers: words, folder, filter, order, columns, page, ticks, and what was done last."""

    words: str = ""
    folder: str = ""
    filter: dict[str, Any] = field(default_factory=dict)
    sort: str = "-updated_at"
    columns: tuple[str, ...] = ()
    page: int = 1
    ticked: tuple[str, ...] = ()
    drawn: int = 0
    """How often the ticks were taken away: the grid is another one then."""
    done: bulk.Done | None = None


def draw(slug: str, *, workspace: bool = False) -> None:
    """Draw the table of a module; with `workspace` one gets back from it to the page of profiles."""
    nav.follow()
    now = here()
    module = now.catalog.module(slug)
    state = page_state(TableState, page=f"table:{slug}")
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    found = feedback.run(lambda: _read(now, module, state), at="here")
    with page(module.name, count=words.number(found.total) if found else "", wide=True):
        narrowed = state.filter
        _controls(now, module, state, found, workspace=workspace)
        if state.filter != narrowed:
            state.page, state.ticked = 1, ()
            st.rerun()  # what was read above is of the filter before
        if state.done is not None:
            bulk.draw_done(now, module, state.done, on_change=lambda done: _done(state, done))
        if found is not None and found.total:
            _grid(now, module, state, found)
        elif found is not None:
            _nothing(now, module, state)
    pulse(seen, on_move=lambda: None, key=f"pulse:table:{slug}")
    if forms.asked_new() == slug:
        forms.new_record(now, module, on_created=lambda created: nav.go(slug, created))
    elif bulk.asked() == slug and found is not None and now.actor.role != "viewer":
        bulk.change_records(
            now, module, matching=_condition(now, module, state), total=found.total, ticked=state.ticked,
            on_done=lambda done: _done(state, done),
        )  # fmt: skip


def _done(state: TableState, done: bulk.Done | None) -> None:
    """Keep what is told of the last bulk action; ticks are gone with it."""
    state.done, state.ticked, state.drawn = done, (), state.drawn + 1


def _nothing(now: Here, module: Module, state: TableState) -> None:
    if state.words or state.folder or state.filter:
        nothing(
            "Nothing found", "Try fewer letters, another folder, or a wider filter.", icon_name="search_off",
            actions=[Action("Show all", "close", _show_all, (module.slug, state))],
        )  # fmt: skip
    else:
        no_records(now, module)


def _show_all(slug: str, state: TableState) -> None:
    """Forget what the table was narrowed by, in its widgets too."""
    state.words, state.folder, state.filter, state.page = "", "", {}, 1
    for key in (f"table_words:{slug}", f"table_folder:{slug}"):
        st.session_state.pop(key, None)
    forget(f"filter:{slug}")
    for key in [key for key in st.session_state if str(key).startswith(f"filter:{slug}")]:
        del st.session_state[key]


def _condition(now: Here, module: Module, state: TableState) -> Condition | None:
    text = None
    if state.words.strip():
        columns = searched_columns(now.catalog, module.slug)
        text = listing.both(
            *[
                AnyOf(any=tuple(Leaf(field=name, op="contains", value=word) for name in columns))
                for word in state.words.split()
            ]
        )
    folder = listing.in_folder(state.folder) if state.folder else None
    own = parse_condition(state.filter) if state.filter else None
    return listing.both(text, folder, own)


def _read(now: Here, module: Module, state: TableState) -> Page:
    return read_page(
        now.lake, now.catalog, module=module.slug, actor=now.actor, condition=_condition(now, module, state),
        sort=state.sort, limit=SIZE, offset=(state.page - 1) * SIZE,
    )  # fmt: skip


def _controls(now: Here, module: Module, state: TableState, found: Page | None, *, workspace: bool) -> None:
    slug = module.slug

    def searched() -> None:
        state.words = st.session_state[f"table_words:{slug}"] or ""
        state.page, state.ticked = 1, ()

    with toolbar(key="table_bar"):
        st.text_input(
            "Search", key=f"table_words:{slug}", value=state.words, type="search", live="200ms", on_change=searched,
            placeholder=f"Search {module.name.lower()}…", label_visibility="collapsed", width=280,
        )  # fmt: skip
        with st.popover("Filter", icon=":material/filter_list:"):
            choices = condition_choices(now.catalog, slug)
            state.filter = edit_condition(state.filter, choices=choices, key=f"filter:{slug}")
        _column_choice(now, module, state)
        draw_views(
            now, module, shown=_shown(now, module, state), on_apply=lambda view: _apply(now, state, view)
        )
        _export(now, module, state)
        if now.actor.role != "viewer":
            if workspace:
                st.button(
                    "Profiles", icon=":material/view_sidebar:", key=f"table_profiles:{slug}", on_click=nav.go,
                    args=(slug,),
                )  # fmt: skip
            if found is not None and found.total:
                label = f"Change {len(state.ticked)}" if state.ticked else "Change"
                st.button(
                    label,
                    icon=":material/edit_note:",
                    key=f"table_bulk:{slug}",
                    on_click=bulk.ask,
                    args=(slug,),
                )
            st.button(
                f"New {module.one.lower()}", icon=":material/add:", type="primary", key=f"table_new:{slug}",
                shortcut="N", on_click=forms.ask_new, args=(slug,),
            )  # fmt: skip
    if state.filter:
        st.html(html.note(describe(state.filter, choices), color="blue"))
    if len(module.folders) > 1:
        _folders(now, module, state)


def _export(now: Here, module: Module, state: TableState) -> None:
    """Links to all that match as a file; only the server that has the API can hand them out."""
    if served() is None:
        return
    with st.popover("Export", icon=":material/download:"):
        st.caption("All records that match, with every field.")
        for format, name in EXPORTS.items():
            wanted = downloads.Wanted(
                module.slug, format, now.actor, _condition(now, module, state), state.sort
            )
            st.link_button(name, downloads.offer(wanted), width="stretch")


def _shown(now: Here, module: Module, state: TableState) -> Shown:
    """What a view of the table as it is now would keep; the words of the search are no part of it."""
    folder = listing.in_folder(state.folder) if state.folder else None
    own = parse_condition(state.filter) if state.filter else None
    columns = state.columns or default_columns(now.catalog, module)
    return Shown(listing.both(folder, own) or All(), tuple(columns), (state.sort,))


def _apply(now: Here, state: TableState, view: SavedFilter) -> None:
    """Show what a view kept, in the table's widgets too."""
    known = column_names(now.catalog, now.catalog.module(view.module))
    _show_all(view.module, state)
    when = view.when.model_dump(mode="json", by_alias=True)
    state.filter = {} if when == {"all": []} else when
    state.columns = columns_of(view, tuple(known))
    state.sort, state.ticked = ",".join(view.sort) or "-updated_at", ()
    st.session_state.pop(f"columns:{view.module}", None)


def _column_choice(now: Here, module: Module, state: TableState) -> None:
    names = column_names(now.catalog, module)
    chosen = state.columns or default_columns(now.catalog, module)
    with st.popover("Columns", icon=":material/view_column:"):
        picked = st.multiselect(
            "Columns", list(names), default=[name for name in chosen if name in names], key=f"columns:{module.slug}",
            format_func=names.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
    state.columns = tuple(picked)


def _folders(now: Here, module: Module, state: TableState) -> None:
    counts = facets.read_facets(now.lake, now.catalog, module=module.slug, by=["folder"], actor=now.actor)[
        "folder"
    ]
    labels = {"": "All"} | {f.slug: f"{f.name} {words.number(counts.get(f.slug, 0))}" for f in module.folders}

    def chosen() -> None:
        state.folder = st.session_state[f"table_folder:{module.slug}"] or ""
        state.page, state.ticked = 1, ()

    with st.container(key="folders"):
        st.pills(
            "Folder", list(labels), default=state.folder if state.folder in labels else "", required=True,
            key=f"table_folder:{module.slug}", format_func=labels.__getitem__, on_change=chosen,
            label_visibility="collapsed",
        )  # fmt: skip


def _grid(now: Here, module: Module, state: TableState, found: Page) -> None:
    columns = state.columns or default_columns(now.catalog, module)
    context = field_context(now)
    named = referenced_titles(now, module, columns, found.items)
    rows = [
        {"id": item["id"], **{name: cell_text(now, module, name, item, named, context) for name in columns}}
        for item in found.items
    ]
    shown = drawn_columns(now.catalog, module, columns)
    record_grid(
        rows, shown, key=f"grid:{module.slug}:{state.drawn}", sort=state.sort, total=found.total, page=state.page,
        page_size=SIZE, on_open=lambda chosen: nav.go(module.slug, chosen), on_sort=lambda sort: _sorted(state, sort),
        on_page=lambda number: _paged(state, number), noun=module.one.lower(),
        on_select=None if now.actor.role == "viewer" else lambda ticked: _ticked(state, ticked),
    )  # fmt: skip
    _totals(now, module, state, columns)


def _totals(now: Here, module: Module, state: TableState, columns: Sequence[str]) -> None:
    """Below the table: what the numbers and amounts of all pages add up to."""
    found = totals.read_totals(
        now.lake, now.catalog, module=module.slug, fields=columns, actor=now.actor,
        condition=_condition(now, module, state),
    )  # fmt: skip
    names = column_names(now.catalog, module)
    cells = [
        (names[slug], " · ".join(words.money(one.value, one.currency) if one.currency else words.number(one.value)
                                 for one in sums))
        for slug, sums in found.items()
    ]  # fmt: skip
    if cells:
        one = html.Html('<span class="m-sub">{} <b>{}</b></span>')
        st.html(html.join([one.format(f"Total {name}:", text) for name, text in cells], between=" &ensp; "))


def _ticked(state: TableState, ticked: tuple[str, ...]) -> None:
    state.ticked = ticked


def _sorted(state: TableState, sort: str) -> None:
    state.sort, state.page, state.ticked = sort or "-updated_at", 1, ()


def _paged(state: TableState, number: int) -> None:
    state.page, state.ticked = number, ()
