"""What the list on the left is narrowed by: folders with their counts, saved views, a tag; and how it is sorted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from crm_core import facets, listing, views
from crm_core.mended_views import mended
from crm_core.model import Folder, Module, SavedFilter
from crm_core.model.condition import Condition
from crm_core.preferences import keep_preference, read_preferences
from crm_core.tags import read_tag_colours
from pages._ui import feedback, html, words
from pages._ui.html import Html
from pages._ui.layout import redraw
from pages._ui.session import Here, here
from pages._ui.state import set_url
from pages._ui.workspace_state import NEWEST, WorkspaceState

MINE = ":mine"
SORTS = {NEWEST: "Last changed", "-created_at": "Newest", "title": "Name"}
_TAGS = 50
NOTHING = Html("")
_SHARED = {"me": "only me", "team": "team", "everyone": "everybody"}
_IN_URL = ("q", "folder", "saved", "tag")


def condition(now: Here, module: Module, state: WorkspaceState) -> Condition | None:
    """What a record must meet to stand in the list, beside the words."""
    if state.folder == MINE:
        where: Condition | None = listing.mine(now.actor)
    else:
        where = listing.in_folders(listing.below(module, state.folder)) if state.folder else None
    return listing.both(where, _beside_folder(now, module, state))


def _beside_folder(now: Here, module: Module, state: WorkspaceState) -> Condition | None:
    view = _view(now, module, state)
    return listing.both(view.when if view else None, listing.tagged(state.tag) if state.tag else None)


def sort_of(now: Here, module: Module, state: WorkspaceState) -> str:
    """The order of the list: the chosen one, else that of the view."""
    view = _view(now, module, state)
    if state.sort == NEWEST and view is not None and view.sort:
        return view.sort[0].split(",")[0]
    return state.sort if state.sort != "title" else module.title


def _view(now: Here, module: Module, state: WorkspaceState) -> SavedFilter | None:
    """The chosen view as it can be used: without what it names that there is no more."""
    found = next((v for v in _views(now, module) if v.slug == state.view), None) if state.view else None
    return mended(now.catalog, found).view if found else None


def _views(now: Here, module: Module) -> tuple[SavedFilter, ...]:
    return views.views_of(now.catalog, module.slug, actor=now.actor)


def follow_url(now: Here, module: Module, state: WorkspaceState) -> None:
    """Take what the address says of the list, when it is not what was put there last."""
    asked = tuple(str(st.query_params.get(name, ""))[:200] for name in _IN_URL)
    if asked == (state.address or ("",) * len(_IN_URL)):
        return
    state.address = asked
    folders = {MINE, *(folder.slug for folder in module.folders)}
    state.words = state.counted_words = asked[0]
    state.folder = asked[1] if asked[1] in folders else ""
    state.view = asked[2] if asked[2] in {view.slug for view in _views(now, module)} else ""
    state.tag = asked[3]
    st.session_state[f"words:{module.slug}"] = state.words


def keep_in_url(state: WorkspaceState) -> None:
    """Put what the list is narrowed by into the address, so that it can be handed on."""
    state.address = (state.words, state.folder, state.view, state.tag)
    set_url(**{name: value or None for name, value in zip(_IN_URL, state.address, strict=True)})


def draw_folders(now: Here, module: Module, state: WorkspaceState, *, snapshot: int) -> None:
    """The folders with how many stand in each and below it, and what else the list is narrowed by."""
    counts = _counts(now, module, state, snapshot=snapshot)
    tree = listing.folder_tree(module)
    deep = any(depth for _, depth in tree)
    folded = _folded(now, module, state)
    choices = [_choice("", "All", state), _choice(MINE, "Mine", state)]
    hidden_below: int | None = None
    for folder, depth in tree if len(tree) > 1 else ():
        if hidden_below is not None and depth > hidden_below:
            continue
        below = listing.below(module, folder.slug)
        hidden_below = depth if folder.slug in folded and len(below) > 1 else None
        count = sum(counts.get(one, 0) for one in below)
        fold = _fold(folder, folder.slug in folded) if len(below) > 1 else Html("")
        choices.append(_choice(folder.slug, folder.name, state, count=count, depth=depth, fold=fold))
    name = "m-folders m-tree" if deep else "m-folders"
    st.html(
        Html('<div class="{}" role="group" aria-label="Folders">{}</div>{}').format(
            name, html.join(choices), _applied(now, module, state)
        )
    )


def _choice(
    slug: str, name: str, state: WorkspaceState, *, count: int | None = None, depth: int = 0, fold: Html = NOTHING
) -> Html:  # fmt: skip
    number = Html(" <small>{}</small>").format(words.compact(count)) if count is not None else Html("")
    exact = Html(' title="{}"').format(f"{count:,}") if count is not None and count >= 10_000 else Html("")
    return Html(
        '<span class="m-folder" style="--depth: {}">{}<a role="button" tabindex="0" aria-pressed="{}" '
        'data-click="{}"{}>{}{}</a></span>'
    ).format(
        depth, fold, "true" if state.folder == slug else "false", html.click("narrow", "folder", slug), exact,
        name, number,
    )  # fmt: skip


def _fold(folder: Folder, folded: bool) -> Html:
    word = f"Show what is below {folder.name}" if folded else f"Hide what is below {folder.name}"
    return Html(
        '<a class="m-fold-mark" role="button" tabindex="0" aria-expanded="{}" aria-label="{}" data-click="{}">{}</a>'
    ).format(
        "false" if folded else "true", word, html.click("narrow", "fold", folder.slug),
        html.icon("chevron_right" if folded else "expand_more"),
    )  # fmt: skip


def _applied(now: Here, module: Module, state: WorkspaceState) -> Html:
    """What narrows the list beside its folder, each to be taken away."""
    view = _view(now, module, state)
    known = [("view", view.name or view.slug, "violet")] if view else []
    if state.tag:
        known.append(
            ("tag", state.tag, read_tag_colours(now.lake, module=module.slug).get(state.tag, "gray"))
        )
    if not known:
        return Html("")
    marks = [
        Html(
            '<a class="m-badge {}" role="button" tabindex="0" aria-label="Show all again, not only {}" '
            'data-click="{}">{} ×</a>'
        ).format(html.color_class(color), name, html.click("narrow", what, ""), name)
        for what, name, color in known
    ]
    return Html('<div class="m-chips m-applied">{}</div>').format(html.join(marks))


def _counts(now: Here, module: Module, state: WorkspaceState, *, snapshot: int) -> Mapping[str | None, int]:
    """How many stand in each folder; while somebody types, as they were counted before."""
    key = (state.counted_words, state.view, state.tag, snapshot, now.actor, now.catalog.version)
    typing = state.counts is not None and state.words != state.counted_words
    if state.counts is None or (state.counts[0] != key and not typing):
        found = facets.read_facets(
            now.lake, now.catalog, module=module.slug, by=["folder"], actor=now.actor, words=state.counted_words,
            condition=_beside_folder(now, module, state),
        )  # fmt: skip
        state.counts = (key, found["folder"])
    return state.counts[1]


def _folded(now: Here, module: Module, state: WorkspaceState) -> frozenset[str]:
    if state.folded is None:
        kept = read_preferences(now.lake, actor=now.actor).get(_fold_key(module.slug))
        state.folded = frozenset(str(one) for one in kept) if isinstance(kept, list) else frozenset()
    return state.folded


def _fold_key(slug: str) -> str:
    return f"fold.folders.{slug}"


def clicked(slug: str, state: WorkspaceState, values: Sequence[str]) -> None:
    """What a click on a folder, its fold mark or on what is applied means; draws the list anew."""
    match list(values):
        case ["folder", chosen]:
            state.folder = chosen
        case ["fold", folder]:
            now = here()
            state.folded = _folded(now, now.catalog.module(slug), state) ^ {folder}
            kept = sorted(state.folded)
            feedback.run(lambda: keep_preference(now.lake, _fold_key(slug), kept, actor=now.actor))
        case ["view", _]:
            state.view = ""
        case ["tag", _]:
            state.tag = ""
    keep_in_url(state)
    redraw("left")


def draw_menu(now: Here, module: Module, state: WorkspaceState) -> None:
    """How the list is sorted, and by which saved view and tag it is narrowed; read when it is opened."""
    slug = module.slug
    opened = st.popover(
        "",
        icon=":material/tune:",
        type="tertiary",
        help="Sort, views and tags",
        key=f"narrow:{slug}",
        on_change="rerun",
    )
    if not opened.open:
        return
    offered = {
        view.slug: f"{view.name or view.slug} · {_SHARED[view.shared_with]}" for view in _views(now, module)
    }
    tags = facets.read_tags(now.lake, now.catalog, module=slug, actor=now.actor, limit=_TAGS)
    tags = {state.tag: tags.get(state.tag, 0), **tags} if state.tag else tags

    def chose(name: str) -> None:
        setattr(state, name, st.session_state[f"{name}:{slug}"] or "")
        keep_in_url(state)

    with opened:
        st.segmented_control(
            "Sort", list(SORTS), default=state.sort, format_func=SORTS.__getitem__, required=True, key=f"sort:{slug}",
            on_change=chose, args=("sort",),
        )  # fmt: skip
        _select("View", "view", {"": "All"} | offered, state, slug, chose)
        _select(
            "Tag", "tag", {"": "Any"} | {tag: f"{tag} · {n:,}" for tag, n in tags.items()}, state, slug, chose
        )
        if not offered:
            st.caption("A view is saved in the table: a filter, columns and an order under a name.")


def _select(
    label: str,
    name: str,
    options: Mapping[str, str],
    state: WorkspaceState,
    slug: str,
    chose: Callable[[str], None],
) -> None:
    known = list(options)
    current = getattr(state, name)
    st.selectbox(
        label, known, index=known.index(current) if current in options else 0, format_func=options.__getitem__,
        key=f"{name}:{slug}", on_change=chose, args=(name,),
    )  # fmt: skip
