"""The forms of the steps that steer a flow: if, wait, for each, call, stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from flows import store
from pages._ui import html
from pages._ui.conditions import fields_of
from pages._ui.flow_clock import edit_offset
from pages._ui.flow_condition import edit_rules
from pages._ui.flow_desk import Desk
from pages._ui.flow_draft import Block, DraftStep, add_block
from pages._ui.flow_paths import list_module, lists_of
from pages._ui.flow_trigger import edit_from_to
from pages._ui.rules import UNITS, split_span

WAITS = {"for": "Some time", "until": "Until a date", "event": "Until something happens"}
HAPPENS = {"updated": "changes", "created": "is created", "deleted": "is deleted"}


def edit_control(desk: Desk, step: DraftStep) -> None:
    """Draw the form of a step that is no action."""
    _FORMS[step.kind](desk, step)


def _branch(desk: Desk, step: DraftStep) -> None:
    for block in step.blocks:
        if block.key == "else":
            continue
        st.html(html.section_header("If" if block.key == "then" else "Else, if"))
        block.when = edit_rules(desk, block.when, module=desk.module_of(step.id), key=block.id)
    has_else = any(block.key == "else" for block in step.blocks)

    def add(key: str) -> None:
        add_block(step, key)

    with st.container(horizontal=True, gap="small"):
        st.button("Else, if …", icon=":material/add:", type="tertiary", key=desk.key(step.id, "else_if"),
                  on_click=add, args=("else_if",))  # fmt: skip
        if not has_else:
            st.button("Otherwise", icon=":material/add:", type="tertiary", key=desk.key(step.id, "else"),
                      on_click=add, args=("else",))  # fmt: skip


def arm_label(block: Block) -> str:
    """What stands above the steps of a block, where it has no condition of its own."""
    return {
        "then": "Then", "else": "Otherwise", "do": "For each of them", "on_timeout": "If it does not come in time",
    }.get(block.key, "")  # fmt: skip


def _wait(desk: Desk, step: DraftStep) -> None:
    options: dict[str, Any] = step.options
    way = next((name for name in WAITS if name in options), "for")
    key = desk.key(step.id, "way")

    def chosen() -> None:
        step.options = _started(desk, step, st.session_state[key])
        if "event" not in step.options:
            step.blocks.clear()

    st.segmented_control("Wait", list(WAITS), default=way, required=True, key=key, on_change=chosen,
                         format_func=WAITS.__getitem__, label_visibility="collapsed")  # fmt: skip
    module = desk.module_of(step.id)
    match way:
        case "for":
            edit_span(options, "for", "For", key=desk.key(step.id, "for"))
        case "until":
            known = {
                f.slug: f.name for f in fields_of(desk.catalog, module) if f.kind in ("date", "datetime")
            }
            with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
                edit_offset(desk, options, name="until", known=known, key=desk.key(step.id, "until"))
        case "event":
            _event(desk, step, options, module)


def _started(desk: Desk, step: DraftStep, way: str) -> dict[str, Any]:
    if way == "for":
        return {"for": "1d"}
    if way == "event":
        return {"event": "updated", "within": "7d"}
    fields = fields_of(desk.catalog, desk.module_of(step.id))
    return {"until": next((f.slug for f in fields if f.kind in ("date", "datetime")), "created_at")}


def _event(desk: Desk, step: DraftStep, options: dict[str, Any], module: str) -> None:
    lists = {link.slug: link.label for link in desk.catalog.to_many(module) if link.reference is not None}
    of_key, event_key = desk.key(step.id, "of"), desk.key(step.id, "event")

    def chosen() -> None:
        for name in ("of", "fields", "was", "is", "when"):
            options.pop(name, None)
        if st.session_state[of_key]:
            options["of"] = st.session_state[of_key]

    def happens() -> None:
        for name in ("fields", "was", "is"):
            options.pop(name, None)
        options["event"] = st.session_state[event_key]

    watched = list_module(desk.catalog, module, str(options["of"])) if options.get("of") else module
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        values, now = ["", *lists], options.get("of") or ""
        st.selectbox("Which", values, index=values.index(now) if now in values else 0, key=of_key, on_change=chosen,
                     format_func=lambda one: f"One of {lists[one]}" if one else "This record")  # fmt: skip
        events = list(HAPPENS)
        st.selectbox("Happens", events, index=events.index(options.get("event", "updated")), key=event_key,
                     format_func=HAPPENS.__getitem__, on_change=happens)  # fmt: skip
        edit_span(options, "within", "At most for", key=desk.key(step.id, "within"))
    if options.get("event") == "updated" and watched:
        edit_from_to(desk, options, module=watched, key=desk.key(step.id, "changes", watched))
    if watched and (options.get("of") or options.get("event") != "deleted"):
        st.html(html.section_header("And then"))
        asked = edit_rules(desk, options.get("when") or {}, module=watched, key=f"{step.id}:{watched}")
        options.pop("when", None)
        if asked:
            options["when"] = asked

    def later() -> None:
        add_block(step, "on_timeout")

    if not step.blocks:
        st.button("If it does not come in time …", icon=":material/add:", type="tertiary",
                  key=desk.key(step.id, "later"), on_click=later)  # fmt: skip


def edit_span(given: dict[str, Any], name: str, label: str, *, key: str) -> None:
    """A length of time as a number and its unit."""
    number, unit = split_span(given.get(name))

    def keep() -> None:
        given[name] = f"{st.session_state[f'{key}:number']}{st.session_state[f'{key}:unit']}"

    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", width="content"):
        st.number_input(
            label, min_value=1, max_value=9999, value=number, key=f"{key}:number", on_change=keep, width=104
        )
        st.selectbox("Unit", list(UNITS), index=list(UNITS).index(unit), format_func=UNITS.__getitem__,
                     key=f"{key}:unit", on_change=keep, width=112, label_visibility="hidden")  # fmt: skip


def _each(desk: Desk, step: DraftStep) -> None:
    module = desk.module_of(step.id)
    known, key = lists_of(desk.catalog, module), desk.key(step.id, "path")
    values = [
        *known,
        *([step.options["path"]] if step.options["path"] not in known and step.options["path"] else []),
    ]

    def chosen() -> None:
        step.options = {"path": st.session_state[key], "when": {}}

    now = step.options["path"]
    st.selectbox("Related records", values, index=values.index(now) if now in values else None, key=key,
                 format_func=lambda one: known.get(one, one), on_change=chosen, placeholder="Choose …")  # fmt: skip
    there = list_module(desk.catalog, module, str(now))
    if there:
        st.html(html.section_header("Only those of which is true"))
        step.options["when"] = edit_rules(desk, step.options.get("when") or {}, module=there,
                                          key=f"{step.id}:{there}", with_changed=False)  # fmt: skip


def _call(desk: Desk, step: DraftStep) -> None:
    flows = {
        one.flow: one for one in store.list_flows(desk.now.lake) if one.flow != desk.draft.head.get("flow")
    }
    key, on_key = desk.key(step.id, "flow"), desk.key(step.id, "on")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        now = step.options.get("flow")
        values = [*flows, *([now] if now and now not in flows else [])]
        st.selectbox(
            "Flow", values, index=values.index(now) if now in values else None, key=key, placeholder="Choose …",
            format_func=lambda one: f"{flows[one].title} · {flows[one].definition.module}" if one in flows else one,
            on_change=lambda: step.options.update(flow=st.session_state[key]),
        )  # fmt: skip
        links = {one.slug: one.label for one in desk.catalog.references(desk.module_of(step.id))}
        choices = ["", *links]
        on = step.options.get("on") or ""
        st.selectbox("For", choices, index=choices.index(on) if on in choices else 0, key=on_key,
                     format_func=lambda one: links[one] if one else "This record",
                     on_change=lambda: step.options.update(on=st.session_state[on_key] or None))  # fmt: skip


def _stop(desk: Desk, step: DraftStep) -> None:
    key = desk.key(step.id, "reason")
    st.text_input("Why, for the run's record", value=step.options.get("reason", ""), key=key, live="400ms",
                  on_change=lambda: step.options.update(reason=st.session_state[key] or ""))  # fmt: skip


_FORMS: Mapping[str, Callable[[Desk, DraftStep], None]] = {
    "if": _branch, "wait": _wait, "for_each": _each, "call": _call, "stop": _stop,
}  # fmt: skip
