"""A change that asks for more: what its values require is asked for beside it, and all of it is written at once.

Else it could never be made in place: what it requires may not even be shown before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from crm_core.dependencies import read_states
from crm_core.errors import ValuesInvalid
from crm_core.model import Field, Module
from crm_core.shape import Record
from pages._ui import html
from pages._ui.changes import label_of
from pages._ui.fields import edit_field, entered
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_WANTED = "edits:wanted"


@dataclass(frozen=True)
class Wanted:
    """A change that waits for the values that it requires; `names` are their fields."""

    record_id: str
    version: int
    values: Mapping[str, Any]
    names: tuple[str, ...]

    def key(self, name: str) -> str:
        """The key of a widget."""
        return f"missing:{self.record_id}:{self.version}:{name}"


def ask(module: Module, record: Record, values: Mapping[str, Any], refused: ValuesInvalid) -> bool:
    """Keep a change back that was refused only since it requires other fields; whether it was."""
    names = tuple(dict.fromkeys(problem.field for problem in refused.problems))
    only = all(problem.code == "required" for problem in refused.problems) and not set(names) & set(values)
    if not only or any(module.field(name) is None for name in names):
        return False
    st.session_state[_WANTED] = Wanted(str(record["id"]), record["version"], dict(values), names)
    return True


def forget() -> None:
    """Nothing waits any more."""
    st.session_state.pop(_WANTED, None)


def draw(here: Here, module: Module, record: Record, save: Callable[[dict[str, Any]], bool]) -> None:
    """Ask for what the change of this record that waits requires, as its values would have it.

    Args:
        here: who asks.
        module: the record's.
        record: as it is shown.
        save: writes all values together; whether they were taken.
    """
    wanted = st.session_state.get(_WANTED)
    if not isinstance(wanted, Wanted) or wanted.record_id != str(record["id"]):
        return
    as_it_would_be = {**record, **wanted.values}
    states = read_states(here.lake, here.catalog, module=module.slug, record=as_it_would_be, actor=here.actor)
    context = field_context(here, [(module, record)])
    context = replace(context, options={**context.options, **states.options})
    fields = [field for name in wanted.names if (field := module.field(name)) is not None]
    changed = ", ".join(label_of(here.catalog, module, name) for name in wanted.values)
    asked = ", ".join(field.name for field in fields)

    def given(field: Field) -> Any:
        return entered(field, None, key=wanted.key(field.slug), context=context)

    def keep() -> None:
        if save({**wanted.values, **{field.slug: given(field) for field in fields}}):
            forget()
        redraw("left", "centre", "right")

    with st.container(border=True, key="edit_missing"):
        st.html(html.note(f"{changed} is not saved yet: it needs {asked} as well.", color="orange"))
        with st.form(wanted.key("form"), border=False):
            for field in fields:
                edit_field(field, None, key=wanted.key(field.slug), context=context, required=True)
            with st.container(horizontal=True, gap="small"):
                st.form_submit_button("Save both", type="primary", key=wanted.key("save"), on_click=keep)
                st.form_submit_button("Leave it", type="tertiary", key=wanted.key("leave"), on_click=_leave)


def _leave() -> None:
    forget()
    redraw("left", "centre", "right")
