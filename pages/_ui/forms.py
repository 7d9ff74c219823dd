"""The dialog in which a record is made: the folder's required fields first, the others when asked for.

st.button("New", on_click=forms.ask_new, args=("customers",))
if forms.asked_new() == "customers":
    forms.new_record(here, module, on_created=select)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.model import Field, Module, Reference
from crm_core.query import titles
from pages._ui import feedback
from pages._ui.fields import edit_field
from pages._ui.reference import edit_reference
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_ASKED = "forms:new"
_ABOUT = "forms:about"


def ask_new(module: str, about: tuple[str, str] | None = None) -> None:
    """Open the dialog for a new record of a module with the next run; `about` links it to a record."""
    _forget(module)
    st.session_state[_ASKED] = module
    st.session_state[_ABOUT] = about


def asked_new() -> str | None:
    """The module whose dialog is open."""
    value = st.session_state.get(_ASKED)
    return str(value) if value else None


def _close() -> None:
    st.session_state.pop(_ASKED, None)
    st.session_state.pop(_ABOUT, None)


def _forget(module: str) -> None:
    """What an earlier dialog of the module kept under plain keys (chosen references, problems) is gone."""
    for key in [key for key in st.session_state if str(key).startswith(f"new:{module}:")]:
        del st.session_state[key]
    feedback.forget(f"new:{module}")


def new_record(here: Here, module: Module, *, on_created: Callable[[str], None]) -> None:
    """The dialog for a new record; `on_created` gets its id, then the page runs again."""
    form = f"new:{module.slug}"

    @st.dialog(f"New {module.one.lower()}", on_dismiss=_close)
    def draw() -> None:
        values: dict[str, Any] = {}
        folder = module.default_folder.slug
        if len(module.folders) > 1:
            names = {f.slug: f.name for f in module.folders}
            folder = st.selectbox("Folder", list(names), format_func=names.__getitem__, key=f"{form}:folder")
        shown, more = _fields(here, module)
        _draw_fields(here, shown, form, values)
        if more and st.toggle("More fields", key=f"{form}:more"):
            _draw_fields(here, more, form, values)
        if st.button("Create", type="primary", key=f"{form}:create", width="stretch"):
            _create(here, module, {**_given(values), "folder": folder}, form, on_created)

    draw()


def _fields(here: Here, module: Module) -> tuple[list[Field | Reference], list[Field | Reference]]:
    """What a quick form asks for, and what it asks for only when somebody wants to say more."""
    editable: list[Field | Reference] = [f for f in module.fields if not f.read_only and f.kind != "file"]
    editable += list(here.catalog.references(module.slug))
    about = _about(here, module)
    first = {module.title, module.subtitle, "email", "phone", "kind"} | set(about)
    wanted = [f for f in editable if f.required or f.slug in first]
    wanted = wanted or editable[:5]
    chosen = {f.slug for f in wanted}
    return wanted, [f for f in editable if f.slug not in chosen]


def _about(here: Here, module: Module) -> dict[str, Any]:
    """The references of the new record that point to the record that the dialog was opened from."""
    about = st.session_state.get(_ABOUT)
    if not about:
        return {}
    owner, target = about
    found: dict[str, Any] = {}
    for reference in here.catalog.references(module.slug):
        if owner in reference.targets:
            found[reference.slug] = {"module": owner, "id": target} if reference.polymorphic else target
            break
    return found


def _draw_fields(here: Here, fields: list[Field | Reference], form: str, values: dict[str, Any]) -> None:
    context = field_context(here)
    wrong = feedback.problems(form)
    module = form.removeprefix("new:")
    about = _about(here, here.catalog.module(module))
    for field in fields:
        key = f"{form}:{field.slug}"
        if isinstance(field, Reference):
            given = about.get(field.slug)
            named = _titles(here, given)
            values[field.slug] = edit_reference(here, field, given, titles=named, key=key)
        else:
            values[field.slug] = edit_field(
                field, field.default, key=key, context=context, problem=wrong.get(field.slug, "")
            )


def _titles(here: Here, given: Any) -> dict[str, str]:
    about = st.session_state.get(_ABOUT)
    if not given or not about:
        return {}
    return titles(here.lake, here.catalog, wanted={about[0]: [about[1]]}, actor=here.actor)


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {slug: value for slug, value in values.items() if value not in (None, "", [], {})}


def _create(
    here: Here, module: Module, values: dict[str, Any], form: str, on_created: Callable[[str], None]
) -> None:
    made = feedback.submit(
        lambda: records.create(
            here.lake, module=module.slug, values=values, actor=here.actor, door="browser"
        ),
        form=form,
        done=f"{module.one} created",
    )
    if made is not None:
        _close()
        on_created(made.ids[0])
        st.rerun()
    st.rerun(scope="fragment")
