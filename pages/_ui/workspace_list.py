"""The left panel of a workspace: search, folders, and the records found."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from crm_core import listing
from crm_core.model import Module
from crm_core.model.condition import Condition
from crm_core.quiet import shown_since
from crm_core.search import note_of
from crm_core.search_page import Window
from lake.words import plain
from pages._ui import file_preview, forms, html, nav, words, workspace_narrow
from pages._ui.components import ListRow, ListWindow, record_list
from pages._ui.layout import head, redraw, show_panel
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import set_url
from pages._ui.workspace_narrow import sort_of
from pages._ui.workspace_state import PAGE, Seen, WorkspaceState

REST = 350
"""Milliseconds after the last letter at which folders are counted anew."""


def draw(slug: str, state: WorkspaceState) -> None:
    """Draw the list of a module's records."""
    nav.follow()
    now = here()
    seen, shown = shown_since(now.lake)  # before the reads: what comes in between is drawn again
    module = now.catalog.module(slug)
    condition = workspace_narrow.condition(now, module, state)
    page = _page(now, module, state, condition, shown=shown)
    with head("left"):
        _list_head(now, module, state, page.total, snapshot=shown)
    state.empty = not page.total and not state.words and condition is None
    if state.selected is None and page.items:
        state.selected = page.items[0].hit.id
    if state.picked is not None and now.actor.role != "viewer":
        state.opened.add(state.picked)
    state.picked = None
    record_list(
        [_row(now, module, item, page.marks, opened=state.opened) for item in page.items],
        key=f"list:{slug}",
        selected=state.selected,
        on_select=lambda chosen: select(state, chosen),
        window=_window(now, module, state, page, snapshot=shown),
        on_window=lambda place: _go(state, place),
        on_rest=lambda: _rest(state),
        search=f"words:{slug}",
        height="fill",
        label=module.name,
        none=_none(module, state, narrowed=condition is not None),
    )
    pulse(seen, on_move=lambda: redraw("left", "centre", "right"), key=f"pulse:{slug}")


def select(state: WorkspaceState, chosen: str) -> None:
    """Show another record, in a callback."""
    state.select(chosen)
    set_url(id=chosen)
    show_panel("centre")
    redraw("centre", "right")


def _none(module: Module, state: WorkspaceState, *, narrowed: bool) -> str:
    if state.words:
        return "Nothing found. Try fewer letters, or another folder."
    return "Nothing here." if narrowed else f"No {module.name.lower()} yet."


def _page(
    now: Here, module: Module, state: WorkspaceState, condition: Condition | None, *, shown: int
) -> listing.ListPage:
    """The rows of the window, read again only when something changed that it shows."""
    key = (state.question, state.window, shown, now.actor, now.catalog.version, f"{datetime.now(UTC):%F %H}")
    if state.listed is None or state.listed[0] != key:
        page = _read(now, module, state, condition, snapshot=shown)
        state.listed = ((state.question, state.window, *key[2:]), page)
        state.opened.clear()
    return state.listed[1]


def _read(
    now: Here, module: Module, state: WorkspaceState, condition: Condition | None, *, snapshot: int
) -> listing.ListPage:
    """The rows of the window that is looked at; how many there are in all is counted once for each list."""
    question = state.question
    known = state.seen if state.seen is not None and state.seen.question == question else None
    if known is None:
        state.window = 0
    window = Window(PAGE, offset=state.window * PAGE)
    if known is not None and known.snapshot == snapshot:
        window = Window(PAGE, offset=state.window * PAGE, counted=False, expected=known.total)
        if known.places is not None and state.window == known.window + 1:
            window = Window(PAGE, after=known.places[1], counted=False)
        elif known.places is not None and state.window == known.window - 1:
            window = Window(PAGE, before=known.places[0], counted=False)
    page = listing.read_list(
        now.lake, now.catalog, module=module.slug, actor=now.actor, words=state.words, condition=condition,
        sort=sort_of(now, module, state), window=window,
    )  # fmt: skip
    if known is not None and not window.counted:
        page = replace(page, total=known.total, similar=known.similar, marks=known.marks)
    state.seen = Seen(question, snapshot, state.window, page.total, page.places, page.similar, page.marks)
    return page


def _window(
    now: Here, module: Module, state: WorkspaceState, page: listing.ListPage, *, snapshot: int
) -> ListWindow:
    notice = "Similar:" if page.total else "No exact match, similar:"
    return ListWindow(
        start=state.window * PAGE,
        total=page.total,
        question="\n".join(state.question),
        moment=str(snapshot),
        similar=tuple(_row(now, module, item, page.marks) for item in page.similar),
        notice=notice if page.similar else "",
        marks=page.marks,
        rests=0 if state.counted_words == state.words else REST,
    )


def _go(state: WorkspaceState, place: int) -> None:
    state.window = place // PAGE


def _rest(state: WorkspaceState) -> None:
    """Nothing was typed for a while: the folders are counted, and the address says what is looked for."""
    state.counted_words = state.words
    workspace_narrow.keep_in_url(state)


def _list_head(now: Here, module: Module, state: WorkspaceState, total: int, *, snapshot: int) -> None:
    slug = module.slug
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="left_title"
    ):
        st.html(html.title(module.name, count=words.number(total), small=True), width="content")
        with st.container(horizontal=True, gap=None, width="content"):
            st.button(
                "", icon=":material/table_rows:", type="tertiary", help="As a table", key=f"as_table:{slug}",
                on_click=nav.go, args=(slug,), kwargs={"view": "table"},
            )  # fmt: skip
            workspace_narrow.draw_menu(now, module, state)
            if now.actor.role != "viewer":
                st.button(
                    "", icon=":material/add:", type="tertiary", help=f"New {module.one.lower()}", shortcut="N",
                    key=f"new:{slug}", on_click=forms.ask_new, args=(slug,),
                )  # fmt: skip
    st.text_input(
        "Search", key=f"words:{slug}", type="search", live="60ms", value=state.words, label_visibility="collapsed",
        placeholder=_search_hint(module), on_change=_searched, args=(state, slug),
    )  # fmt: skip
    workspace_narrow.draw_folders(now, module, state, snapshot=snapshot)
    if forms.asked_new() == slug:
        forms.new_record(now, module, on_created=lambda created: _created(state, created))


def _search_hint(module: Module) -> str:
    return "Search name, e-mail, phone…" if module.profile else f"Search {module.name.lower()}…"


def _created(state: WorkspaceState, record: str) -> None:
    state.select(record)
    state.forget_narrowing()
    workspace_narrow.keep_in_url(state)
    set_url(id=record)


def _searched(state: WorkspaceState, slug: str) -> None:
    state.words = st.session_state[f"words:{slug}"] or ""


def _row(
    now: Here, module: Module, item: listing.ListItem, marks: Sequence[str], *, opened: Collection[str] = ()
) -> ListRow:
    hit, badges = item.hit, item.badges
    folder = module.folder(hit.folder or "")
    status = next((s for s in folder.statuses if s.slug == hit.status), None) if folder else None
    note = note_of(module, hit.subtitle)
    if note and note.casefold() in (hit.title or "").casefold():
        note = ""  # a company is its own company
    notes = [badges.preview] if badges.preview else []
    if badges.open_tasks:
        notes.insert(0, words.plural(badges.open_tasks, "open task"))
    if badges.velocity:
        notes.insert(0, f"{words.times(badges.velocity)} usual inquiries")
    if hit.matched and not any(mark in plain(f"{hit.title} {note}") for mark in marks):
        notes.insert(0, words.phone(hit.matched))
    return ListRow(
        id=hit.id,
        title=hit.title or "Without a name",
        note=note,
        text=" · ".join(notes) or (status.name if status else ""),
        when=words.ago(badges.last_at, zone=now.zone) if badges.last_at else "",
        unread=0 if hit.id in opened else badges.unread,
        status=status.name if status else (hit.status or ""),
        color=status.color if status else "gray",
        picture=file_preview.small(item.picture, actor=now.actor),
    )
