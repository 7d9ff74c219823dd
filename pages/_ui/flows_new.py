"""New flows: from a small beginning for a module, or from another flow. Both are drafts until switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from crm_core.model import Catalog
from crm_core.shaping import slug_from
from flows import store
from flows.model import Event, to_flow_document
from flows.store import FlowInfo
from pages._ui import feedback, flows_words
from pages._ui.session import Here

NAMES: dict[Event, str] = {
    "created": "is created",
    "updated": "is changed",
    "deleted": "is deleted",
    "restored": "is restored",
    "manual": "is chosen by hand",
}
"""Events that need nothing more said; the others are written as YAML."""


def new_flow(now: Here, *, on_created: Callable[[str], None]) -> None:
    """The dialog for a new flow; `on_created` gets its slug, then the page runs again."""

    @st.dialog("New flow")
    def draw() -> None:
        modules = {module.slug: module.name for module in now.catalog.ordered}
        name = st.text_input("Name", key="flow:name", placeholder="Greet a new customer")
        first, second = st.columns(2)
        module = first.selectbox("Module", list(modules), format_func=modules.__getitem__, key="flow:module")
        one = flows_words.a(now.catalog.module(module).one.lower()) if module else "a record"
        event = second.selectbox(
            "When", list(NAMES), format_func=lambda event: f"{one} {NAMES[event]}", key="flow:event"
        )
        st.caption(
            "It begins as a draft with one step, which you then write as YAML. Nothing runs until you switch it on."
        )
        make = st.button("Make the draft", type="primary", width="stretch", key="flow:create")
        if make and feedback.given(name and module, "Give the flow a name first."):
            made = save_new(now, starter(now.catalog, module, event=event, name=name.strip()))
            if made:
                on_created(made)
                st.rerun()

    draw()


def starter(catalog: Catalog, module: str, *, event: Event, name: str) -> dict[str, Any]:
    """The document of a small flow that can run: one step, which fits the module and the event."""
    one = catalog.module(module)
    title = one.title if one.title != "id" else ""
    text = f"{name}: {{{{ {title} }}}}" if title else name
    step: dict[str, Any] = {"set_field": {"tags": {"add": ["new"]}}}
    if "tasks" in catalog.modules:
        step = {"create_task": {"title": text, "due": {"in": "1d"}}}
    return {"name": name, "module": module, "folders": [], "trigger": {"event": event}, "do": [step]}


def duplicate(now: Here, flow: FlowInfo) -> str | None:
    """Make a draft like a flow; returns its slug, or None when it was refused."""
    document = to_flow_document(flow.definition)
    document.pop("id", None)
    return save_new(now, document | {"name": f"{flow.title} (copy)"})


def save_new(now: Here, document: dict[str, Any]) -> str | None:
    """Save a document as a draft under a slug of its name that is free; returns the slug, or None when refused."""
    taken = [flow.flow.replace("-", "_") for flow in store.list_flows(now.lake, retired=True)]
    slug = slug_from(document["name"], taken).replace("_", "-")
    whole = (
        {"flow": slug} | {key: value for key, value in document.items() if key != "flow"} | {"state": "draft"}
    )
    applied = feedback.run(
        lambda: store.apply_flows(now.lake, [whole], actor=now.actor), done=f"{document['name']} is a draft"
    )
    return slug if applied else None
