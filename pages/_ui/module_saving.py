"""Saving what one shapes on the Modules page, with the way back to what was there before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm_core import definitions
from crm_core.definition_documents import plain
from crm_core.model import Catalog
from pages._ui import feedback, html
from pages._ui.session import Here

_DONE = "modules:done"
_KEPT = 20
"""So many changes can be taken back, one after the other."""
Documents = Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Change:
    """What was saved: in words, and the definitions as they were and as they came to be."""

    words: str
    before: Documents
    after: Documents


def save(now: Here, documents: Documents, done: str) -> bool:
    """Save definitions; says so, or everything that is wrong with them. Whether they were taken."""
    before = _stored(now.catalog, documents)
    plan = feedback.run(
        lambda: definitions.save(now.lake, documents, actor=now.actor, reason=done),
        done=lambda plan: ". ".join([done, *map(feedback.sentence, plan.views)]),
    )
    if plan is not None and before:
        kept = _kept()
        kept.append(Change(done, before, _stored(definitions.read_catalog(now.lake), documents)))
        del kept[:-_KEPT]
    return plan is not None


def draw_undo(now: Here) -> None:
    """The last change with the way back, unless somebody has changed the same since."""
    last = next(iter(_kept()[-1:]), None)
    if last is None or _stored(now.catalog, last.after) != last.after:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="modules_done"):
        st.html(html.Html('<span class="m-sub">{}.</span>').format(last.words), width="content")
        st.button("Undo", key=f"modules:undo:{len(_kept())}", icon=":material/undo:", type="tertiary",
                  on_click=_undo, args=(now, last))  # fmt: skip


def _undo(now: Here, last: Change) -> None:
    kept = _kept()
    taken = feedback.run(
        lambda: definitions.save(now.lake, last.before, actor=now.actor, reason=f"Undone: {last.words}"),
        done="It is as before",
    )
    if taken is not None and last in kept:
        kept.remove(last)


def _kept() -> list[Change]:
    found: list[Change] = st.session_state.setdefault(_DONE, [])
    return found


def _stored(catalog: Catalog, documents: Documents) -> Documents:
    """The definitions as they are, of those that are there; none where one is new, which only could be retired."""
    found: list[tuple[str, Any]] = []
    for kind, document in documents:
        known = (
            catalog.modules.get(document["slug"]) if kind == "module" else
            next((one for one in catalog.relationships if one.key == f"{document['module']}.{document['slug']}"), None)
        )  # fmt: skip
        if known is None:
            return []
        found.append((kind, plain(known)))
    return found
