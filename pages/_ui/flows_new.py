"""New flows: from a small beginning for a module, as a draft until it is switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from crm_core.model import Catalog
from crm_core.shaping import slug_from
from flows import store
from pages._ui import feedback
from pages._ui.flow_event_words import event_names, started_trigger
from pages._ui.session import Here


def new_flow(now: Here, *, on_created: Callable[[str], None]) -> None:
    """The dialog for a new flow; `on_created` gets its slug, then the page runs again."""

    @st.dialog("New flow")
    def draw() -> None:
        modules = {module.slug: module.name for module in now.catalog.ordered}
        name = st.text_input("Name", key="flow:name", placeholder="Greet a new customer")
        module = st.selectbox("Records of", list(modules), format_func=modules.__getitem__, key="flow:module")
        events = event_names(now.catalog, module)
        event = st.selectbox("It begins when", list(events), format_func=lambda one: events.get(one, one),
                             key="flow:event")  # fmt: skip
        st.caption("It begins as a draft with one step. Nothing runs until you switch it on.")
        make = st.button("Make the draft", type="primary", width="stretch", key="flow:create")
        if make and feedback.given(name and module, "Give the flow a name first."):
            made = save_new(now, starter(now.catalog, module, event=event, name=name.strip()))
            if made:
                on_created(made)
                st.rerun()

    draw()


def starter(catalog: Catalog, module: str, *, event: str, name: str) -> dict[str, Any]:
    """The document of a small flow that can run: one step, which fits the module and the event."""
    one = catalog.module(module)
    title = one.title if one.title != "id" else ""
    text = f"{name}: {{{{ {title} }}}}" if title else name
    step: dict[str, Any] = {"set_field": {"tags": {"add": ["new"]}}}
    if "tasks" in catalog.modules:
        step = {"create_task": {"title": text, "due": {"in": "1d"}}}
    return {
        "name": name,
        "module": module,
        "folders": [],
        "trigger": started_trigger(catalog, module, event),
        "do": [step],
    }


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
