"""What the table and the board of a module remember, which records that means, and what a view keeps of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm_core import listing
from crm_core.model import All, AnyOf, Condition, Leaf, Module, SavedFilter
from crm_core.model.condition import parse_condition, to_document
from crm_core.preferences import keep_preference, read_preferences
from crm_core.searched import searched_columns
from crm_core.views import Shown
from pages._ui import bulk, edits, feedback, nav
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
    link: dict[str, str] = field(default_factory=dict)
    """What of it was last written into the address."""
    total: int = 0
    """How many records matched when the table was last read."""
    ticked: tuple[str, ...] = ()
    """Of all pages."""
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
        """Forget what was ticked too: other records match now."""
        self.untick()
        self.turned()

    def untick(self) -> None:
        """Take all ticks away."""
        self.ticked = ()

    def turned(self, page: int = 1) -> None:
        """Forget what was said of the records before: others are shown now."""
        self.page, self.edited, self.refused, self.cards = page, None, None, {}


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


def columns_shown(now: Here, module: Module, state: TableState) -> tuple[str, ...]:
    """The columns of the table: as chosen here, else as the person chose them last, else those of the module."""
    if state.columns:
        return state.columns
    known = column_names(now.catalog, module)
    kept = read_preferences(now.lake, actor=now.actor).get(_columns_key(module))
    chosen = tuple(name for name in kept if name in known) if isinstance(kept, list) else ()
    return chosen or default_columns(now.catalog, module)


def keep_columns(now: Here, module: Module, state: TableState, columns: Sequence[str]) -> None:
    """Show these columns, and remember them as the person's own; none bring back those of the module."""
    state.columns = tuple(columns)
    feedback.run(
        lambda: keep_preference(now.lake, _columns_key(module), list(columns) or None, actor=now.actor)
    )


def _columns_key(module: Module) -> str:
    return f"columns.{module.slug}"


def shown_of(now: Here, module: Module, state: TableState) -> Shown:
    """What a view of the table as it is now would keep; the words of the search are no part of it."""
    folder = listing.in_folder(state.folder) if state.folder else None
    own = parse_condition(state.filter) if state.filter else None
    return Shown(listing.both(folder, own) or All(), columns_shown(now, module, state), (state.sort,))


def apply_view(now: Here, state: TableState, view: SavedFilter) -> None:
    """Show what a view kept, in the table's widgets too."""
    known = column_names(now.catalog, now.catalog.module(view.module))  # no path leads to a column
    show_all(view.module, state)
    when = view.when.model_dump(mode="json", by_alias=True)
    state.filter = {} if when == {"all": []} else when
    state.columns = tuple(name for name in view.columns if name in known)
    state.sort = ",".join(view.sort) or NEWEST
    st.session_state.pop(f"columns:{view.module}", None)


def open_matching(slug: str, condition: Condition) -> None:
    """Go to the table of a module with a filter in place of the one it had. For callbacks."""
    state = state_of(slug)
    show_all(slug, state)
    when = to_document(condition)
    state.filter = {} if when == {"all": []} else when
    nav.go(slug, view="table")
