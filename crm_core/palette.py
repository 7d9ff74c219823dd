"""What the command palette finds: records by their words, and those that a person had open last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from crm_core.access import Actor
from crm_core.conversations import MESSAGES
from crm_core.intake_forms import intake_module
from crm_core.model import Catalog
from crm_core.panels import panels_of
from crm_core.query import titles
from crm_core.search import note_of, search_all
from lake import Lake

PURPOSE = "palette"
"""For what the link of a page is signed under which its palette asks."""

MOST = 12
"""So many records are found, and so many of the last ones are remembered."""

LONGEST = 200
"""More letters of a search than these say nothing more."""


@dataclass(frozen=True)
class Act:
    """Something that one does for the open record: `what` is `call`, `mail`, or a module to make a record of."""

    what: str
    title: str
    icon: str


CALL, MAIL = "call", "mail"
ACTS = (
    Act(CALL, "Log a call", "call"),
    Act(MAIL, "Write a mail", "mail"),
    Act("tasks", "New task", "add_task"),
    Act("notes", "New note", "sticky_note_2"),
    Act("appointments", "Book an appointment", "event"),
)


def acts_for(catalog: Catalog, module: str, *, folder: str | None, actor: Actor) -> tuple[Act, ...]:
    """What somebody can do for a record of a module; nothing for who only looks."""
    if actor.role == "viewer" or module not in catalog.modules:
        return ()
    intake = intake_module(catalog)
    comes_in = intake is not None and intake.slug == module
    sections = {panel.slug for panel in panels_of(catalog, module, folder=folder, role=actor.role)}
    talks = MESSAGES in catalog.modules and MESSAGES in sections
    made = {one.module for one in catalog.to_many(module) if one.reference is not None}
    offered = {CALL: talks and not comes_in, MAIL: talks or (comes_in and MESSAGES in catalog.modules)}
    return tuple(act for act in ACTS if offered.get(act.what, act.what in made))


@dataclass(frozen=True)
class Found:
    """A record as the palette shows it."""

    module: str
    id: str
    title: str
    text: str = ""


def find_records(
    lake: Lake, catalog: Catalog, *, words: str, actor: Actor, limit: int = MOST
) -> tuple[Found, ...]:
    """The records that hold all the words, of the modules that stand for themselves; none for fewer than two letters.

    What belongs to another record, such as a message, is found through that.
    """
    asked = words.strip()[:LONGEST]
    own = [module.slug for module in catalog.ordered if module.access == "own" and not module.hidden]
    if len(asked) < 2 or not own:
        return ()
    hits = search_all(lake, catalog, words=asked, actor=actor, modules=own, limit=limit)
    order = {slug: place for place, slug in enumerate(own)}
    found = [
        Found(hit.module, hit.id, hit.title or hit.id[:8], note_of(catalog.module(hit.module), hit.subtitle))
        for hit in hits
    ]
    return tuple(sorted(found, key=lambda one: order[one.module]))


def recent_records(
    lake: Lake, catalog: Catalog, *, visited: Iterable[tuple[str, str]], actor: Actor
) -> tuple[Found, ...]:
    """Those of some records, by module and id, that the actor may see, in their order and each once."""
    known = [one for one in dict.fromkeys(visited) if one[0] in catalog.modules and _is_id(one[1])][:MOST]
    named = titles(lake, catalog, wanted=_by_module(known), actor=actor) if known else {}
    return tuple(Found(module, id, named[id]) for module, id in known if id in named)


def _by_module(records: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for module, record_id in records:
        wanted.setdefault(module, []).append(record_id)
    return wanted


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
