"""From which value somebody began to change a field, however often the page is drawn anew while he types.

What he then says is written on that version: if somebody else has changed the field since, it is a conflict to decide
and not an overwriting. A field begins anew with one's own last change, and when it is opened again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm_core.shape import Record

_BASES = "edits:bases"


@dataclass(frozen=True)
class Base:
    """The value of a field, and the version of the record that it was read of."""

    version: int
    value: Any


def base_of(record: Record, name: str) -> Base:
    """What stood in a field of a record that is shown when it was opened."""
    base = Base(int(record["version"]), record.get(name))
    return _bases().setdefault((str(record["id"]), name), base)


def begin_anew(record_id: str, names: Iterable[str]) -> None:
    """Take what is shown next as what the change of these fields begins from."""
    for name in names:
        _bases().pop((record_id, name), None)


def keep(open_: Collection[tuple[str, str]]) -> None:
    """Forget all but these open fields (id of the record, name)."""
    st.session_state[_BASES] = {key: base for key, base in _bases().items() if key in open_}


def _bases() -> dict[tuple[str, str], Base]:
    bases: dict[tuple[str, str], Base] = st.session_state.setdefault(_BASES, {})
    return bases
