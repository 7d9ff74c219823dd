"""Where the records of a module stand besides lists: in calendars, and above or below one another in a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from crm_core import shaping
from crm_core.model import Module, Option, Relationship
from crm_core.model.documents import Document
from pages._ui import html, module_saving
from pages._ui.session import Here


def draw_calendar(now: Here, module: Module) -> None:
    """The form for the place of a module's records in calendars."""
    moments = {field.slug: field.name for field in module.fields if field.kind == "datetime"}
    key = f"calendar:{module.slug}:{now.catalog.version}"
    with st.container(border=True, key="calendar_form"):
        st.html(html.title("In calendars", small=True))
        if not moments:
            st.html(
                html.note(
                    "Add a field of the kind date and time first: it says when a record begins.", color="gray"
                )
            )
            return
        place = module.calendar
        shown = st.toggle("Its records stand in calendars", value=place is not None, key=f"{key}:shown")
        given: Document | None = None
        if shown:
            first, second = st.columns(2)
            starts = first.selectbox(
                "Begins", list(moments), format_func=moments.__getitem__, key=f"{key}:starts",
                index=list(moments).index(place.starts) if place and place.starts in moments else 0,
            )  # fmt: skip
            ends = _choose(
                second, "Ends", moments, place.ends if place else None, f"{key}:ends", "Only begins"
            )
            texts = {
                field.slug: field.name for field in module.fields if field.kind in ("text", "select", "url")
            }
            first, second = st.columns(2)
            where = _choose(first, "Where", texts, place.place if place else None, f"{key}:place", "Not said")
            all_day = second.toggle(
                "Stands on a day, as open tasks do", value=bool(place and place.all_day), key=f"{key}:all_day"
            )
            given = {"starts": starts, "ends": ends, "place": where, "all_day": all_day}
        said = f"{module.name} {'stand' if shown else 'no more stand'} in calendars"
        if st.button("Save the calendar", type="primary", key=f"{key}:save") and module_saving.save(
            now, [("module", shaping.in_calendar(module, given))], said
        ):
            st.rerun()


def draw_tree(now: Here, rel: Relationship, on_done: Callable[[], None]) -> None:
    """The form that makes a tree of the links between records of one module."""
    key = f"tree:{rel.key}:{now.catalog.version}"
    choices = {field.slug: field for field in rel.fields if field.kind == "select"}
    with st.container(border=True, key="tree_form"):
        st.html(html.title(f"Change {rel.name}", small=True))
        on = st.toggle(
            "A tree: no record stands below itself, directly or over others", key=f"{key}:on",
            value=rel.tree is not None,
        )  # fmt: skip
        tree: Document | None = {} if on else None
        if on and choices:
            names = {slug: field.name for slug, field in choices.items()}
            by = _choose(
                st.container(), "What a link is, is told by", names, rel.tree.by if rel.tree else None, f"{key}:by",
                "Nothing: every link leads down",
            )  # fmt: skip
            if by is not None:
                tree = {"by": by, **_sides(rel, choices[by].options, f"{key}:{by}")}
        with st.container(horizontal=True):
            said = f"{rel.name} {'is' if on else 'is no more'} a tree"
            if st.button("Save relationship", type="primary", key=f"{key}:save") and module_saving.save(
                now, [("relationship", shaping.as_tree(rel, tree))], said
            ):
                on_done()
                st.rerun()
            if st.button("Cancel", key=f"{key}:cancel", type="tertiary"):
                on_done()
                st.rerun(scope="fragment")


def _sides(rel: Relationship, options: Sequence[Option], key: str) -> Document:
    """Which values of the choice lead below, and which above."""
    names = {option.value: option.text for option in options}
    sides: Document = {}
    for column, (side, label) in zip(
        st.columns(2),
        (("below", "Puts the other one below"), ("above", "Puts the other one above")),
        strict=True,
    ):
        before = [one for one in (getattr(rel.tree, side) if rel.tree else ()) if one in names]
        sides[side] = column.multiselect(
            label, list(names), default=before, format_func=names.__getitem__, key=f"{key}:{side}",
            placeholder="Choose …",
        )  # fmt: skip
    return sides


def _choose(
    place: DeltaGenerator, label: str, names: Mapping[str, str], value: str | None, key: str, empty: str
) -> str | None:
    """One of some, or none: the value goes in by the state and not as the index, so that it can also be emptied."""
    st.session_state.setdefault(key, value if value in names else None)
    return place.selectbox(
        label, list(names), index=None, format_func=names.__getitem__, key=key, placeholder=empty
    )
