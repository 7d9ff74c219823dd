"""What the table and the board of a module remember, which records that means, and what a view keeps of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm_core import listing
from crm_core.model import All, AnyOf, Condition, Leaf, Module, SavedFilter
from crm_core.model.condition import parse_condition, to_document
from crm_core.searched import searched_columns
from crm_core.views import Shown, columns_of
from pages._ui import bulk, edits, nav
from pages._ui.conditions import forget
from pages._ui.session import Here
from pages._ui.state import page_state
from pages._ui.table_cells import column_names, default_columns
from pages._ui.table_edit import Refused

NEWEST = "-updated_at"


@dataclass
class TableState:
    """What a table remembers: words, folder, filter, order, columns, page, ticks, and what was done last."""

    words: str = ""
    folder: str = ""
    filter: dict[str, Any] = field(default_factory=dict)
    sort: str = NEWEST
    columns: tuple[str, ...] = ()
    page: int = 1
    ticked: tuple[str, ...] = ()
    drawn: int = 0
    """How often the ticks were taken away: the grid is another one then."""
    done: bulk.Done | None = None
    edited: edits.Shown | None = None
    """The record that was edited last."""
    refused: Refused | None = None
    cards: dict[str, int] = field(default_factory=dict)
    """How many cards of a lane of the board are shown, where more were asked for."""
    moves: int = 0
    """How many cards were moved: the board draws each answer, also that nothing changed."""
    said: str = ""
    """What became of the last card that was moved, for those who hear the page."""

    def narrowed(self) -> None:
        """Forget what was said of the records before: others are shown now."""
        self.page, self.ticked, self.edited, self.refused, self.cards = 1, (), None, None, {}


def state_of(slug: str) -> TableState:
    """The state of a module's table, which its board shares."""
    return page_state(TableState, page=f"table:{slug}")


def condition_of(now: Here, module: Module, state: TableState) -> Condition | None:
    """What the records are narrowed to: words, folder and filter; None for nothing."""
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


def show_all(slug: str, state: TableState) -> None:
    """Forget what the table was narrowed by, in its widgets too."""
    state.words, state.folder, state.filter = "", "", {}
    state.narrowed()
    for key in (f"table_words:{slug}", f"table_folder:{slug}"):
        st.session_state.pop(key, None)
    forget(f"filter:{slug}")
    for key in [key for key in st.session_state if str(key).startswith(f"filter:{slug}")]:
        del st.session_state[key]


def shown_of(now: Here, module: Module, state: TableState) -> Shown:
    """What a view of the table as it is now would keep; the words of the search are no part of it."""
    folder = listing.in_folder(state.folder) if state.folder else None
    own = parse_condition(state.filter) if state.filter else None
    columns = state.columns or default_columns(now.catalog, module)
    return Shown(listing.both(folder, own) or All(), tuple(columns), (state.sort,))


def apply_view(now: Here, state: TableState, view: SavedFilter) -> None:
    """Show what a view kept, in the table's widgets too."""
    known = column_names(now.catalog, now.catalog.module(view.module))
    show_all(view.module, state)
    when = view.when.model_dump(mode="json", by_alias=True)
    state.filter = {} if when == {"all": []} else when
    state.columns = columns_of(view, tuple(known))
    state.sort = ",".join(view.sort) or NEWEST
    st.session_state.pop(f"columns:{view.module}", None)


def open_matching(slug: str, condition: Condition) -> None:
    """Go to the table of a module with a filter in place of the one it had. For callbacks."""
    state = state_of(slug)
    show_all(slug, state)
    when = to_document(condition)
    state.filter = {} if when == {"all": []} else when
    nav.go(slug, view="table")
