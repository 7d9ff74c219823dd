"""The sections of a record's profile: which there are for a module, in a folder, for a role, and in which order.

A section stands over the modules whose records belong to the record: payments over payments and invoices, tasks over
tasks. What no section is known for has one of its own, in which its records stand as a list.
"""

from dataclasses import dataclass

from crm_core.access import Role
from crm_core.model import Catalog, ToMany
from crm_core.related import links_of

OVERVIEW, TIMELINE, HISTORY, RECORDS = "overview", "timeline", "history", "records"
WORKFLOW = "workflow"


@dataclass(frozen=True)
class Section:
    """A section that Merganser knows: over which modules it stands; over none of its own, it is always there."""

    slug: str
    label: str
    modules: tuple[str, ...] = ()
    profiles: bool = False
    """Only for modules that are profiles."""
    kin: bool = False
    """Only over links to records of the same module."""


SECTIONS: tuple[Section, ...] = (
    Section(OVERVIEW, "Overview"),
    Section(TIMELINE, "Timeline"),
    Section("communications", "Messages", ("communications",)),
    Section("inquiries", "Inquiries", ("inquiries", "tickets")),
    Section("tasks", "Tasks", ("tasks",)),
    Section("calendar", "Calendar", ("appointments",)),
    Section("notes", "Notes", ("notes",)),
    Section("files", "Files", ("files",)),
    Section("recordings", "Calls", ("communications",)),
    Section("deals", "Deals", ("deals",)),
    Section("invoices", "Invoices", ("invoices",)),
    Section("payments", "Payments", ("payments",)),
    Section("orders", "Orders", ("orders", "shipments")),
    Section("related", "Related", ("customers",), kin=True),
    Section("checklists", "Checklists", ("checklists",)),
    Section("time", "Working time", ("time_entries",)),
    Section("subscriptions", "Subscriptions", ("subscriptions",)),
    Section("reservations", "Reservations", ("reservations",)),
    Section("insurance", "Insurance", ("policies", "claims")),
    Section("loyalty", "Loyalty", ("loyalty_entries",)),
    Section(WORKFLOW, "Workflow"),
    Section(HISTORY, "History"),
)
"""In the order in which they are offered; lists of other modules stand before the last two."""

_LAST = (WORKFLOW, HISTORY)


@dataclass(frozen=True)
class Panel:
    """A section as one profile offers it, with the links to the records that it shows."""

    slug: str
    label: str
    links: tuple[ToMany, ...] = ()


def panels_of(catalog: Catalog, module: str, *, folder: str | None, role: Role) -> tuple[Panel, ...]:
    """The sections of a record of a module, in order.

    What a module says in its `panels` counts before what Merganser offers by itself: its order, its labels, what it
    hides, and for which folders and roles.

    Args:
        catalog: the definitions.
        module: the slug of the record's module.
        folder: the record's folder.
        role: the role of who looks.
    """
    own = catalog.module(module)
    offered = {panel.slug: panel for panel in _offered(catalog, module)}
    said = {panel.section: panel for panel in own.panels}
    order = [slug for slug in said if slug in offered] + [slug for slug in offered if slug not in said]
    found = []
    for slug in order:
        panel, choice = offered[slug], said.get(slug)
        if choice is not None:
            elsewhere = choice.folders and folder not in choice.folders
            if choice.hidden or elsewhere or (choice.roles and role not in choice.roles):
                continue
            panel = Panel(slug, choice.label or panel.label, panel.links)
        found.append(panel)
    return tuple(found)


def _offered(catalog: Catalog, module: str) -> list[Panel]:
    own = catalog.module(module)
    points = own.contact_points.module if own.contact_points else ""
    links = [link for link in links_of(catalog, module) if link.module != points]
    first: list[Panel] = []
    last: list[Panel] = []
    covered: set[str] = set()
    for section in SECTIONS:
        shown = tuple(
            link
            for link in links
            if link.module in section.modules and (not section.kin or link.module == module)
        )
        if (section.modules and not shown) or (section.profiles and not own.profile):
            continue
        covered |= {link.slug for link in shown}
        (last if section.slug in _LAST else first).append(Panel(section.slug, section.label, shown))
    rest = [
        Panel(f"{RECORDS}-{link.slug}".replace("_", "-"), link.label, (link,))
        for link in sorted(links, key=lambda link: catalog.module(link.module).order)
        if link.slug not in covered
    ]
    return [*first, *rest, *last]
