"""What every page needs: the workspace, the definitions, and who is acting.

    here = session.here()
    profile.read_profile(here.lake, here.catalog, …, actor=here.actor)

The pages share the workspace of the server that runs them; a page that runs alone opens its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from crm_core import people
from crm_core.access import Actor
from crm_core.model import Catalog
from crm_core.serving import served
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from lake import Lake

_ACTING = "acting_as"


@dataclass(frozen=True)
class Here:
    """The lake, the definitions as they are now, and the person at the browser."""

    workspace: Workspace
    catalog: Catalog
    actor: Actor

    @property
    def lake(self) -> Lake:
        """The lake of the workspace."""
        return self.workspace.lake

    @property
    def zone(self) -> str:
        """The time zone in which this person reads times (IANA)."""
        return self.actor.time_zone or self.catalog.workspace.time_zone


@st.cache_resource(show_spinner=False)
def _own_workspace() -> Workspace:
    return open_workspace(read_settings(), schemas=[schema_sql()])


def workspace() -> Workspace:
    """The workspace that the server handed over, else one opened for the pages alone."""
    return served() or _own_workspace()


def here() -> Here:
    """The workspace, its definitions and the acting person, for one run of a page."""
    opened = workspace()
    return Here(opened, opened.catalog, acting(opened))


def acting(opened: Workspace) -> Actor:
    """Who acts in this browser session: whom he chose, else the first administrator, else the local one."""
    users = {user.slug: user.actor for user in people.read_directory(opened.lake).active}
    chosen = st.session_state.get(_ACTING)
    if chosen in users:
        return users[chosen]
    first = next((actor for actor in users.values() if actor.role == "admin"), None)
    return first or Actor.local_admin()


def actors(now: Here) -> dict[str, Actor]:
    """Everybody who can act, by slug."""
    return {user.slug: user.actor for user in people.read_directory(now.lake).active}


def act_as(user: str) -> None:
    """Act as another user from the next run on, until sign-in exists."""
    st.session_state[_ACTING] = user
