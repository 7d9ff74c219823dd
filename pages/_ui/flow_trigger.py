"""The card that says when a flow looks: its module and folders, the event, and what narrows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from crm_core import facets
from crm_core.model import Field
from crm_core.model.fields import TextField
from pages._ui import html
from pages._ui.conditions import fields_of
from pages._ui.flow_clock import edit_date
from pages._ui.flow_desk import Desk
from pages._ui.flow_event_words import event_names, started_trigger
from pages._ui.flow_hook import edit_hook
from pages._ui.flow_paths import links_of
from pages._ui.flow_schedule import edit_schedule
from pages._ui.rules import names_of

EMPTY = "\x00empty"
"""Stands among the choices for a missing value."""


def edit_trigger(desk: Desk) -> None:
    """Draw the widgets of the trigger; what is chosen goes into the draft at once."""
    head = desk.draft.head
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="flow_trigger_first"):
        _module(desk)
        _event(desk)
        folders = {folder.slug: folder.name for folder in desk.module.folders}
        if len(folders) > 1:
            key = desk.key("folders")
            given = [slug for slug in head.get("folders") or () if slug in folders]
            st.multiselect("In folders", list(folders), default=given, key=key, placeholder="All",
                           format_func=folders.__getitem__,
                           on_change=lambda: head.update(folders=list(st.session_state[key])))  # fmt: skip
    draw = _NARROWED.get(_trigger(desk)["event"])
    if draw is not None:
        draw(desk)


def _trigger(desk: Desk) -> dict[str, Any]:
    given: dict[str, Any] = desk.draft.head.setdefault("trigger", {"event": "created"})
    return given


def _module(desk: Desk) -> None:
    known = {module.slug: module.name for module in desk.catalog.ordered}
    values, key = list(known), desk.key("module")

    def chosen() -> None:
        desk.draft.head.update(module=st.session_state[key], folders=[])
        desk.state.sample = ""
        event = _trigger(desk)["event"]
        names = event_names(desk.catalog, st.session_state[key])
        desk.draft.head["trigger"] = started_trigger(
            desk.catalog, st.session_state[key], event if event in names else "created"
        )

    st.selectbox("Records of", values, index=values.index(desk.draft.module), format_func=known.__getitem__, key=key,
                 on_change=chosen)  # fmt: skip


def _event(desk: Desk) -> None:
    names = event_names(desk.catalog, desk.draft.module)
    now, key = str(_trigger(desk)["event"]), desk.key("event", desk.draft.module)
    values = [*names, *([now] if now not in names else [])]

    def chosen() -> None:
        desk.draft.head["trigger"] = started_trigger(desk.catalog, desk.draft.module, st.session_state[key])

    st.selectbox("It begins when", values, index=values.index(now), key=key, on_change=chosen,
                 format_func=lambda one: names.get(one, one))  # fmt: skip


def _changes(desk: Desk) -> None:
    edit_from_to(desk, _trigger(desk), module=desk.draft.module, key=desk.key("changes", desk.draft.module))


def edit_from_to(desk: Desk, given: dict[str, Any], *, module: str, key: str) -> None:
    """Which fields are watched, and from which value to which one: of a trigger, or of a wait."""
    known = {field.slug: field for field in fields_of(desk.catalog, module) if field.slug not in _UNSEEN}
    for one in desk.catalog.references(module):
        known[one.slug] = TextField.model_construct(slug=one.slug, label=one.label)
    watched = [slug for slug in given.get("fields") or () if slug in known]

    def chosen() -> None:
        slugs = list(st.session_state[key])
        for name in () if slugs == watched else ("was", "is"):
            given.pop(name, None)
        given["fields"] = slugs
        if not slugs:
            given.pop("fields")

    with st.container(
        horizontal=True, gap="small", vertical_alignment="bottom", key=f"from_to_{key.replace(':', '_')}"
    ):
        st.multiselect("Which fields change", list(known), default=watched, key=key, on_change=chosen,
                       placeholder="Any", format_func=lambda slug: known[slug].name)  # fmt: skip
        if len(watched) == 1:
            for part, label in (("was", "From"), ("is", "To")):
                _values(desk, given, known[watched[0]], part, label, module=module, key=f"{key}:{part}")


_UNSEEN = ("id", "source", "created_at", "updated_at")


def _values(
    desk: Desk, trigger: dict[str, Any], field: Field, part: str, label: str, *, module: str, key: str
) -> None:
    """The values of which any counts; none chosen: whatever it is."""
    key = f"{key}:{field.slug}"
    named = dict(names_of(field, desk.context))
    if (
        not named
        and field.kind in ("text", "integer", "decimal", "phone", "email")
        and module_has(desk, module, field)
    ):
        now = desk.now
        found = facets.read_values(now.lake, now.catalog, module=module, path=field.slug, actor=now.actor)
        named = {value: value for value in found}
    given = as_list(trigger, part)
    values = [*named, *(one for one in given if one not in named and one != EMPTY), EMPTY]

    def chosen() -> None:
        put_list(trigger, part, list(st.session_state[key]), kind=field.kind)

    st.multiselect(
        label, values, default=given, key=key, on_change=chosen, placeholder="Any value", accept_new_options=True,
        format_func=lambda one: "nothing" if one == EMPTY else named.get(one, str(one)),
    )  # fmt: skip


def module_has(desk: Desk, module: str, field: Field) -> bool:
    """Whether it is a field of the module, and not a link that stands for one."""
    return desk.catalog.module(module).field(field.slug) is not None


def as_list(trigger: Mapping[str, Any], part: str) -> list[str]:
    """What a trigger asks of the old or new value, as choices: a missing value is one of them."""
    if part not in trigger:
        return []
    given = trigger[part]
    return [
        EMPTY if one is None else str(one).lower() if isinstance(one, bool) else str(one)
        for one in (given if isinstance(given, list) else [given])
    ]


def put_list(trigger: dict[str, Any], part: str, chosen: list[str], *, kind: str) -> None:
    """Write choices as a flow has them: none at all, one value, or a list."""
    typed = [None if one == EMPTY else {"true": True, "false": False}.get(one, one) if kind == "boolean" else one
             for one in chosen]  # fmt: skip
    if not typed:
        trigger.pop(part, None)
    else:
        trigger[part] = typed[0] if len(typed) == 1 else typed


def _link(desk: Desk) -> None:
    trigger, known, key = (
        _trigger(desk),
        links_of(desk.catalog, desk.draft.module),
        desk.key("link", desk.draft.module),
    )
    if not known:
        st.html(html.note("Records of this module are linked to nothing.", color="orange"))
        return
    values = list(known)
    now = trigger.get("link")
    st.selectbox("By", values, index=values.index(now) if now in values else None, format_func=known.__getitem__,
                 key=key, on_change=lambda: trigger.update(link=st.session_state[key]), width=260)  # fmt: skip


_NARROWED: Mapping[str, Callable[[Desk], None]] = {
    "updated": _changes,
    "saved": _changes,
    "linked": _link,
    "unlinked": _link,
    "schedule": lambda desk: edit_schedule(desk, _trigger(desk)),
    "date": lambda desk: edit_date(desk, _trigger(desk)),
    "webhook": lambda desk: edit_hook(desk, _trigger(desk)),
}
"""Event → the widgets of what narrows it."""
