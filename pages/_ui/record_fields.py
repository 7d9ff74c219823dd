"""The fields of a record by section: read-only cards, and a section opened to be edited, a change at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

import streamlit as st

from crm_core.model import Catalog, Module, Section
from crm_core.model.catalog import SYSTEM_FIELDS
from crm_core.profile import Head
from pages._ui import bases, edits, html, words
from pages._ui.fields import FieldContext, edit_field, show_field
from pages._ui.layout import redraw
from pages._ui.record_words import reference_link
from pages._ui.reference import edit_reference
from pages._ui.session import Here
from pages._ui.surroundings import field_context
from pages._ui.workspace_state import WorkspaceState


def draw_sections(
    now: Here, seen: Head, state: WorkspaceState, *, without: tuple[str, ...] = (), locked: bool | None = None
) -> None:
    """The fields by section, those shown elsewhere left out; a section being edited stands open above the others."""
    editable = now.actor.role != "viewer" if locked is None else not locked
    sections = sections_of(
        now.catalog, seen.module, seen.record["folder"], without=(*without, *seen.states.hidden)
    )
    editing = state.editing if editable else set()
    closed = [s for s in sections if s.slug not in editing]
    open_ = [name for section in sections if section.slug in editing for name in section.fields]
    bases.keep({(str(seen.record["id"]), name) for name in open_})
    for section in sections:
        if section.slug in editing:
            edit_section(now, seen, section, partial(_done, state, section.slug))
    st.html(html.cards(*[section_card(now, seen, s, editable=editable) for s in closed]))


def _done(state: WorkspaceState, section: str) -> None:
    state.editing.discard(section)
    redraw("centre")


def sections_of(
    catalog: Catalog, module: Module, folder: str | None, *, without: tuple[str, ...] = ()
) -> tuple[Section, ...]:
    """The sections with the fields that the record's folder shows; fields in no section come last."""
    own = module.folder(folder or "")
    wanted = set(own.fields) if own and own.fields else None
    placed = {name for section in module.sections for name in section.fields}
    names = [f.slug for f in module.fields] + [r.slug for r in catalog.references(module.slug)]
    rest = tuple(name for name in names if name not in placed)
    title = "Details" if not module.sections else "More"
    found = (*module.sections, *([Section(slug="rest", label=title, fields=rest)] if rest else []))
    shown = (
        s.model_copy(
            update={
                "fields": tuple(n for n in s.fields if (wanted is None or n in wanted) and n not in without)
            }
        )
        for s in found
    )
    return tuple(section for section in shown if section.fields)


def section_card(here: Here, profile: Head, section: Section, *, editable: bool) -> html.Html:
    """The fields of a section, read-only, with a word that opens them for editing."""
    context = field_context(here, [(profile.module, profile.record)])
    rows = [
        field_row(here, profile, name, context)
        for name in section.fields
        if name not in profile.states.hidden
    ]
    word = html.link("Edit", click=html.click("edit", section.slug)) if editable else html.Html("")
    return html.kv_card(section.name, rows, right=word)


def field_row(here: Here, profile: Head, name: str, context: FieldContext) -> tuple[str, html.Text | None]:
    """The label and the value of a field, reference or system column."""
    module, record = profile.module, profile.record
    reference = here.catalog.reference(module.slug, name)
    if reference is not None:
        return reference.label, reference_link(reference, record.get(name), profile.titles)
    field = module.field(name) or SYSTEM_FIELDS.get(name)
    if field is None:
        return words.readable(name), None
    return field.name, show_field(field, record.get(name), context)


def edit_section(here: Here, profile: Head, section: Section, on_done: Callable[[], None]) -> None:
    """The fields of a section as widgets; each change is written at once and can be undone."""
    with st.container(border=True, key=f"edit_{section.slug}"):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            st.html(html.title(section.name, small=True))
            st.button("Done", key=f"done_{section.slug}", type="tertiary", on_click=on_done)
        context = field_context(here, [(profile.module, profile.record)])
        context = replace(context, options={**context.options, **profile.states.options})
        for name in section.fields:
            if name not in profile.states.hidden:
                _edit_one(here, profile, name, context)


def _edit_one(here: Here, profile: Head, name: str, context: FieldContext) -> None:
    record, module, states = profile.record, profile.module, profile.states
    base = bases.base_of(record, name)
    key = f"field:{record['id']}:{name}:{base.version}"

    def commit(value: Any) -> None:
        # The browser also tells of what the page itself put there, as after an undo.
        if not same(value, base.value):
            edits.change(here, profile, {name: value}, base_version=base.version)

    reference = here.catalog.reference(module.slug, name)
    field = module.field(name)
    if reference is not None:
        edit_reference(here, reference, base.value, titles=profile.titles, key=key, on_commit=commit)
    elif field is not None:
        required = field.required or name in states.required
        edit_field(
            field, base.value, key=key, on_commit=commit, context=context, required=required,
            disabled=name in states.read_only,
        )  # fmt: skip
    if record.get(name) != base.value:
        _told_meanwhile(here, profile, name, context)


def _told_meanwhile(here: Here, profile: Head, name: str, context: FieldContext) -> None:
    """What somebody else has put into a field that stands open, and a way to go on from there."""
    record_id = str(profile.record["id"])
    _, theirs = field_row(here, profile, name, context)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"meanwhile:{name}"):
        said = html.Html('<div class="m-sub">Somebody else has changed this to {}</div>')
        st.html(said.format(theirs if theirs is not None else "nothing"), width="content")
        st.button(
            "Take it", key=f"meanwhile:{record_id}:{name}", type="tertiary",
            on_click=bases.begin_anew, args=(record_id, [name]),
        )  # fmt: skip


def same(value: Any, before: Any) -> bool:
    """Whether a widget still says what stood in it; one for moments says nothing of their seconds."""
    if isinstance(value, datetime) and isinstance(before, datetime):
        return value.replace(second=0, microsecond=0) == before.replace(second=0, microsecond=0)
    return bool(value == before)


def change(here: Here, profile: Head, values: dict[str, Any], *, done: str = "Saved") -> bool:
    """Write changed values of the profile's record, on the version that is shown; whether they were taken."""
    return edits.change(here, profile, values, done=done)
