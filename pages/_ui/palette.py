"""The command palette on every page: Ctrl+K finds records, pages, actions and flows; `?` tells the keys.

Pages and actions come with the page and are found in the browser; records and flows are asked for over HTTP, under a
link that is signed for the acting person, so that typing runs no script. What is chosen comes here as `verb:values`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import streamlit as st
from streamlit.navigation.page import StreamlitPage as Page

from crm_core.links import sign
from crm_core.palette import PURPOSE
from pages._ui import flow_preview, forms, html, nav, palette_acts
from pages._ui.components import Click, heard, parse_click, source
from pages._ui.session import Here
from pages._ui.state import record_id

KEYS = (
    ("Ctrl K", "Find anything: a record, a page, an action, a flow"),
    ("?", "These keys"),
    ("/", "Search the list"),
    ("↓ ↑ or j k", "Walk through the list"),
    ("N", "A new record"),
    ("Enter", "Open what is marked"),
    ("F2", "Edit a cell of a table"),
    ("[ ]", "Fold the list, fold the details"),
    ("R", "Inbox: answer"),
    ("A", "Inbox: take it"),
    ("E", "Inbox: close"),
    ("Ctrl Enter", "Send a mail, run a statement"),
    ("Ctrl S", "Save a flow"),
    ("Esc", "Close what is open"),
)
_PALETTE = st.components.v2.component(
    "merganser_palette",
    html="<span hidden></span>",
    js=source("palette.js"),
)


@dataclass(frozen=True)
class Entry:
    """Something that one can choose: what it does (`verb:values`), its words, and its Material symbol."""

    do: str
    title: str
    icon: str
    group: str


def draw(here: Here, pages: dict[str, Page]) -> None:
    """Put the palette on a page; `app.py` does so before the page is drawn.

    Args:
        here: who acts.
        pages: key of `nav` → page; hidden ones are not offered.
    """

    def chosen() -> None:
        click = parse_click(heard("palette", "chosen"))
        if click is not None:
            act(here, click)

    entries = [asdict(entry) for entry in (*places(pages), *actions(here))]
    data = {
        "token": sign(PURPOSE, actor=here.actor, claims=[]),
        "entries": entries,
        "keys": KEYS,
        "modules": {page.url_path: key for key, page in pages.items() if not key.startswith(":")},
    }
    _PALETTE(data=data, key="palette", on_chosen_change=chosen)
    flow_preview.draw(here, flow_preview.PAGE)


def places(pages: dict[str, Page]) -> list[Entry]:
    """The pages that one can go to."""
    return [
        Entry(html.click("go", key), page.title, page.icon.removeprefix(":material/").rstrip(":"), "Pages")
        for key, page in pages.items()
        if page.visibility == "visible"
    ]


def actions(here: Here) -> list[Entry]:
    """What one can do from anywhere: make a record of any module."""
    if here.actor.role == "viewer":
        return []
    return [
        Entry(html.click("new", module.slug), f"New {module.one.lower()}", "add", "Actions")
        for module in here.catalog.ordered
        if not module.hidden
    ]


def act(here: Here, click: Click) -> None:
    """Do what was chosen; what the browser sends is asked again, since it may send anything."""
    modules = here.catalog.modules
    match click.verb, click.values:
        case "go", (page,):
            nav.go(page)
        case "open", (module, target) if module in modules and record_id(target):
            nav.go(module, target)
        case "new", (module,) if module in modules and here.actor.role != "viewer":
            forms.ask_new(module)
            nav.go(module)
        case "run", (flow, module, target) if module in modules and record_id(target):
            flow_preview.ask(flow_preview.PAGE, module=module, record=target, flow=flow)
        case "act", (what, module, target) if module in modules and record_id(target):
            palette_acts.act(here, what, module=module, record=target)
