"""The unified view of one record: who it is, what belongs to it, what happened. The same for every module."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from crm_core.access import Actor
from crm_core.badges import Badges, read_badges
from crm_core.dependencies import FieldStates, read_states
from crm_core.model import Catalog, Module
from crm_core.query import read_record, titles
from crm_core.related import RelatedList, read_related
from crm_core.shape import Record
from crm_core.timeline import TimelinePage, read_timeline
from lake import Lake


@dataclass(frozen=True)
class Head:
    """What stands above a record and beside it: the record itself, and what its fields may show.

    `titles` maps the ids of referenced records to their titles, as far as the actor may see them.
    """

    module: Module
    record: Record
    title: str
    subtitle: str
    titles: dict[str, str]
    badges: Badges
    states: FieldStates
    snapshot: int


@dataclass(frozen=True)
class Profile(Head):
    """A record with all that belongs to it, read in a fixed number of statements."""

    related: tuple[RelatedList, ...]
    timeline: TimelinePage


def read_head(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    at: int | None = None,
    now: datetime | None = None,
) -> Head:
    """Read a record with what its heading and its fields show, now or as of a snapshot: four statements.

    Raises:
        RecordNotFound: When there is no such record, or none that the actor may see.
    """
    own = catalog.module(module)
    snapshot = at if at is not None else lake.known_snapshot()
    record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor, at=at)
    key = record["id"]
    # What is unread or open is so now: of the past there are no badges.
    ids = [key] if at is None else []
    badges = read_badges(lake, catalog, module=module, ids=ids, actor=actor, now=now)
    named = titles(lake, catalog, wanted=referenced(catalog, module, record), actor=actor, at=at)
    return Head(
        module=own,
        record=record,
        title=title_of(own, record),
        subtitle=_words(record.get(own.subtitle)) if own.subtitle else "",
        titles=named,
        badges=badges.get(key, Badges()),
        states=read_states(lake, catalog, module=module, record=record, actor=actor),
        snapshot=snapshot,
    )


def read_profile(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record_id: str,
    actor: Actor,
    at: int | None = None,
    related_limit: int = 5,
    timeline_limit: int = 20,
    now: datetime | None = None,
) -> Profile:
    """Read a record with all that belongs to it: six statements, whatever the number of modules.

    Raises:
        RecordNotFound: When there is no such record, or none that the actor may see.
    """
    head = read_head(lake, catalog, module=module, record_id=record_id, actor=actor, at=at, now=now)
    key = head.record["id"]
    related = read_related(
        lake, catalog, module=module, record_id=key, actor=actor, limit=related_limit, at=at
    )
    timeline = read_timeline(
        lake, catalog, module=module, record_id=key, actor=actor, limit=timeline_limit, at=at
    )
    return Profile(
        **{f.name: getattr(head, f.name) for f in fields(head)}, related=related, timeline=timeline
    )


def title_of(module: Module, record: Record) -> str:
    """What stands for the record in a heading: its title field, else the beginning of its id."""
    return _words(record.get(module.title)) or str(record["id"])[:8]


def referenced(catalog: Catalog, module: str, record: Record) -> dict[str, list[str]]:
    """Module → ids that the record's references point to."""
    wanted: dict[str, list[str]] = {}
    for reference in catalog.references(module):
        value: Any = record.get(reference.slug)
        if isinstance(value, dict):
            wanted.setdefault(str(value["module"]), []).append(str(value["id"]))
        elif value is not None:
            wanted.setdefault(reference.targets[0], []).append(str(value))
    return wanted


def _words(value: Any) -> str:
    return "" if value is None else str(value)
