"""*Acting as*: who one is in this browser, until sign-in exists.

    chosen = choose_actor(actors, current=actor, on_choose=session.act_as)

Who acts is decided in the core from the slug alone; this only draws the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from crm_core.access import Actor
from pages._ui import html

_KEY = "acting_as_choice"
ROLES = {"admin": "Admin", "agent": "Agent", "viewer": "Viewer"}


def choose_actor(actors: Mapping[str, Actor], *, current: Actor, on_choose: Callable[[str], None]) -> None:
    """Draws who is acting, and behind it the choice of another.

    Args:
        actors: Slug → actor of everybody who can be chosen.
        current: Who acts now.
        on_choose: Called with the slug of the one who was chosen, before the rerun.
    """

    def chosen() -> None:
        slug = st.session_state[_KEY]
        if slug in actors:
            on_choose(slug)

    slugs = list(actors)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        st.html(face(current))
        with st.popover("*Act as somebody else*", type="tertiary", width="content", key="acting"):
            st.radio(
                "Acting as",
                slugs,
                index=slugs.index(current.user) if current.user in slugs else None,
                format_func=lambda slug: html.plain(name_of(actors[slug])),
                captions=[caption(actors[slug]) for slug in slugs],
                key=_KEY,
                on_change=chosen,
                label_visibility="collapsed",
            )


def face(actor: Actor) -> html.Html:
    """Avatar, name and role of an actor."""
    name = name_of(actor)
    told = html.Html('<div class="m-two"><span class="m-clip">{}</span><small>{}</small></div>')
    return html.Html('<div class="m-person">{}{}</div>').format(
        html.avatar(name, size=28), told.format(name, ROLES.get(actor.role, actor.role))
    )


def name_of(actor: Actor) -> str:
    """What people read for an actor."""
    return actor.name or actor.user


def caption(actor: Actor) -> str:
    """The role and the teams of an actor in one line."""
    teams = ", ".join(actor.teams)
    return html.plain(f"{ROLES.get(actor.role, actor.role)}{f' · {teams}' if teams else ''}")
