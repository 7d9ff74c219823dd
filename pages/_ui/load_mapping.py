"""Which column of a file brings which field: the suggestions, how sure they are, and the choice of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from crm_core.loading.mapping import Mapped
from crm_core.loading.targets import Place, Target
from crm_core.model import Reference
from lake.ingest import Sniffed
from pages._ui import html, words
from pages._ui.load_state import NEW_FIELD, Setup

NOT_LOADED = "Not loaded"
SHOWN = 40
SURE = ((97, "Certain", "green"), (93, "Sure", "green"), (85, "Likely", "blue"), (1, "Guess", "yellow"))
"""From how sure on, what is said, and its colour."""


@dataclass(frozen=True)
class Choices:
    """What a column can bring, by path, in words."""

    names: dict[str | None, str]

    def label(self, path: str | None) -> str:
        """What people read for a path."""
        return self.names.get(path) or words.readable(str(path).replace(".", " › "))


def choices_of(place: Place, *, may_add: bool) -> Choices:
    """Every target of a place; references also by each key of what they point to."""
    names: dict[str | None, str] = {None: NOT_LOADED}
    if may_add:
        names[NEW_FIELD] = "Make a new field"
    for target in place.targets().values():
        names[target.path] = _name(target)
        if target.role == "reference" and isinstance(target.field, Reference):
            names |= _by_key(place, target, target.field)
    return Choices(names)


def chosen_of(setup: Setup, suggested: Sequence[Mapped]) -> dict[str, str | None]:
    """Header → path: what a person chose, else what is suggested."""
    return {
        one.header: setup.columns.get(one.header, one.target.path if one.target else None)
        for one in suggested
    }


def suggested_key(
    place: Place, chosen: dict[str, str | None], suggested: Sequence[Mapped]
) -> tuple[str, ...]:
    """The first field that tells a record by itself: one that is unique, and that a column brings."""
    targets = place.targets()
    for path in [chosen[one.header] for one in suggested]:
        target = targets.get(path or "")
        if target and (target.role == "id" or getattr(target.field, "unique", False)):
            return (target.path,)
    return ()


def draw(
    setup: Setup, suggested: Sequence[Mapped], sniffed: Sniffed, choices: Choices
) -> dict[str, str | None]:
    """Draw the mapping and return what is chosen for every column."""
    chosen = chosen_of(setup, suggested)
    taken: list[str | None] = [path for path in chosen.values() if path not in (None, NEW_FIELD)]
    found = sum(1 for path in chosen.values() if path is not None)
    st.html(html.section_header("Columns", f"{found} of {len(chosen)} are loaded"))
    rows = suggested if len(suggested) <= SHOWN or st.toggle(f"Show all {len(suggested)} columns", key="map:all") else (
        suggested[:SHOWN]
    )  # fmt: skip
    with st.container(border=True, key="mapping", gap=None):
        for one in rows:
            _row(setup, one, chosen, sniffed, choices, twice=taken.count(chosen[one.header]) > 1)
    return chosen


def _row(
    setup: Setup,
    one: Mapped,
    chosen: dict[str, str | None],
    sniffed: Sniffed,
    choices: Choices,
    *,
    twice: bool,
) -> None:
    # Another file's column of the same number must not inherit the choice.
    key = f"map:{one.position}:{one.header}:{setup.module}:{setup.source}"
    path = chosen[one.header]

    def keep() -> None:
        setup.columns[one.header] = st.session_state[key]

    options = list(choices.names) if path in choices.names else [path, *choices.names]
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", key=f"map_row_{one.position}"
    ):
        st.html(_told(one, sniffed))
        st.html(_badge(one, path, setup, twice=twice), width=110)
        st.selectbox(
            f"Field for {one.header}", options, index=options.index(path), format_func=choices.label, key=key,
            on_change=keep, label_visibility="collapsed", width=250,
        )  # fmt: skip


def _told(one: Mapped, sniffed: Sniffed) -> html.Html:
    at = one.position - 1
    cells = [row[at] for row in sniffed.sample if at < len(row) and row[at]]
    seen = ", ".join(dict.fromkeys(str(cell) for cell in cells[:8]))[:90]
    return html.Html('<div class="m-column"><b>{}</b><span>{}</span></div>').format(
        one.header, seen or html.missing("empty")
    )


def _badge(one: Mapped, path: str | None, setup: Setup, *, twice: bool) -> html.Html:
    suggested = one.target.path if one.target else None
    if twice:
        label, color, why = (
            "Taken twice",
            "red",
            "Another column is to bring the same field; choose one of the two.",
        )
    elif path == NEW_FIELD:
        label, color, why = "New field", "violet", "A field is made of this column when you load."
    elif one.header in setup.columns and path != suggested:
        label, color, why = "Your choice", "violet", "It is remembered for this source."
    elif path is None:
        label, color, why = "Kept aside", "gray", "The text stays in the source row; no field gets it."
    elif one.known:
        label, color, why = "Remembered", "violet", "As it was loaded from this source before."
    else:
        label, color = next((label, color) for least, label, color in SURE if one.sure >= least)
        why = f"{one.reason} ({one.sure} %)"
    return html.Html('<span title="{}">{}</span>').format(why, html.badge(label, color=color))


def _name(target: Target) -> str:
    if target.role == "id":
        return "Record id"
    name = (
        getattr(target.field, "name", "") or getattr(target.field, "label", "") or words.readable(target.slug)
    )
    if target.role == "part":
        return f"{name} › {words.readable(target.path.rpartition('.')[2])}"
    extra = {"currency": " › Currency", "which": " › Module"}.get(target.role, "")
    return f"{name}{extra}"


def _by_key(place: Place, target: Target, reference: Reference) -> dict[str | None, str]:
    found: dict[str | None, str] = {}
    for slug in reference.targets:
        module = place.catalog.modules.get(slug)
        for field in module.fields if module else ():
            if field.unique or field.kind == "auto_number":
                found[f"{target.path}.{field.slug}"] = f"{_name(target)}, by {field.name}"
    return found
