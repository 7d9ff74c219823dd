"""The left panel of a workspace: search, folders, and the records found."""

from __future__ import annotations

import streamlit as st

from crm_core import facets, listing
from crm_core.model import Module
from crm_core.model.condition import Condition
from pages._ui import file_preview, forms, html, nav, words
from pages._ui.components import ListRow, record_list
from pages._ui.layout import head, redraw, show_panel
from pages._ui.pulse import pulse
from pages._ui.record_words import note_of
from pages._ui.session import Here, here
from pages._ui.state import set_url
from pages._ui.workspace_state import PAGE, WorkspaceState

MINE = ":mine"
SORTS = {"-updated_at": "Last changed", "-created_at": "Newest", "title": "Name"}


def draw(slug: str, state: WorkspaceState) -> None:
    """Draw the list of a module's records."""
    nav.follow()
    now = here()
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    module = now.catalog.module(slug)
    with head("left"):
        _list_head(now, module, state)
    sort = state.sort if state.sort != "title" else module.title
    page = listing.read_list(
        now.lake, now.catalog, module=slug, actor=now.actor, words=state.words, condition=_condition(now, state),
        sort=sort, limit=state.shown,
    )  # fmt: skip
    state.empty = not page.total and not state.words and not state.folder
    if state.selected is None and page.items:
        state.selected = page.items[0].hit.id
    record_list(
        [_row(now, module, item) for item in page.items],
        key=f"list:{slug}",
        selected=state.selected,
        on_select=lambda chosen: select(state, chosen),
        on_more=(lambda _: _more(state)) if page.total > len(page.items) else None,
        search=f"words:{slug}",
        label=module.name,
        none="Nothing found. Try fewer letters, or another folder."
        if state.words
        else f"No {module.name.lower()} yet.",
    )
    pulse(seen, on_move=lambda: redraw("left", "centre", "right"), key=f"pulse:{slug}")


def select(state: WorkspaceState, chosen: str) -> None:
    """Show another record, in a callback."""
    state.select(chosen)
    set_url(id=chosen)
    show_panel("centre")
    redraw("centre", "right")


def _condition(here_: Here, state: WorkspaceState) -> Condition | None:
    if state.folder == MINE:
        return listing.mine(here_.actor)
    return listing.in_folder(state.folder) if state.folder else None


def _more(state: WorkspaceState) -> None:
    state.shown += PAGE


def _list_head(now: Here, module: Module, state: WorkspaceState) -> None:
    slug = module.slug
    counts = facets.read_facets(
        now.lake, now.catalog, module=slug, by=["folder"], actor=now.actor, words=state.words
    )
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="left_title"
    ):
        st.html(
            html.title(module.name, count=words.number(counts[""].get(None, 0)), small=True), width="content"
        )
        with st.container(horizontal=True, gap=None, width="content"):
            st.button(
                "", icon=":material/table_rows:", type="tertiary", help="As a table", key=f"as_table:{slug}",
                on_click=nav.go, args=(slug,), kwargs={"view": "table"},
            )  # fmt: skip
            _sort_menu(state, slug)
            if now.actor.role != "viewer":
                st.button(
                    "", icon=":material/add:", type="tertiary", help=f"New {module.one.lower()}", shortcut="N",
                    key=f"new:{slug}", on_click=forms.ask_new, args=(slug,),
                )  # fmt: skip
    st.text_input(
        "Search", key=f"words:{slug}", type="search", live="100ms", value=state.words, label_visibility="collapsed",
        placeholder=_search_hint(module), on_change=_searched, args=(state, slug),
    )  # fmt: skip
    _folder_pills(now, module, state, counts["folder"])
    if forms.asked_new() == slug:
        forms.new_record(now, module, on_created=lambda created: _created(state, created))


def _search_hint(module: Module) -> str:
    return "Search name, e-mail, phone…" if module.profile else f"Search {module.name.lower()}…"


def _sort_menu(state: WorkspaceState, slug: str) -> None:
    chosen = st.menu_button(
        "", list(SORTS), format_func=SORTS.__getitem__, icon=":material/swap_vert:", type="tertiary",
        help="Sort", key=f"sort:{slug}",
    )  # fmt: skip
    if chosen:
        state.sort = chosen


def _created(state: WorkspaceState, record: str) -> None:
    state.select(record)
    state.words, state.folder = "", ""
    set_url(id=record)


def _searched(state: WorkspaceState, slug: str) -> None:
    state.words = st.session_state[f"words:{slug}"] or ""
    state.shown = PAGE


def _folder_pills(now: Here, module: Module, state: WorkspaceState, counts: dict[str | None, int]) -> None:
    visible = [folder for folder in module.folders if counts.get(folder.slug) or len(module.folders) < 6]
    labels = {"": "All", MINE: "Mine"} | {f.slug: f"{f.name} {counts.get(f.slug, 0)}" for f in visible}
    if len(module.folders) < 2:
        labels = {"": "All", MINE: "Mine"}

    def chosen() -> None:
        state.folder = st.session_state[f"folders:{module.slug}"] or ""
        state.shown = PAGE

    with st.container(key="folders"):
        st.pills(
            "Folder", list(labels), default=state.folder if state.folder in labels else "", required=True,
            key=f"folders:{module.slug}", format_func=lambda slug: labels.get(slug, slug),
            label_visibility="collapsed", wrap=False, on_change=chosen,
        )  # fmt: skip


def _row(now: Here, module: Module, item: listing.ListItem) -> ListRow:
    hit, badges = item.hit, item.badges
    folder = module.folder(hit.folder or "")
    status = next((s for s in folder.statuses if s.slug == hit.status), None) if folder else None
    notes = [badges.preview] if badges.preview else []
    if badges.open_tasks:
        notes.insert(0, words.plural(badges.open_tasks, "open task"))
    if badges.velocity:
        notes.insert(0, f"{badges.velocity:.1f}× inquiries")
    return ListRow(
        id=hit.id,
        title=hit.title or "Without a name",
        note=note_of(module, hit.subtitle),
        text=" · ".join(notes) or (status.name if status else ""),
        when=words.ago(badges.last_at, zone=now.zone) if badges.last_at else "",
        unread=badges.unread,
        status=status.name if status else (hit.status or ""),
        color=status.color if status else "gray",
        picture=file_preview.small(item.picture, actor=now.actor),
    )
