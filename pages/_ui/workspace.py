"""The workspace of a profile module: a list on the left, the record in the middle, what can be done on the right."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from crm_core import facets, listing
from crm_core.model import Module
from crm_core.model.condition import Condition
from crm_core.profile import Profile, read_profile
from crm_core.reading import marks_of
from crm_core.related import read_related
from crm_core.timeline import CHANGES, read_timeline, routes_to
from pages._ui import feedback, forms, html, nav, profile, side, words
from pages._ui.components import Click, ListRow, clicks, record_list
from pages._ui.layout import body, head, redraw, show_panel, three_panels
from pages._ui.nothing import no_records, no_such_module, nothing
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import page_state, record_id, record_id_in_url, set_url

PAGE = 60
MINE = ":mine"
OVERVIEW, TIMELINE, HISTORY = "Overview", "Timeline", "History"


@dataclass
class WorkspaceState:
    """What a workspace remembers: which record, what is looked for, and what is open."""

    selected: str | None = None
    words: str = ""
    folder: str = ""
    sort: str = "-updated_at"
    shown: int = PAGE
    tab: str = OVERVIEW
    editing: set[str] = field(default_factory=set)
    entries: int = 20
    empty: bool = False
    """Whether there is no record at all, whatever is looked for."""
    read: tuple[Any, Profile | None] | None = None
    """What was read last, for the panels of one run: key (record, snapshot, actor, definitions), profile."""


NO_ENTRIES = "Nothing yet. Inquiries, messages, tasks and whatever else is dated stand here as they come in."
NO_CHANGES = "No field has been changed since the record was made."
SORTS = {"-updated_at": "Last changed", "-created_at": "Newest", "title": "Name"}


def draw(slug: str) -> None:
    """Draw the workspace of a module."""
    nav.follow()
    if slug not in here().catalog.modules:
        no_such_module(here(), words.readable(slug))
        return
    state = page_state(WorkspaceState, page=f"workspace:{slug}")
    state.selected = record_id_in_url() or state.selected
    three_panels(
        left=lambda: _left(slug, state),
        centre=lambda: _centre(slug, state),
        right=lambda: _right(slug, state),
        labels=("List", here().catalog.module(slug).one, "Details"),
    )


def _select(state: WorkspaceState, chosen: str) -> None:
    state.selected = chosen
    state.editing.clear()
    state.entries = 20
    set_url(id=chosen)
    show_panel("centre")
    redraw("centre", "right")


def _condition(here_: Here, state: WorkspaceState) -> Condition | None:
    if state.folder == MINE:
        return listing.mine(here_.actor)
    return listing.in_folder(state.folder) if state.folder else None


def _left(slug: str, state: WorkspaceState) -> None:
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
        on_select=lambda chosen: _select(state, chosen),
        on_more=(lambda _: _more(state)) if page.total > len(page.items) else None,
        search=f"words:{slug}",
        label=module.name,
        none="Nothing found. Try fewer letters, or another folder."
        if state.words
        else f"No {module.name.lower()} yet.",
    )
    pulse(seen, on_move=lambda: redraw("left", "centre", "right"), key=f"pulse:{slug}")


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
    state.selected = record
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
        note=profile.note_of(module, hit.subtitle),
        text=" · ".join(notes) or (status.name if status else ""),
        when=words.ago(badges.last_at, zone=now.zone) if badges.last_at else "",
        unread=badges.unread,
        status=status.name if status else (hit.status or ""),
        color=status.color if status else "gray",
    )


def read_selected(now: Here, slug: str, state: WorkspaceState) -> Profile | None:
    """The profile of the selected record; read once for all panels of a run."""
    if state.selected is None:
        return None
    key = (state.selected, now.lake.known_snapshot(), now.actor, now.catalog.version, state.entries)
    if state.read is None or state.read[0] != key:
        found = feedback.run(
            lambda: read_profile(
                now.lake, now.catalog, module=slug, record_id=str(state.selected), actor=now.actor,
                timeline_limit=state.entries,
            ),
            at="here",
        )  # fmt: skip
        state.read = (key, found)
    return state.read[1]


def _centre(slug: str, state: WorkspaceState) -> None:
    nav.follow()
    now = here()
    seen = read_selected(now, slug, state)
    clicks(lambda click: clicked(slug, state, click), key=f"clicks:{slug}")
    if seen is None:
        _nobody(now, now.catalog.module(slug), state)
        return
    with head("centre"):
        _profile_head(now, seen, state)
    with body("centre"):
        _tab(now, seen, state)
    if seen.badges.unread and now.actor.role != "viewer":
        marks_of(now.lake).mark(record_id=seen.record["id"], actor=now.actor)


def _nobody(now: Here, module: Module, state: WorkspaceState) -> None:
    if state.empty:
        no_records(now, module, key=f"nothing:{module.slug}")
        return
    nothing(
        f"No {module.one.lower()} selected", "Choose one on the left.", icon_name=module.icon,
        key=f"nothing:{module.slug}",
    )  # fmt: skip


def clicked(slug: str, state: WorkspaceState, click: Click) -> None:
    """Do what a click on a marked element means, and draw the panels that it concerns."""
    match click.verb, click.values:
        case "edit", (section,):
            state.editing.add(section)
            redraw("centre")
        case "open", (module, target) if record_id(target):
            if module == slug:
                _select(state, target)
            nav.go(module, target)
        case "list", (module,):
            nav.go(module)
        case "add", (module, _):
            forms.ask_new(module, about=(slug, str(state.selected)))
        case _:
            pass
    redraw("centre")


def _profile_head(now: Here, seen: Profile, state: WorkspaceState) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small", wrap=False):
        st.html(profile.header(now, seen))
        with st.container(horizontal=True, gap="xsmall", width="content", wrap=False):
            profile.contact_buttons(now, seen)
    labels = [OVERVIEW, TIMELINE, *tab_labels(now, seen), HISTORY]
    drawn = st.tabs(
        labels,
        key=f"tabs:{seen.module.slug}",
        on_change="rerun",
        default=state.tab if state.tab in labels else None,
    )
    state.tab = next((label for label, tab in zip(labels, drawn, strict=True) if tab.open), OVERVIEW)


def tab_labels(now: Here, seen: Profile) -> list[str]:
    """The links that have a tab of their own: those with records, contact points aside, in navigation's order."""
    points = seen.module.contact_points
    order = {module.slug: i for i, module in enumerate(now.catalog.ordered)}
    filled = [r.link for r in seen.related if r.total and not (points and r.link.module == points.module)]
    return list(dict.fromkeys(link.label for link in sorted(filled, key=lambda link: order[link.module])))


def _tab(now: Here, seen: Profile, state: WorkspaceState) -> None:
    if state.tab == TIMELINE:
        _timeline(now, seen, state)
    elif state.tab == HISTORY:
        _history(now, seen)
    elif state.tab != OVERVIEW and any(r.link.label == state.tab for r in seen.related):
        _one_related(now, seen, state)
    else:
        _overview(now, seen, state)


def _overview(now: Here, seen: Profile, state: WorkspaceState) -> None:
    figures = profile.figures(now, seen)
    if seen.module.profile or any(figure.value not in ("0", "–") for figure in figures):
        st.html(html.kpi_strip(figures))
    draw_sections(now, seen, state)
    draw_related(now, seen)


def draw_sections(now: Here, seen: Profile, state: WorkspaceState, *, without: tuple[str, ...] = ()) -> None:
    """The fields by section, those shown elsewhere left out; a section being edited stands open above the others."""
    editable = now.actor.role != "viewer"
    sections = profile.sections_of(
        now.catalog, seen.module, seen.record["folder"], without=(*without, *seen.states.hidden)
    )
    closed = [s for s in sections if s.slug not in state.editing]
    for section in sections:
        if section.slug in state.editing:
            profile.edit_section(now, seen, section, partial(_done, state, section.slug))
    st.html(html.cards(*[profile.section_card(now, seen, s, editable=editable) for s in closed]))


def draw_related(now: Here, seen: Profile) -> None:
    """The related records of every module that has some, and the newest of the timeline."""
    filled = [profile.related_card(now, related) for related in seen.related if related.total]
    newest = profile.timeline(now, seen.module, seen.timeline.entries[:8])
    st.html(html.Html('<div class="m-stack">{}</div>').format(html.join([*filled, newest])))


def _done(state: WorkspaceState, section: str) -> None:
    state.editing.discard(section)
    redraw("centre")


def _one_related(now: Here, seen: Profile, state: WorkspaceState) -> None:
    link = next(r.link for r in seen.related if r.link.label == state.tab)
    found = read_related(
        now.lake, now.catalog, module=seen.module.slug, record_id=seen.record["id"], actor=now.actor, links=[link],
        limit=200,
    )  # fmt: skip
    st.html(profile.related_card(now, found[0]))


def _timeline(now: Here, seen: Profile, state: WorkspaceState) -> None:
    kinds = [*routes_to(now.catalog, seen.module.slug), CHANGES]
    labels = {kind: now.catalog.module(kind).name for kind in kinds if kind != CHANGES} | {
        CHANGES: "Field changes"
    }
    chosen = st.pills("Kinds", kinds, selection_mode="multi", format_func=labels.__getitem__, key="kinds",
                      label_visibility="collapsed")  # fmt: skip
    page = read_timeline(
        now.lake, now.catalog, module=seen.module.slug, record_id=seen.record["id"], actor=now.actor,
        kinds=chosen or (), limit=state.entries,
    )  # fmt: skip
    st.html(profile.timeline(now, seen.module, page.entries, empty=NO_ENTRIES))
    if page.next:
        st.button("Show older", key="older", on_click=_older, args=(state,))


def _older(state: WorkspaceState) -> None:
    state.entries += 40
    redraw("centre")


def _history(now: Here, seen: Profile) -> None:
    page = read_timeline(
        now.lake, now.catalog, module=seen.module.slug, record_id=seen.record["id"], actor=now.actor,
        kinds=(CHANGES,), limit=200,
    )  # fmt: skip
    st.html(profile.timeline(now, seen.module, page.entries, title="History", empty=NO_CHANGES))


def _right(slug: str, state: WorkspaceState) -> None:
    now = here()
    seen = read_selected(now, slug, state)
    if seen is None:
        return
    with body("right"):
        side.draw(now, seen)
