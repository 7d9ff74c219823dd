"""What a queue of the inbox is narrowed by: a state, a team, a channel; each is taken away again below it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from crm_core import facets
from crm_core.model import Module
from crm_core.model.condition import Condition
from pages._ui import html, words
from pages._ui.session import Here
from pages._ui.workspace_state import WorkspaceState

_NARROWING = {
    "status": ("State", "Any state"), "team": ("Team", "Any team"), "channel": ("Channel", "Any channel")
}  # fmt: skip
"""What a queue can be narrowed by → its label, and the choice of all."""


@dataclass
class Narrowed(WorkspaceState):
    """What is remembered of it; empty is all of them."""

    status: str = ""
    team: str = ""
    channel: str = ""


def draw(now: Here, module: Module, state: Narrowed, *, within: Condition | None) -> None:
    """The box of what the queue is narrowed by; its counts, `within` the queue, are read when somebody opens it."""
    opened = st.popover(
        "", icon=":material/tune:", type="tertiary", width="content", help="Only a state, a team or a channel",
        key="open:narrow:inbox", on_change="rerun",
    )  # fmt: skip
    if not opened.open:
        return
    with opened:
        for attribute, (label, options) in _choices(now, module, state, within).items():
            current = getattr(state, attribute)
            st.selectbox(
                label, list(options), index=list(options).index(current) if current in options else 0, width=240,
                key=f"inbox:{attribute}", format_func=options.__getitem__, on_change=_narrowed, args=(state, attribute),
            )  # fmt: skip


def _choices(
    now: Here, module: Module, state: Narrowed, within: Condition | None
) -> dict[str, tuple[str, dict[str, str]]]:
    """What a queue can be narrowed by → its label, and each choice with how many there are."""
    by = ["status", "team", *(["channel"] if module.field("channel") is not None else [])]
    counts = facets.read_facets(
        now.lake, now.catalog, module=module.slug, by=by, actor=now.actor,
        condition=within, words=state.words,
    )  # fmt: skip

    def counted(attribute: str, names: dict[str, str]) -> dict[str, str]:
        found = sorted(counts[attribute].items(), key=str)
        return {slug: f"{names.get(slug, words.readable(slug))} · {n}" for slug, n in found if slug}

    return {
        attribute: (label, {"": anything} | counted(attribute, _names(now, module, attribute)))
        for attribute, (label, anything) in _NARROWING.items()
        if attribute in by
    }


def _names(now: Here, module: Module, attribute: str) -> dict[str, str]:
    """What the values of a field are called."""
    if attribute == "status":
        return {s.slug: s.name for f in module.folders for s in f.statuses}
    if attribute == "team":
        return {slug: team.name for slug, team in now.catalog.teams.items()}
    return {option.value: option.text for option in getattr(module.field(attribute), "options", ())}


def draw_chosen(now: Here, module: Module, state: Narrowed) -> None:
    """What the queue is narrowed by, each to be taken away."""
    known = {one: value for one in _NARROWING if (value := getattr(state, one))}
    if not known:
        return
    with st.container(horizontal=True, gap="xsmall", key="narrow"):
        for attribute, value in known.items():
            name = _names(now, module, attribute).get(value, words.readable(value))
            st.button(
                f"{_NARROWING[attribute][0]}: {html.plain(name)}", icon=":material/close:", key=f"not:{attribute}",
                help="Show all again", on_click=_widened, args=(state, attribute),
            )  # fmt: skip


def _widened(state: Narrowed, attribute: str) -> None:
    setattr(state, attribute, "")
    st.session_state.pop(f"inbox:{attribute}", None)
    state.window = 0


def _narrowed(state: Narrowed, attribute: str) -> None:
    setattr(state, attribute, st.session_state[f"inbox:{attribute}"])
    state.window = 0
