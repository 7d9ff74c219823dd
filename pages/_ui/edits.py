"""One change at a time: what was just changed can be taken back, and what met somebody else's change is decided.

change(here, head, {"city": "Bonn"})       # in a callback; on the version that is shown
draw(here, head)                           # above the record: the conflict that waits, and the way back
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import streamlit as st

from crm_core import records
from crm_core.errors import ValuesInvalid, VersionConflict
from crm_core.model import Module
from crm_core.query import titles
from crm_core.records import Changed
from crm_core.shape import Record
from pages._ui import bases, edits_missing, feedback, html
from pages._ui.changes import label_of, show_value
from pages._ui.field_views import FieldContext, show_field
from pages._ui.layout import redraw
from pages._ui.session import Here
from pages._ui.surroundings import field_context

_DONE = "edits:done"
_CLASH = "edits:clash"
_KEPT = 20
"""So many edits can be taken back, one after the other."""
_FOLLOWS = {"folder": "status", "owner": "workers"}
"""Field → what changes with it, and goes back with it."""


class Subject(Protocol):
    """What is edited: a record as it is shown, of its module. The head of a profile is one."""

    @property
    def module(self) -> Module:
        """The module of the record."""

    @property
    def record(self) -> Record:
        """The record as it is shown, with its version."""


@dataclass(frozen=True)
class Shown:
    """A record that is shown somewhere else than on its profile."""

    module: Module
    record: Record


@dataclass(frozen=True)
class Edit:
    """A change that was written: what stood there before, and the version that it made."""

    record_id: str
    before: Mapping[str, Any]
    version: int
    what: str


@dataclass(frozen=True)
class Clash:
    """A change that was not written, since somebody else had changed the same field meanwhile."""

    record_id: str
    values: Mapping[str, Any]
    conflicts: tuple[dict[str, Any], ...]


def change(
    here: Here, head: Subject, values: Mapping[str, Any], *, done: str = "Saved", base_version: int | None = None,
    on_invalid: Callable[[ValuesInvalid], None] | None = None,
) -> bool:  # fmt: skip
    """Write changed values of the record that is shown, on its version or an earlier one; whether they were taken.

    What somebody else changed meanwhile is not overwritten: both stand side by side until somebody decides. What the
    values require beside them is asked for. Values that are refused otherwise are said as a toast, or where
    `on_invalid` shows them.
    """
    record = head.record

    def refused(error: ValuesInvalid) -> None:
        if not edits_missing.ask(head.module, record, values, error):
            feedback.show(feedback.in_words(error), at="toast")

    saved = _write(
        here,
        head.module,
        record["id"],
        values,
        base_version=record["version"] if base_version is None else base_version,
        done=done,
        on_invalid=on_invalid or refused,
    )
    if saved is not None and saved.ids:
        names = [*values, *(more for name, more in _FOLLOWS.items() if name in values)]
        before = {name: record.get(name) for name in names}
        what = ", ".join(label_of(here.catalog, head.module, name) for name in values)
        _done().append(Edit(str(record["id"]), before, saved.version, what))
        del _done()[:-_KEPT]
    return saved is not None


def draw(here: Here, head: Subject, *, name: str = "") -> None:
    """The conflict of this record that waits for a decision, else the last change with the way back.

    `name` says which record is meant, where others stand beside it.
    """
    record_id = str(head.record["id"])
    clash = st.session_state.get(_CLASH)
    if isinstance(clash, Clash) and clash.record_id == record_id:
        _draw_clash(here, head, clash)
        return
    edits_missing.draw(here, head.module, head.record, lambda values: change(here, head, values))
    last = next((edit for edit in reversed(_done()) if edit.record_id == record_id), None)
    if last is not None:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="edit_done"):
            what = f"{last.what} of {name}" if name else last.what
            st.html(html.Html('<span class="m-sub">{} saved.</span>').format(what), width="content")
            st.button(
                "Undo", key=f"undo:{record_id}:{last.version}", icon=":material/undo:", type="tertiary",
                on_click=_undo, args=(here, head, last),
            )  # fmt: skip


def _done() -> list[Edit]:
    edits: list[Edit] = st.session_state.setdefault(_DONE, [])
    return edits


def _write(
    here: Here, module: Module, record_id: str, values: Mapping[str, Any], *, base_version: int, done: str,
    reason: str = "", on_invalid: Callable[[ValuesInvalid], None] | None = None,
) -> Changed | None:  # fmt: skip
    def remember(conflict: VersionConflict) -> None:
        st.session_state[_CLASH] = Clash(str(record_id), dict(values), conflict.conflicts)

    saved = feedback.run(
        lambda: records.update(
            here.lake, module=module.slug, record_id=record_id, values=dict(values), actor=here.actor,
            door="browser", base_version=base_version, reason=reason,
        ),
        done=done,
        on_conflict=remember,
        on_invalid=on_invalid,
    )  # fmt: skip
    if saved is not None:
        bases.begin_anew(str(record_id), values)
    return saved


def _undo(here: Here, head: Subject, edit: Edit) -> None:
    if edit in _done():
        _done().remove(edit)
        _write(
            here, head.module, edit.record_id, edit.before, base_version=edit.version,
            done=f"{edit.what} is as before", reason="Undone",
        )  # fmt: skip
    redraw("left", "centre", "right")


def _draw_clash(here: Here, head: Subject, clash: Clash) -> None:
    context = field_context(here, [(head.module, head.record)])
    named = _named(here, head.module, clash)
    rows = [
        html.Row(
            [
                label_of(here.catalog, head.module, one["field"]),
                *(_shown(here, head.module, one["field"], one.get(side), context, named)
                  for side in ("base", "current", "yours")),
            ]
        )
        for one in clash.conflicts
    ]  # fmt: skip
    with st.container(border=True, key="edit_clash"):
        st.html(
            html.note("Somebody else changed this in the meantime. Which one shall stand?", color="orange")
        )
        st.html(html.table(["Field", "It was", "Theirs, now", "Yours"], rows))
        with st.container(horizontal=True, gap="small"):
            for label, kept in (("Keep mine", True), ("Take theirs", False)):
                st.button(
                    label, key=f"clash:{label}:{clash.record_id}", type="primary" if kept else "secondary",
                    on_click=_decide, args=(here, head, clash, kept),
                )  # fmt: skip


def _decide(here: Here, head: Subject, clash: Clash, mine: bool) -> None:
    """Write what was held back: all of it, or what nobody else had changed."""
    st.session_state.pop(_CLASH, None)
    others = {conflict["field"] for conflict in clash.conflicts}
    bases.begin_anew(clash.record_id, others)
    values = {name: value for name, value in clash.values.items() if mine or name not in others}
    if values:
        change(here, head, values)
    redraw("left", "centre", "right")


def _named(here: Here, module: Module, clash: Clash) -> dict[str, str]:
    """The titles of the records that the sides of a conflict point to."""
    wanted: dict[str, list[str]] = {}
    for conflict in clash.conflicts:
        reference = here.catalog.reference(module.slug, conflict["field"])
        for value in (conflict.get(side) for side in ("base", "current", "yours")):
            if reference is not None and value:
                target, key = (
                    (value["module"], value["id"])
                    if isinstance(value, dict)
                    else (reference.targets[0], value)
                )
                wanted.setdefault(str(target), []).append(str(key))
    return titles(here.lake, here.catalog, wanted=wanted, actor=here.actor) if wanted else {}


def _shown(
    here: Here, module: Module, name: str, value: Any, context: FieldContext, named: Mapping[str, str]
) -> html.Html:
    field = module.field(name)
    if field is not None:
        return show_field(field, value, context)
    if isinstance(value, dict):
        value = value.get("id")
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value
    return show_value(here.catalog, module, name, text, context, named)
