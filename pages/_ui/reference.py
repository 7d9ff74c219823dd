"""The widget of a reference: what it points to now, and behind it a search for another record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from crm_core import query
from crm_core.model import Reference
from crm_core.search import note_of, search_module
from pages._ui import html
from pages._ui.session import Here
from pages._ui.state import record_id

SHOWN = 8


def edit_reference(
    here: Here,
    reference: Reference,
    value: Any,
    *,
    titles: Mapping[str, str],
    key: str,
    on_commit: Callable[[Any], None] | None = None,
) -> Any:
    """Draws the chosen record and the search for another; returns the id that is chosen now, or None.

    Args:
        value: The id that stands there at first; of one of several modules `{"module", "id"}`.
        titles: Titles of records that are known already.
        on_commit: Called with the new value; without it (in a form) the choice is only remembered.
    """
    remembered = f"{key}:value"
    value = st.session_state.get(remembered, value) if on_commit is None else value
    module, chosen = _taken_apart(reference, value)
    label = reference.label
    if reference.polymorphic:
        module = st.selectbox(
            f"{label}: kind", reference.targets, index=reference.targets.index(module), key=f"{key}:module",
            format_func=lambda slug: here.catalog.module(slug).one,
        )  # fmt: skip
    title = titles.get(str(chosen)) or st.session_state.get(f"{key}:title")

    def commit(target: str | None, name: str = "") -> None:
        new = _put_together(reference, module, target)
        if on_commit is not None:
            on_commit(new)
            return
        st.session_state[remembered] = new
        st.session_state[f"{key}:title"] = name

    mark = " *" if reference.required else ""
    st.html(html.Html('<div class="m-label">{}{}</div>').format(label, mark))
    shown = title or ("A record that you may not see" if chosen else "Choose …")
    with st.popover(html.plain(shown), width="stretch", key=f"{key}:box"):
        _search(here, module, key, commit)
        if chosen and not reference.required:
            st.button("Clear", key=f"{key}:clear", icon=":material/close:", on_click=commit, args=(None,))
    return value


def pick_record(here: Here, module: str, chosen: Any, *, key: str, on_pick: Callable[[str], None]) -> None:
    """Draws the name of a certain record, and behind it the search for another; `on_pick` gets its id."""
    known = record_id(chosen)
    named = query.titles(here.lake, here.catalog, wanted={module: [known]}, actor=here.actor) if known else {}
    shown = named.get(known or "", "A record that is gone, or that you may not see") if known else "Choose …"

    def picked(target: str | None, name: str = "") -> None:
        on_pick(target or "")

    with st.popover(html.plain(shown), width="stretch", key=f"{key}:box"):
        _search(here, module, key, picked)


def pick_linked(
    here: Here, targets: Sequence[str], chosen: Any, *, key: str, on_pick: Callable[[Any], None]
) -> None:
    """As `pick_record`, of one of several modules: `on_pick` gets an id, or `{"module", "id"}` of several.

    Args:
        here: The lake, the definitions and who looks.
        targets: The modules, at least one.
        chosen: The id that stands there, or `{"module", "id"}`.
        key: Of the widgets.
        on_pick: Takes what was picked.
    """
    if len(targets) == 1:
        pick_record(here, targets[0], chosen, key=key, on_pick=on_pick)
        return
    known = chosen if isinstance(chosen, Mapping) else {}
    index = targets.index(known["module"]) if known.get("module") in targets else 0
    module = st.selectbox(
        "Kind", targets, index=index, key=f"{key}:module", label_visibility="collapsed", width=150,
        format_func=lambda slug: here.catalog.module(slug).one,
    )  # fmt: skip
    own = known.get("id") if known.get("module") == module else None
    pick_record(
        here,
        module,
        own,
        key=f"{key}:{module}",
        on_pick=lambda found: on_pick({"module": module, "id": found}),
    )


def _search(here: Here, module: str, key: str, commit: Callable[[str | None, str], None]) -> None:
    """A search field and a button for each record found; the newest ones while nothing is typed."""
    words = st.text_input(
        "Search", key=f"{key}:words", type="search", live="100ms", label_visibility="collapsed",
        placeholder=f"Search {here.catalog.module(module).name.lower()} …",
    )  # fmt: skip
    hits = search_module(
        here.lake, here.catalog, module=module, actor=here.actor, words=words or "", limit=SHOWN
    )
    for hit in hits.items:
        told = note_of(here.catalog.module(module), hit.subtitle)
        note = f"  :gray[:small[{html.plain(told)}]]" if told else ""
        st.button(
            html.plain(hit.title or "Without a name") + note, key=f"{key}:pick:{hit.id}", type="tertiary",
            width="stretch", on_click=commit, args=(hit.id, hit.title),
        )  # fmt: skip
    if not hits.items:
        st.html(html.Html('<div class="m-sub">Nothing found.</div>'))


def _taken_apart(reference: Reference, value: Any) -> tuple[str, str | None]:
    if isinstance(value, dict):
        return str(value["module"]), str(value["id"])
    return reference.targets[0], str(value) if value else None


def _put_together(reference: Reference, module: str, chosen: str | None) -> Any:
    if chosen is None:
        return None
    return {"module": module, "id": chosen} if reference.polymorphic else chosen
