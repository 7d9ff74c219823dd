"""What one does most often at a record, a press away; and the records below it."""

from __future__ import annotations

from crm_core.figures.related import Kin, read, tree_links
from crm_core.panels import Panel
from crm_core.profile import Head
from pages._ui import html
from pages._ui.session import Here

MOST_KIN = 6
QUICK = (
    ("tasks", "Task", "task_alt"),
    ("notes", "Note", "sticky_note_2"),
    ("appointments", "Appointment", "event"),
    ("deals", "Deal", "handshake"),
)
"""Module → what making one of its records is called here."""


def actions(here: Here, seen: Head) -> html.Html:
    """A word for each module whose records can be made for this one."""
    made = {
        link.module: link.slug
        for link in here.catalog.to_many(seen.module.slug)
        if link.reference is not None
    }
    words = [
        html.Html('<a class="m-quick" role="button" tabindex="0" data-click="{}">{}{}</a>').format(
            html.click("add", module, made[module]), html.icon(icon), label
        )
        for module, label, icon in QUICK
        if module in made
    ]
    return html.Html('<div class="m-quicks">{}</div>').format(html.join(words)) if words else html.Html("")


def kin(here: Here, seen: Head, panels: tuple[Panel, ...], *, locked: bool, at: int | None) -> html.Html:
    """The records that are linked with this one, each with what it is to it, and the way to add some."""
    module = seen.module.slug
    section = next((one for one in panels if one.slug == "related"), None)
    if section is None or not tree_links(here.catalog, module):
        return html.Html("")
    found = read(
        here.lake,
        here.catalog,
        module=module,
        record_id=str(seen.record["id"]),
        actor=here.actor,
        at=at,
        levels=1,
    )
    own = found.kin
    word = "All" if locked else "Add or link"
    head = html.section_header(section.label, html.link(word, click=html.click("section", "related")))
    lines = [_line(module, one) for one in own[:MOST_KIN]]
    if len(own) > MOST_KIN:
        lines.append(html.Html('<div class="m-sub">and {} more</div>').format(len(own) - MOST_KIN))
    return html.join([head, *(lines or [html.Html('<div class="m-sub">Nobody is linked yet.</div>')])])


def _line(module: str, one: Kin) -> html.Html:
    return html.Html('<div class="m-kin">{}<small>{}</small></div>').format(
        html.link(one.title, click=html.click("open", module, one.id)), one.role or one.type
    )
