"""Saving a report or dashboard: its name, for whom it is, and for administrators whether it is locked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from crm_core.model import Offered
from crm_core.reports.store import NEW
from crm_core.views import may_change
from pages._ui import feedback
from pages._ui.session import Here

ME, EVERYBODY = "me", "everyone"
One = TypeVar("One", bound=Offered)


def draw_save(
    now: Here, made: One, *, key: str, save: Callable[[One], str], on_saved: Callable[[str], None]
) -> None:
    """Draw the form; what is saved is `made` under the name and for those that are chosen.

    Args:
        now: Where and who.
        made: What is saved, as it is when the button is drawn.
        key: Of the widgets.
        save: Saves it and gives its slug; what it refuses is told.
        on_saved: Called in a callback with the slug.
    """
    admin = now.actor.role == "admin"
    whom = _whom(now, admin)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key=f"{key}:save"):
        st.text_input("Name", value=made.name, key=f"{key}:name", placeholder="What it tells", width=260)
        chosen = f"team:{made.team}" if made.shared_with == "team" else made.shared_with
        st.selectbox(
            "For", list(whom), index=list(whom).index(chosen) if chosen in whom else 0, format_func=whom.__getitem__,
            key=f"{key}:for", width=180,
        )  # fmt: skip
        if admin:
            st.checkbox(
                "Locked", value=made.locked, key=f"{key}:locked", help="Only administrators change it."
            )
        own = may_change(made, now.actor) or made.slug == NEW
        if own:
            st.button("Save", type="primary", icon=":material/save:", key=f"{key}:do",
                      on_click=_save, args=(now, made, key, save, on_saved))  # fmt: skip
        if made.slug != NEW:
            st.button("Save as new", type="tertiary" if own else "primary", key=f"{key}:new", on_click=_save,
                      args=(now, made.model_copy(update={"slug": NEW}), key, save, on_saved))  # fmt: skip


def _save(
    now: Here, made: One, key: str, save: Callable[[One], str], on_saved: Callable[[str], None]
) -> None:
    name = st.session_state[f"{key}:name"]
    if not feedback.given(name, "Give it a name first."):
        return
    chosen = str(st.session_state[f"{key}:for"])
    team = chosen.removeprefix("team:") if chosen.startswith("team:") else ""
    kept = made.model_copy(
        update={
            "name": name, "shared_with": "team" if team else chosen, "team": team,
            "locked": bool(st.session_state.get(f"{key}:locked")),
        }
    )  # fmt: skip
    slug = feedback.run(lambda: save(kept), done=f"{name} was saved")
    if slug is not None:
        on_saved(slug)


def _whom(now: Here, admin: bool) -> dict[str, str]:
    teams = {
        f"team:{team.slug}": f"Team {team.name}"
        for team in now.catalog.teams.values()
        if admin or team.slug in now.actor.teams
    }
    return {ME: "Only me", **teams, **({EVERYBODY: "Everybody"} if admin else {})}
