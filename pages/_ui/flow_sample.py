"""The choice of a record that previews and tests of a flow are made with."""

from __future__ import annotations

import streamlit as st

from crm_core import query
from crm_core.model import Reference, ToMany, parse_condition
from crm_core.query import titles
from crm_core.search import search_module
from pages._ui import html
from pages._ui.flows_state import FlowsState
from pages._ui.session import Here

SHOWN = 8


def newest(now: Here, module: str) -> str:
    """The id of the record that was changed last; empty when there is none that may be seen."""
    hits = search_module(now.lake, now.catalog, module=module, actor=now.actor, words="", limit=1)
    return hits.items[0].id if hits.items else ""


def related(now: Here, module: str, record: str, path: str) -> str:
    """The newest of the records that a path leads to from a record; empty when it leads to none."""
    for step in now.catalog.resolve(module, path).steps:
        if isinstance(step, Reference):
            read = query.read_record(now.lake, now.catalog, module=module, record_id=record, actor=now.actor)
            record, module = str(read[step.slug] or ""), step.targets[0]
        else:
            own = parse_condition({"field": _back(now, step), "op": "eq", "value": record})
            hits = search_module(
                now.lake, now.catalog, module=step.module, actor=now.actor, condition=own, limit=1
            )
            record, module = hits.items[0].id if hits.items else "", step.module
        if not record:
            return ""
    return record


def _back(now: Here, step: ToMany) -> str:
    """The path from a record of the list to the one that has it."""
    if step.reference is not None:
        return step.reference.slug
    sides = (one for one in now.catalog.to_many(step.module) if one.link_table == step.link_table)
    return f"{next(one.slug for one in sides if one.outgoing is not step.outgoing)}.id"


def choose_sample(now: Here, state: FlowsState, *, module: str, sample: str, said: str, key: str) -> None:
    """Draw the name of the record, and behind it the search for another."""
    named = titles(now.lake, now.catalog, wanted={module: [sample]}, actor=now.actor)
    title = html.plain(named.get(sample, "…"))
    with st.popover(f"{said} {title}", icon=":material/visibility:", type="tertiary", key=f"{key}:box"):
        hint = f"Search {now.catalog.module(module).name.lower()} …"
        asked = st.text_input("Record", key=f"{key}:words:{module}", type="search", live="100ms", placeholder=hint,
                              label_visibility="collapsed")  # fmt: skip
        hits = search_module(
            now.lake, now.catalog, module=module, actor=now.actor, words=asked or "", limit=SHOWN
        )
        for hit in hits.items:
            st.button(html.plain(hit.title or "Without a name"), key=f"{key}:{hit.id}", type="tertiary",
                      width="stretch", on_click=_chosen, args=(state, hit.id))  # fmt: skip


def _chosen(state: FlowsState, record_id: str) -> None:
    state.sample = record_id
