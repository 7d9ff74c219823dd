"""How one begins: in a lake without modules, and in one without records."""

from __future__ import annotations

import streamlit as st

from crm_core import definitions, people
from crm_core.access import Role
from pages._ui import feedback, forms, html, nav, words
from pages._ui.layout import page
from pages._ui.nothing import Action, no_module, nothing, to_load
from pages._ui.session import Here, here


def draw() -> None:
    """Draw what a lake without modules offers."""
    nav.follow()
    now = here()
    with page("Merganser", subtitle="Customers, and everything about them, in one lake."):
        no_module(now, on_pack=lambda name: _begin_with(now, name))


def first_steps(now: Here) -> None:
    """What one does first in a lake without records: bring some, make one, let others in."""
    first = next((module for module in now.catalog.ordered if module.profile), None)
    if first is None or now.actor.role == "viewer":
        nothing(
            "Nothing here yet", "What others add or load stands here.", icon_name="home", key="nothing:home"
        )
        return
    many, one = first.name.lower(), first.one.lower()
    actions = [to_load(), Action(f"New {one}", "add", _new, (first.slug,))]
    nothing(f"Welcome. Bring your {many}", "Three steps, in any order.", icon_name="waving_hand",
            actions=actions, key="nothing:home")  # fmt: skip
    steps = [
        ("Load a file", "A CSV or Excel file, or one from another CRM: every row of it is accounted for."),
        (f"Make a {one}", "By hand, with the few fields that its folder asks for."),
        ("Let others in", "Colleagues with a role and teams, who are then given customers and tasks."),
    ]
    st.html(html.steps(steps))
    if now.actor.role == "admin":
        _invite(now)


def _invite(now: Here) -> None:
    """A short form for one more colleague."""
    roles: dict[Role, str] = {"agent": "Agent", "admin": "Admin", "viewer": "Viewer"}
    opened = st.popover("Let somebody in", icon=":material/person_add:", key="invite", on_change="rerun")
    if not opened.open:
        return
    with opened, st.form("invite:form", border=False, clear_on_submit=True):
        name = st.text_input("Name", key="invite:name")
        email = st.text_input("E-mail", key="invite:email")
        role = st.selectbox("Role", list(roles), format_func=roles.__getitem__, key="invite:role")
        known = now.catalog.teams
        teams = st.multiselect(
            "Teams", list(known), format_func=lambda one: known[one].name, key="invite:teams"
        )
        sent = st.form_submit_button("Let in", type="primary", key="invite:save")
        if sent and feedback.given(name, "Who is it? Give a name first."):
            feedback.run(
                lambda: people.invite(
                    now.lake, name=name, email=email, role=role, teams=teams, actor=now.actor
                ),
                done=f"{name.strip()} is in",
            )


def _new(module: str) -> None:
    forms.ask_new(module)
    nav.go(module)


def _begin_with(now: Here, pack: str) -> None:
    feedback.run(
        lambda: definitions.apply_pack(now.lake, pack, actor=now.actor),
        done=lambda plan: (
            f"{words.plural(len(plan.changes), 'definition')} of {words.readable(pack)} are there"
        ),
    )
    st.rerun("app")
