"""The saved views of a table: one press brings back a filter with its columns and order; agents save their own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from crm_core import views
from crm_core.mended_views import lost_fields
from crm_core.model import Module, SavedFilter
from pages._ui import feedback, html
from pages._ui.session import Here

ME, EVERYBODY = "me", "everyone"


def draw_views(
    now: Here, module: Module, *, shown: views.Shown, on_apply: Callable[[SavedFilter], None]
) -> None:
    """Draw the menu of views.

    Args:
        shown: What the table shows now: what is saved.
        on_apply: Called in a callback with the view that was chosen.
    """
    slug = module.slug
    offered = views.views_of(now.catalog, slug, actor=now.actor)
    with st.popover("Views", icon=":material/bookmarks:"):
        if not offered:
            st.caption("No views yet. A view keeps the filter, the columns and the order.")
        for view in offered:
            _draw_view(now, view, on_apply)
        if now.actor.role != "viewer":
            st.divider()
            _draw_save(now, module, shown)


def _draw_view(now: Here, view: SavedFilter, on_apply: Callable[[SavedFilter], None]) -> None:
    lock = " :material/lock:" if view.locked else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        st.button(
            html.plain(view.name or view.slug) + lock, key=f"view:{view.slug}", type="tertiary", width="stretch",
            on_click=on_apply, args=(view,),
        )  # fmt: skip
        if views.may_change(view, now.actor):
            st.button(
                "", icon=":material/delete:", key=f"view_delete:{view.slug}", type="tertiary", on_click=_delete,
                help=f"Delete the view {html.plain(view.name or view.slug)}", args=(now, view),
            )  # fmt: skip
    lost = lost_fields(now.catalog, now.catalog.saved_filters[view.slug])
    if lost:
        names = ", ".join(f"“{name}”" for name in lost)
        st.html(
            html.note(f"Shown without {names}, which is no more. Save it anew to keep it so.", color="orange")
        )


def _delete(now: Here, view: SavedFilter) -> None:
    feedback.run(lambda: views.delete_view(now.lake, view.slug, actor=now.actor), done="View deleted")


def _draw_save(now: Here, module: Module, shown: views.Shown) -> None:
    """A name, whom it is shared with, and for administrators whether it is locked."""
    slug = module.slug
    teams = {f"team:{team.slug}": f"Team {team.name}" for team in now.catalog.teams.values()}
    own = {key: name for key, name in teams.items() if key.removeprefix("team:") in now.actor.teams}
    admin = now.actor.role == "admin"
    whom = {ME: "Only me"} | (teams if admin else own) | ({EVERYBODY: "Everybody"} if admin else {})
    st.text_input("Save what is shown as", key=f"view_name:{slug}", placeholder="Name of the view")
    st.selectbox("For", list(whom), format_func=whom.__getitem__, key=f"view_for:{slug}")
    if admin:
        st.checkbox("Locked: only administrators change it", key=f"view_locked:{slug}")

    def save() -> None:
        name = st.session_state[f"view_name:{slug}"]
        if not feedback.given(name, "Give the view a name first."):
            return
        chosen = str(st.session_state[f"view_for:{slug}"])
        team = chosen.removeprefix("team:") if chosen.startswith("team:") else ""
        shared: views.Shared = "team" if team else "everyone" if chosen == EVERYBODY else "me"
        made = feedback.run(
            lambda: views.save_view(
                now.lake, module=slug, name=name, shown=shown, actor=now.actor, shared_with=shared, team=team,
                locked=bool(st.session_state.get(f"view_locked:{slug}")),
            ),
            done="View saved",
        )  # fmt: skip
        if made is not None:
            st.session_state[f"view_name:{slug}"] = ""

    st.button("Save view", key=f"view_save:{slug}", icon=":material/save:", on_click=save)
