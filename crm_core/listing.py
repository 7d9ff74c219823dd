"""The list on the left of a workspace: records found, with the badges and previews that make them speak."""

from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.badges import Badges, read_badges
from crm_core.model import AnyOf, Catalog, Condition, Leaf
from crm_core.model.condition import All
from crm_core.pictures import read_pictures
from crm_core.search import Hit, search_module
from lake import Lake


@dataclass(frozen=True)
class ListItem:
    """One line of the list."""

    hit: Hit
    badges: Badges
    picture: str | None = None
    """The file of its picture."""


@dataclass(frozen=True)
class ListPage:
    """Some lines and the exact number of all."""

    items: tuple[ListItem, ...]
    total: int


def mine(actor: Actor) -> Condition:
    """What the actor owns or works on."""
    return AnyOf(
        any=(
            Leaf(field="owner", op="eq", value=actor.user),
            Leaf(field="workers", op="contains", value=actor.user),
        )
    )


def in_folder(folder: str) -> Condition:
    """What stands in a folder."""
    return Leaf(field="folder", op="eq", value=folder)


def both(*conditions: Condition | None) -> Condition | None:
    """The conjunction of those that are there."""
    known = tuple(condition for condition in conditions if condition is not None)
    return known[0] if len(known) == 1 else All(all=known) if known else None


def read_list(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    actor: Actor,
    words: str = "",
    condition: Condition | None = None,
    sort: str = "-updated_at",
    limit: int = 50,
    offset: int = 0,
    now: datetime | None = None,
) -> ListPage:
    """One page of a workspace's list: two statements, and one for pictures, whatever the number of records."""
    hits = search_module(
        lake, catalog, module=module, actor=actor, words=words, condition=condition, sort=sort, limit=limit,
        offset=offset,
    )  # fmt: skip
    ids = [hit.id for hit in hits.items]
    badges = read_badges(lake, catalog, module=module, ids=ids, actor=actor, now=now)
    pictures = read_pictures(lake, catalog, module=module, ids=ids, actor=actor)
    items = (ListItem(hit, badges.get(hit.id, Badges()), pictures.get(hit.id)) for hit in hits.items)
    return ListPage(tuple(items), hits.total)
