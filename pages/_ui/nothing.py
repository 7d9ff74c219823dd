"""What stands where there is nothing: why, what to do next, and the buttons that do it.

nothing("No deals yet", "Add the first one, or bring a file.", icon_name="handshake",
        actions=[Action("New deal", "add", forms.ask_new, ("deals",)), to_load()])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from crm_core import records
from crm_core.gone import read_gone
from crm_core.model import Module
from crm_core.pack_files import shipped_packs
from pages._ui import feedback, forms, html, nav, words
from pages._ui.nav import LOAD, MODULES
from pages._ui.session import Here, actors


@dataclass(frozen=True)
class Action:
    """A button: its words, its Material symbol, and what a click does."""

    label: str
    icon: str
    on_click: Callable[..., Any]
    args: tuple[Any, ...] = ()


def nothing(
    title: str, text: html.Text = "", *, icon_name: str = "inbox", actions: Sequence[Action] = (), key: str = "nothing"
) -> None:  # fmt: skip
    """Draw an empty state; the first of its buttons is the one that is meant."""
    with st.container(key=key, gap="small", horizontal_alignment="center"):
        st.html(html.empty_state(title, text, icon_name=icon_name))
        if actions:
            with st.container(
                horizontal=True, horizontal_alignment="center", gap="small", key=f"{key}_actions"
            ):
                for at, action in enumerate(actions):
                    st.button(
                        action.label, icon=f":material/{action.icon}:", type="secondary" if at else "primary",
                        key=f"{key}:{at}", on_click=action.on_click, args=action.args,
                    )  # fmt: skip


def no_records(here: Here, module: Module, *, key: str = "nothing") -> None:
    """The empty state of a module without records: the first is made or loaded from here."""
    title, one = f"No {module.name.lower()} yet", module.one.lower()
    if here.actor.role == "viewer":
        nothing(title, "What others add stands here.", icon_name=module.icon, key=key)
        return
    text = f"Add the first {one} by hand, or bring a file: every row of it is accounted for."
    actions = [Action(f"New {one}", "add", forms.ask_new, (module.slug,)), to_load()]
    nothing(title, text, icon_name=module.icon, actions=actions, key=key)


def no_such_record(here: Here, module: Module, record_id: str, *, key: str = "nothing") -> None:
    """What a link to a record shows that is not there (any more): who deleted it, and the way to bring it back."""
    one = module.one.lower()
    to_list = Action(f"All {module.name.lower()}", "list", nav.go, (module.slug,))
    found = read_gone(here.lake, here.catalog, module=module.slug, record_id=record_id, actor=here.actor)
    if found is None:
        nothing(
            f"There is no such {one}", "It was never here, or it is not shared with you.", actions=[to_list],
            icon_name=module.icon, key=key,
        )  # fmt: skip
        return
    who = actors(here).get(found.by)
    why = f" Why: {found.reason}." if found.reason else ""
    by = f"By {who.name if who else found.by} on {words.moment(found.at, zone=here.zone)}."
    text = f"{by}{why} Its links and its history are kept."
    back = (
        []
        if here.actor.role == "viewer"
        else [Action("Restore", "undo", _restore, (here, module, record_id))]
    )
    nothing(f"{found.title} was deleted", text, icon_name="delete", actions=[*back, to_list], key=key)


def _restore(here: Here, module: Module, record_id: str) -> None:
    feedback.run(
        lambda: records.restore(
            here.lake, module=module.slug, record_id=record_id, actor=here.actor, door="browser"
        ),
        done=f"{module.one} restored",
    )


def to_load() -> Action:
    """The button that leads to the page of files."""
    return Action("Load a file", "upload_file", nav.go, (LOAD,))


def to_modules() -> Action:
    """The button that leads to the page of modules."""
    return Action("Make a module", "deployed_code", nav.go, (MODULES,))


def no_such_module(here: Here, name: str) -> None:
    """What the page of a module shows when the lake has no such module."""
    actions = [to_modules()] if here.actor.role == "admin" else []
    nothing(f"There is no module {name} here", "This lake keeps other kinds of records.", actions=actions)


def no_module(here: Here, *, on_pack: Callable[[str], None]) -> None:
    """The empty state of a lake without modules: an administrator begins with a pack, or from nothing."""
    if here.actor.role != "admin":
        nothing(
            "Nothing is set up yet",
            "An administrator chooses what kinds of records there are.",
            icon_name="deployed_code",
        )
        return
    packs = [Action(f"Use the pack {name}", "package_2", on_pack, (name,)) for name in shipped_packs()]
    nothing(
        "An empty lake",
        "A pack brings modules, relationships and flows that you can change afterwards. "
        "Or make the first module yourself.",
        icon_name="deployed_code",
        actions=[*packs, to_modules()],
    )
