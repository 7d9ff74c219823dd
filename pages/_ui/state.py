"""What a page remembers: one dataclass a page, kept under a prefixed key, and ids from the address, checked.

    @dataclass
    class CustomersState:
        selected: str | None = None
        query: str = ""

    state = page_state(CustomersState, page="customers")     # the same values at every rerun
    state.selected = record_id_in_url() or state.selected    # only a UUID comes through

Keys of widgets are lost when another page is shown, these are not: what must survive goes into the state, in
the widget's callback. Nothing here is read from the browser but ids, slugs and words of a given list.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import streamlit as st

State = TypeVar("State")
SLUG = re.compile(r"[a-z][a-z0-9_]{0,47}")


def page_state(cls: type[State], *, page: str) -> State:
    """The state of a page, made with its defaults at the first call of a session.

    A page script defines its class anew at each run, and an upgraded one may have other fields: the values of
    the fields that are still there are carried over.
    """
    key = f"page:{page}"
    stored = st.session_state.get(key)
    if type(stored) is not cls:
        stored = _carried_over(cls, stored)
        st.session_state[key] = stored
    return stored


def record_id_in_url(name: str = "id") -> str | None:
    """The id of a record in the address, in its canonical form; None when there is none or it is no UUID."""
    return record_id(st.query_params.get(name))


def slug_in_url(name: str, *, among: Sequence[str]) -> str | None:
    """The slug in the address when it is one of those given, else None."""
    value = st.query_params.get(name)
    return value if value in among else None


def word_in_url(name: str, *, among: Sequence[str], default: str) -> str:
    """A word of the address (a tab, an order) when it is one of those given, else the default."""
    return slug_in_url(name, among=among) or default


def set_url(**values: str | None) -> None:
    """Puts values into the address, and takes those that are None out of it, without a reload."""
    for name, value in values.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != value:
            st.query_params[name] = value


def record_id(value: Any) -> str | None:
    """A text from outside as the id of a record, or None when it is no UUID."""
    try:
        return str(UUID(value)) if isinstance(value, str) and len(value) == 36 else None
    except ValueError:
        return None


def is_slug(value: Any) -> bool:
    """Whether a text from outside can be the slug of a module or field."""
    return isinstance(value, str) and SLUG.fullmatch(value) is not None and "__" not in value


def _carried_over(cls: type[State], stored: Any) -> State:
    fresh = cls()
    if dataclasses.is_dataclass(stored) and dataclasses.is_dataclass(fresh):
        for field in dataclasses.fields(fresh):
            if hasattr(stored, field.name):
                object.__setattr__(fresh, field.name, getattr(stored, field.name))
    return fresh
