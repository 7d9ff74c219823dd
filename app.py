"""The browser frame: navigation, theme, and who is acting. Nothing else."""

from __future__ import annotations

from functools import partial

import streamlit as st
from streamlit.navigation.page import StreamlitPage as Page

from crm_core.intake_forms import intake_module
from pages import records as records_page
from pages._ui import bell, nav, palette, pulse, session, style, words
from pages._ui.actor import choose_actor
from pages._ui.nav import CALENDAR, EXPLORE, FLOWS, HOME, LOAD, MODULES, REPORTS

style.frame()
now = session.here()


def _module_page(slug: str) -> Page:
    module = now.catalog.module(slug)
    icon = f":material/{module.icon}:"
    return st.Page(partial(records_page.draw, slug), title=module.name, icon=icon, url_path=slug)


def _file(name: str, title: str, icon: str, *, admin: bool = False, module: str = "") -> Page:
    """A page of its own. One for administrators, or of a module that is not there, is not offered.

    Who addresses it all the same is told why it shows nothing.
    """
    offered = (not admin or now.actor.role == "admin") and (not module or module in now.catalog.modules)
    return st.Page(
        f"pages/{name}.py",
        title=title,
        icon=f":material/{icon}:",
        visibility="visible" if offered else "hidden",
    )


asked = intake_module(now.catalog)
intake = asked.slug if asked is not None else "inquiries"
own_pages = {
    "customers": _file("customers", "Customers", "group", module="customers"),
    intake: _file("inbox", "Inbox", "inbox", module=intake),
}
gone = {
    slug: st.Page(
        partial(records_page.draw, slug), title=words.readable(slug), url_path=slug, visibility="hidden"
    )
    for slug in nav.registered()
    if slug not in now.catalog.modules and slug not in own_pages
}
modules = {m.slug: _module_page(m.slug) for m in now.catalog.ordered if m.slug not in own_pages}
works = {
    # The first page has no path of its own: its address is that of the server.
    HOME: st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
    CALENDAR: _file("calendar", "Calendar", "calendar_month", module="appointments"),
    REPORTS: _file("reports", "Reports", "monitoring"),
    FLOWS: _file("flows", "Flows", "account_tree", admin=True),
    LOAD: _file("load", "Load", "upload_file"),
    EXPLORE: _file("explore", "Explore", "database"),
    MODULES: _file("modules", "Modules", "deployed_code", admin=True),
}
every = {**works, **own_pages, **modules}
nav.register({**gone, **every})
listed = [now.catalog.module(slug) for slug in modules if not now.catalog.module(slug).hidden]
first = [modules[m.slug] for m in listed if m.access == "own"]
pages = {
    "": [
        works[HOME],
        own_pages[intake],
        own_pages["customers"],
        works[CALENDAR],
        works[REPORTS],
        *first,
        *gone.values(),
    ],
    "Automate": [works[FLOWS]],
    "Data": [works[LOAD], works[EXPLORE]],
    "Configure": [works[MODULES]],
    # What belongs to other records is mostly come to from those.
    "More records": [modules[m.slug] for m in listed if m.access != "own"],
}
chosen = st.navigation(pages, expanded=True)
palette.draw(now, every)
pulse.begin()
with st.sidebar, st.container(horizontal=True, vertical_alignment="center", gap=None, wrap=False, key="me"):
    choose_actor(session.actors(now), current=now.actor, on_choose=session.act_as)
    bell_place = st.container(width="content", key="bell_place")
chosen.run()
with bell_place:
    bell.draw()
