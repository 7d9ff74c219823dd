"""A module as a table: search, folders, filter, sort, columns, pages, totals; a click on its name opens a record.

Cells are edited in place, a change at a time. Ticked records, or all that match, are changed together, and taken
back in one press.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from crm_core import totals
from crm_core.bulk import those
from crm_core.model import Module
from crm_core.profile import title_of
from crm_core.query import Page, read_page
from pages._ui import bulk, edits, feedback, forms, html, nav, words
from pages._ui.grid import Edited, pages_of, record_grid
from pages._ui.layout import page
from pages._ui.nothing import Action, no_records, no_such_module, nothing
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.surroundings import field_context
from pages._ui.table_bar import draw_bar
from pages._ui.table_cells import cell_text, column_names, drawn_columns, referenced_titles
from pages._ui.table_edit import editors_of, typed_cells, write
from pages._ui.table_link import keep_link
from pages._ui.table_state import NEWEST, TableState, columns_shown, condition_of, show_all, state_of

SIZE = 50
_SCALE = 100
"""A number between two bounds of which the upper is not higher is one of a scale."""


def draw(slug: str, *, workspace: bool = False) -> None:
    """Draw the table of a module; with `workspace` one gets back from it to the page of profiles."""
    nav.follow()
    now = here()
    if slug not in now.catalog.modules:
        no_such_module(now, words.readable(slug))
        return
    module, state = now.catalog.module(slug), state_of(slug)
    keep_link(now, module, state)
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    found = feedback.run(lambda: _read(now, module, state), at="here")
    with page(module.name, count=words.number(found.total) if found else "", wide=True):
        narrowed = state.filter
        draw_bar(now, module, state, view="table", total=found.total if found else 0, workspace=workspace)
        if state.filter != narrowed:
            state.narrowed()
            st.rerun()  # what was read above is of the filter before
        draw_done(now, module, state)
        if found is not None and found.total:
            _grid(now, module, state, found)
        elif found is not None:
            draw_nothing(now, module, state)
    pulse(seen, on_move=lambda: None, key=f"pulse:table:{slug}")
    draw_dialogs(now, module, state, total=found.total if found else 0)


def draw_done(now: Here, module: Module, state: TableState) -> None:
    """What was done last, with the way back: to many records, and to one."""
    if state.done is not None:
        bulk.draw_done(now, module, state.done, on_change=lambda done: _done(state, done))
    if state.edited is None:
        return
    kept = str(state.edited.record["id"])
    items = read_page(
        now.lake, now.catalog, module=module.slug, actor=now.actor, condition=those([kept]), limit=1
    ).items  # fmt: skip
    if items:  # gone, or hidden by now: there is nothing to go back to
        edits.draw(now, edits.Shown(module, items[0]), name=title_of(module, items[0]))


def draw_dialogs(now: Here, module: Module, state: TableState, *, total: int) -> None:
    """The dialog that was asked for: of a new record, or of a change of many."""
    slug = module.slug
    if forms.asked_new() == slug:
        forms.new_record(now, module, on_created=lambda created: nav.go(slug, created))
    elif bulk.asked() == slug and now.actor.role != "viewer":
        bulk.change_records(
            now, module, matching=condition_of(now, module, state), total=total, ticked=state.ticked,
            on_done=lambda done: _done(state, done),
        )  # fmt: skip


def _done(state: TableState, done: bulk.Done | None) -> None:
    """Keep what is told of the last bulk action; ticks are gone with it."""
    state.done, state.ticked = done, ()


def draw_nothing(now: Here, module: Module, state: TableState) -> None:
    """What stands where no record does."""
    if state.words or state.folder or state.filter:
        nothing(
            "Nothing found", "Try fewer letters, another folder, or a wider filter.", icon_name="search_off",
            actions=[Action("Show all", "close", show_all, (module.slug, state))],
        )  # fmt: skip
    else:
        no_records(now, module)


def _read(now: Here, module: Module, state: TableState) -> Page:
    found = read_page(
        now.lake, now.catalog, module=module.slug, actor=now.actor, condition=condition_of(now, module, state),
        sort=state.sort, limit=SIZE, offset=(state.page - 1) * SIZE, expected=state.total,
    )  # fmt: skip
    state.total = found.total
    if found.total and not found.items:
        state.turned(pages_of(found.total, SIZE))  # there are fewer by now
        return _read(now, module, state)
    return found


def _grid(now: Here, module: Module, state: TableState, found: Page) -> None:
    columns = columns_shown(now, module, state)
    context = field_context(now)
    named = referenced_titles(now, module, columns, found.items)
    editors = editors_of(now, module, columns, context)
    rows = [
        {"id": item["id"], **{name: cell_text(now, module, name, item, named, context) for name in columns}}
        | (typed_cells(module, item, editors) if editors else {})
        for item in found.items
    ]
    shown = [replace(one, editor=editors.get(one.key)) for one in drawn_columns(now.catalog, module, columns)]
    items = {item["id"]: item for item in found.items}
    record_grid(
        rows, shown, key=f"grid:{module.slug}", sort=state.sort, total=found.total, page=state.page,
        page_size=SIZE, on_open=lambda chosen: nav.go(module.slug, chosen), on_sort=lambda sort: _sorted(state, sort),
        on_page=state.turned, nouns=(module.one.lower(), module.name.lower()),
        on_select=None if now.actor.role == "viewer" else lambda ticked: _ticked(state, items, ticked),
        ticked=state.ticked,
        on_edit=lambda edited: _edit(now, module, state, items[edited.id], edited), refused=state.refused,
    )  # fmt: skip
    _totals(now, module, state, columns)


def _edit(now: Here, module: Module, state: TableState, item: dict[str, Any], edited: Edited) -> None:
    state.refused = write(now, module, item, edited)
    state.edited = None if state.refused else edits.Shown(module, item)


def _totals(now: Here, module: Module, state: TableState, columns: Sequence[str]) -> None:
    """Below the table: what the numbers and amounts of all pages add up to."""
    found = totals.read_totals(
        now.lake, now.catalog, module=module.slug, fields=[slug for slug in columns if not _is_scale(module, slug)],
        actor=now.actor,
        condition=condition_of(now, module, state),
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


def _is_scale(module: Module, slug: str) -> bool:
    """Whether a number is one of a scale, as a chance in percent and a rating are: those add up to nothing."""
    field = module.field(slug)
    least, most = getattr(field, "minimum", None), getattr(field, "maximum", None)
    return least is not None and most is not None and most <= _SCALE


def _ticked(state: TableState, page: Collection[str], ticked: tuple[str, ...]) -> None:
    """The ticks of a page; those of other pages stay."""
    state.ticked = (*(one for one in state.ticked if one not in page), *ticked)


def _sorted(state: TableState, sort: str) -> None:
    state.turned()
    state.sort = sort or NEWEST
