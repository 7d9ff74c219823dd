"""A module as a table: search, folders, filter, sort, columns, pages; a click opens the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from crm_core import facets, listing
from crm_core.model import AnyOf, Catalog, Condition, Leaf, Module
from crm_core.model.condition import parse_condition
from crm_core.query import Page, read_page, titles
from crm_core.searched import searched_columns
from pages._ui import feedback, forms, html, nav, words
from pages._ui.conditions import condition_choices, describe, edit_condition
from pages._ui.fields import text_of
from pages._ui.grid import Column, record_grid
from pages._ui.layout import page, toolbar
from pages._ui.nothing import Action, no_records, nothing
from pages._ui.pulse import pulse
from pages._ui.session import Here, here
from pages._ui.state import page_state
from pages._ui.surroundings import field_context

SIZE = 50
MOST_COLUMNS = 9


@dataclass
class TableState:
    """What a table remembers: words, folder, filter, order, columns and page."""

    words: str = ""
    folder: str = ""
    filter: dict[str, Any] = field(default_factory=dict)
    sort: str = "-updated_at"
    columns: tuple[str, ...] = ()
    page: int = 1


def draw(slug: str) -> None:
    """Draw the table of a module."""
    nav.follow()
    now = here()
    module = now.catalog.module(slug)
    state = page_state(TableState, page=f"table:{slug}")
    seen = now.lake.known_snapshot()  # before the reads: what comes in between is drawn again
    found = feedback.run(lambda: _read(now, module, state), at="here")
    with page(module.name, count=words.number(found.total) if found else "", wide=True):
        _controls(now, module, state)
        if found is not None and found.total:
            _grid(now, module, state, found)
        elif found is not None:
            _nothing(now, module, state)
    pulse(seen, on_move=lambda: None, key=f"pulse:table:{slug}")
    if forms.asked_new() == slug:
        forms.new_record(now, module, on_created=lambda created: nav.go(slug, created))


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
    for key in [key for key in st.session_state if str(key).startswith(f"filter:{slug}")]:
        del st.session_state[key]


def default_columns(catalog: Catalog, module: Module) -> tuple[str, ...]:
    """The columns that a table begins with: the title, what is short, and where the record stands."""
    short = [f.slug for f in module.fields if f.kind not in ("long_text", "json", "file", "address")]
    first = [name for name in (module.title, module.subtitle) if name and name != "id"]
    rest = [name for name in short if name not in first]
    refs = [reference.slug for reference in catalog.references(module.slug)[:2]]
    chosen = [*first, *refs, *rest][: MOST_COLUMNS - 3]
    stands = ["status"] if any(folder.statuses for folder in module.folders) else []
    return (*dict.fromkeys(chosen), *stands, "owner", "updated_at")


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


def _controls(now: Here, module: Module, state: TableState) -> None:
    slug = module.slug

    def searched() -> None:
        state.words = st.session_state[f"table_words:{slug}"] or ""
        state.page = 1

    with toolbar(key="table_bar"):
        st.text_input(
            "Search", key=f"table_words:{slug}", value=state.words, type="search", live="200ms", on_change=searched,
            placeholder=f"Search {module.name.lower()}…", label_visibility="collapsed", width=280,
        )  # fmt: skip
        with st.popover("Filter", icon=":material/filter_list:"):
            choices = condition_choices(now.catalog, slug)
            state.filter = edit_condition(state.filter, choices=choices, key=f"filter:{slug}")
        _column_choice(now, module, state)
        if now.actor.role != "viewer":
            st.button(
                f"New {module.one.lower()}", icon=":material/add:", type="primary", key=f"table_new:{slug}",
                shortcut="N", on_click=forms.ask_new, args=(slug,),
            )  # fmt: skip
    if state.filter:
        st.html(html.note(describe(state.filter, choices), color="blue"))
    if len(module.folders) > 1:
        _folders(now, module, state)


def _column_choice(now: Here, module: Module, state: TableState) -> None:
    names = _column_names(now.catalog, module)
    chosen = state.columns or default_columns(now.catalog, module)
    with st.popover("Columns", icon=":material/view_column:"):
        picked = st.multiselect(
            "Columns", list(names), default=[name for name in chosen if name in names], key=f"columns:{module.slug}",
            format_func=names.__getitem__, label_visibility="collapsed",
        )  # fmt: skip
    state.columns = tuple(picked)


def _column_names(catalog: Catalog, module: Module) -> dict[str, str]:
    names = {f.slug: f.name for f in module.fields}
    names |= {reference.slug: reference.label for reference in catalog.references(module.slug)}
    return names | {
        "folder": "Folder", "status": "Status", "owner": "Owner", "team": "Team", "tags": "Tags", "source": "Source",
        "created_at": "Created", "updated_at": "Updated",
    }  # fmt: skip


def _folders(now: Here, module: Module, state: TableState) -> None:
    counts = facets.read_facets(now.lake, now.catalog, module=module.slug, by=["folder"], actor=now.actor)[
        "folder"
    ]
    labels = {"": "All"} | {f.slug: f"{f.name} {words.number(counts.get(f.slug, 0))}" for f in module.folders}

    def chosen() -> None:
        state.folder = st.session_state[f"table_folder:{module.slug}"] or ""
        state.page = 1

    with st.container(key="folders"):
        st.pills(
            "Folder", list(labels), default=state.folder if state.folder in labels else "", required=True,
            key=f"table_folder:{module.slug}", format_func=labels.__getitem__, on_change=chosen,
            label_visibility="collapsed",
        )  # fmt: skip


def _grid(now: Here, module: Module, state: TableState, found: Page) -> None:
    columns = state.columns or default_columns(now.catalog, module)
    names = _column_names(now.catalog, module)
    context = field_context(now)
    wanted: dict[str, list[str]] = {}
    for reference in now.catalog.references(module.slug):
        if reference.slug in columns:
            for item in found.items:
                value = item[reference.slug]
                if value:
                    target = (
                        value if isinstance(value, dict) else {"module": reference.targets[0], "id": value}
                    )
                    wanted.setdefault(target["module"], []).append(target["id"])
    named = titles(now.lake, now.catalog, wanted=wanted, actor=now.actor)
    rows = [
        {"id": item["id"], **{name: _text(now, module, name, item, named, context) for name in columns}}
        for item in found.items
    ]
    shown = [
        Column(
            name, names.get(name, name), numeric=_is_number(module, name), colors=_colors(module, name),
            width=_width(now.catalog, module, name), share=_share(now.catalog, module, name),
        )
        for name in columns
    ]  # fmt: skip
    record_grid(
        rows, shown, key=f"grid:{module.slug}", sort=state.sort, total=found.total, page=state.page, page_size=SIZE,
        on_open=lambda chosen: nav.go(module.slug, chosen), on_sort=lambda sort: _sorted(state, sort),
        on_page=lambda number: _paged(state, number), noun=module.one.lower(),
    )  # fmt: skip


def _share(catalog: Catalog, module: Module, name: str) -> float:
    own = module.field(name)
    if catalog.reference(module.slug, name) is not None:
        return 1.3
    if own is None or own.kind not in ("text", "long_text"):
        return 1.0
    return 2.0 if name == module.title else 1.4 if name == module.subtitle else 1.0


def _width(catalog: Catalog, module: Module, name: str) -> int:
    """The least width in pixels that shows most values whole: a moment is longer than a badge."""
    own = module.field(name)
    badges = _colors(module, name)
    if badges:
        return max(110, min(190, 42 + 7 * max(map(len, badges))))
    if catalog.reference(module.slug, name) is not None:
        return 130
    if name in ("created_at", "updated_at") or (own and own.kind == "datetime"):
        return 150
    return 180 if name == module.title and own and own.kind in ("text", "long_text") else 110


def _colors(module: Module, name: str) -> dict[str, str]:
    """Text → colour for the columns that show as badges: the status and choices."""
    if name == "status":
        return {status.name: status.color for folder in module.folders for status in folder.statuses}
    own = module.field(name)
    return {option.text: option.color or "gray" for option in getattr(own, "options", ())}


def _sorted(state: TableState, sort: str) -> None:
    state.sort, state.page = sort or "-updated_at", 1


def _paged(state: TableState, number: int) -> None:
    state.page = number


def _is_number(module: Module, name: str) -> bool:
    found = module.field(name)
    return found is not None and found.kind in ("integer", "decimal", "money")


def _text(
    now: Here, module: Module, name: str, item: dict[str, Any], named: dict[str, str], context: Any
) -> str:
    value = item.get(name)
    own = module.field(name)
    if own is not None:
        return text_of(own, value, context)
    if name in ("created_at", "updated_at"):
        return words.moment(value, zone=now.zone) if value else ""
    if name == "status":
        folder = module.folder(item.get("folder") or "") or module.default_folder
        return next((s.name for s in folder.statuses if s.slug == value), value or "")
    if name == "owner":
        return str(context.users.get(value, value or ""))
    if isinstance(value, dict):
        return named.get(str(value["id"]), "")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return named.get(str(value), words.readable(str(value))) if value else ""
