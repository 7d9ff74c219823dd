"""The dialog in which a record is made: the folder's required fields first, the others when asked for.

st.button("New", on_click=forms.ask_new, args=("customers",))
if forms.asked_new() == "customers":
    forms.new_record(here, module, on_created=select)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.dependencies import FieldStates, as_begun, deciding, read_settled
from crm_core.duplicates import likely
from crm_core.facets import read_tags
from crm_core.model import Field, Module, Reference
from crm_core.query import titles
from pages._ui import feedback, html
from pages._ui.duplicates import reasons_of
from pages._ui.fields import FieldContext, edit_field, entered
from pages._ui.reference import edit_reference
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_ASKED = "forms:new"
_FIRST = ("name", "message", "customer", "email", "phone", "kind", "amount")
"""What a quick form asks for where there is such a field, as well as what is required."""
_ABOUT, _GIVEN = "forms:about", "forms:given"
About = tuple[str, str]
"""Module and id of the record that a dialog was opened from."""


def ask_new(module: str, about: About | None = None, given: Mapping[str, Any] | None = None) -> None:
    """Open the dialog for a new record of a module with the next run.

    Args:
        module: of which module.
        about: links it to a record.
        given: field → what stands there at first, in place of its default.
    """
    _forget(module)
    st.session_state[_ASKED] = module
    st.session_state[_ABOUT] = about
    st.session_state[_GIVEN] = dict(given or {})


def asked_new() -> str | None:
    """The module whose dialog is open."""
    value = st.session_state.get(_ASKED)
    return str(value) if value else None


def _close() -> None:
    st.session_state.pop(_ASKED, None)
    st.session_state.pop(_ABOUT, None)
    st.session_state.pop(_GIVEN, None)


def _forget(module: str) -> None:
    """What an earlier dialog of the module kept under plain keys (chosen references, problems) is gone."""
    for key in [key for key in st.session_state if str(key).startswith(f"new:{module}:")]:
        del st.session_state[key]
    feedback.forget(f"new:{module}")


@dataclass(frozen=True)
class _Form:
    """A dialog as it stands in one run: what has been entered so far, and what that asks for."""

    here: Here
    module: Module
    key: str
    folder: str
    values: dict[str, Any]
    states: FieldStates
    context: FieldContext

    def required(self, field: Field | Reference) -> bool:
        """Whether the record cannot be made without it: by itself, or by what has been entered."""
        return field.slug in self.states.required or bool(getattr(field, "required", False))


def new_beside(
    here: Here, slug: str, *, on_created: Callable[[str, str, About | None], None] | None = None
) -> None:
    """The dialog for a record of another module, made from one of `slug`; its own are made from the list.

    `on_created` gets the module and the id of what was made, or chosen in its place, and what it was made from.
    """
    asked, about = asked_new(), st.session_state.get(_ABOUT)

    def made(record_id: str) -> None:
        if on_created is not None:
            on_created(str(asked), record_id, about)

    if asked and asked != slug and asked in here.catalog.modules:
        new_record(here, here.catalog.module(asked), on_created=made)


def new_record(here: Here, module: Module, *, on_created: Callable[[str], None]) -> None:
    """The dialog for a new record; `on_created` gets its id, then the page runs again.

    It asks for what the chosen folder and the values so far require, and names who may be the same already.
    """
    key = f"new:{module.slug}"

    @st.dialog(f"New {module.one.lower()}", on_dismiss=_close)
    def draw() -> None:
        form = _standing(here, module, key)
        shown, more = _fields(form)
        values = _draw_fields(form, shown)
        if module.profile:
            values["tags"] = _tags(form)
        if more and st.toggle("More fields", key=f"{key}:more"):
            values |= _draw_fields(form, more)
        _warn(form, on_created)
        if st.button("Create", type="primary", key=f"{key}:create", width="stretch"):
            _create(here, module, {**_given(values), "folder": form.folder}, key, on_created)

    draw()


def _standing(here: Here, module: Module, key: str) -> _Form:
    folder = module.default_folder.slug
    if len(module.folders) > 1:
        names = {f.slug: f.name for f in module.folders}
        folder = st.selectbox("Folder", list(names), format_func=names.__getitem__, key=f"{key}:folder")
    context = field_context(here)
    values = {
        field.slug: entered(field, _first(field), key=f"{key}:{field.slug}", context=context)
        for field in _editable(module)
    }
    for reference in here.catalog.references(module.slug):
        chosen = st.session_state.get(f"{key}:{reference.slug}:value")
        values[reference.slug] = chosen or _about(here, module).get(reference.slug)
    states, dropped = read_settled(
        here.lake, here.catalog, module=module.slug, actor=here.actor, chosen=values,
        record=as_begun(module, folder),
    )  # fmt: skip
    for slug in dropped:
        st.session_state.pop(f"{key}:{slug}", None)
    context = replace(context, options={**context.options, **states.options})
    return _Form(here, module, key, folder, values, states, context)


def _first(field: Field) -> Any:
    """What stands in a field at first."""
    return st.session_state.get(_GIVEN, {}).get(field.slug, field.default)


def _editable(module: Module) -> list[Field]:
    return [field for field in module.fields if not field.read_only and field.kind != "file"]


def _fields(form: _Form) -> tuple[list[Field | Reference], list[Field | Reference]]:
    """What a quick form asks for, and what it asks for only when somebody wants to say more."""
    module, hidden = form.module, form.states.hidden | form.states.read_only
    own = module.folder(form.folder)
    visible = set(own.fields) if own and own.fields else None
    every: list[Field | Reference] = [*_editable(module), *form.here.catalog.references(module.slug)]
    editable = [
        field
        for field in every
        if field.slug not in hidden and (visible is None or field.slug in visible or form.required(field))
    ]
    times = {module.calendar.starts, module.calendar.ends} if module.calendar else set()
    first = {module.title, module.subtitle, *_FIRST} | times | set(_about(form.here, module))
    wanted = [field for field in editable if form.required(field) or field.slug in first]
    wanted = wanted or editable[:5]
    chosen = {field.slug for field in wanted}
    return wanted, [field for field in editable if field.slug not in chosen]


def _about(here: Here, module: Module) -> dict[str, Any]:
    """The references of the new record that point to the record that the dialog was opened from."""
    about = st.session_state.get(_ABOUT)
    if not about:
        return {}
    owner, target = about
    found: dict[str, Any] = {}
    # A reference of its own says more than one to any of several modules.
    for reference in sorted(here.catalog.references(module.slug), key=lambda one: one.polymorphic):
        if owner in reference.targets:
            found[reference.slug] = {"module": owner, "id": target} if reference.polymorphic else target
            break
    return found


def _draw_fields(form: _Form, fields: Sequence[Field | Reference]) -> dict[str, Any]:
    wrong = _wrong(form)
    about, heard = _about(form.here, form.module), deciding(form.module)
    values: dict[str, Any] = {}
    for field in fields:
        key = f"{form.key}:{field.slug}"
        if isinstance(field, Reference):
            given = about.get(field.slug)
            named = _titles(form.here, given)
            values[field.slug] = edit_reference(form.here, field, given, titles=named, key=key)
            continue
        values[field.slug] = edit_field(
            field, form.states.allowed(field.slug, _first(field)), key=key, context=form.context,
            required=form.required(field), problem=wrong.get(field.slug, ""),
            live=field.slug in heard or _tells_who(form.module, field),
        )  # fmt: skip
    return values


def _wrong(form: _Form) -> dict[str, str]:
    """Field → what is wrong with it, as long as it stands as it was refused."""
    tried = st.session_state.get(f"{form.key}:tried", {})
    now = _given(form.values)
    return {
        slug: words
        for slug, words in feedback.problems(form.key).items()
        if slug not in form.values or now.get(slug) == tried.get(slug)
    }


def _tells_who(module: Module, field: Field) -> bool:
    """Whether a field says who somebody is, so that others of the same are looked for as it is typed."""
    return field.kind in ("email", "phone") or (module.profile and field.slug == module.title)


def _tags(form: _Form) -> list[str]:
    """The tags chosen; those that are in use are read once a dialog."""
    known = f"{form.key}:known_tags"
    if known not in st.session_state:
        here = form.here
        used = read_tags(here.lake, here.catalog, module=form.module.slug, actor=here.actor)
        st.session_state[known] = list(used)
    return st.multiselect(
        "Tags", st.session_state[known], key=f"{form.key}:tags", accept_new_options=True, placeholder="Add a tag"
    )  # fmt: skip


def _warn(form: _Form, on_chosen: Callable[[str], None]) -> None:
    """Who is there already and may be the same, each a way to that record."""
    here = form.here
    found = likely(
        here.lake, here.catalog, module=form.module.slug, values=form.values, actor=here.actor, limit=3
    )
    if not found:
        return
    st.html(html.note("Perhaps this one is there already. Open it instead?", color="orange"))
    for one in found:
        told = f"{html.plain(one.title or one.id[:8])} · {reasons_of(one)}"
        if st.button(told, key=f"{form.key}:same:{one.id}", icon=":material/open_in_new:", type="tertiary"):
            _close()
            on_chosen(one.id)
            st.rerun()


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
    st.session_state[f"{form}:tried"] = values
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
