"""The list on the left of a workspace: records found, with the badges and previews that make them speak."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_core.access import Actor
from crm_core.badges import Badges, read_badges
from crm_core.model import AnyOf, Catalog, Condition, Folder, Leaf, Module
from crm_core.model.condition import All
from crm_core.search import Hit, search_module
from crm_core.search_page import Place, Window
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
    """Some lines and the exact number of all, or -1 where it was not asked for.

    What is only `similar` to what was looked for is not counted; `marks` and `places` are those of `search.Hits`.
    """

    items: tuple[ListItem, ...]
    total: int
    similar: tuple[ListItem, ...] = ()
    marks: tuple[str, ...] = ()
    places: tuple[Place, Place] | None = None


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


def in_folders(folders: Sequence[str]) -> Condition:
    """What stands in one of some folders."""
    return Leaf(field="folder", op="in", value=list(folders))


def tagged(tag: str) -> Condition:
    """What has a tag."""
    return Leaf(field="tags", op="contains", value=tag)


def folder_tree(module: Module) -> tuple[tuple[Folder, int], ...]:
    """The folders of a module with how deep each lies, those of a folder right below it.

    A folder whose parent there is not, or which would lie within itself, lies at the top.
    """
    known = {folder.slug: folder for folder in module.folders}

    def way_up(folder: Folder) -> list[str]:
        way = [folder.slug]
        while (above := known[way[-1]].parent) in known and above is not None:
            if above in way:
                return way[:1]
            way.append(above)
        return way

    places = {folder.slug: place for place, folder in enumerate(module.folders)}
    ways = {folder.slug: way_up(folder)[::-1] for folder in module.folders}
    ordered = sorted(module.folders, key=lambda folder: [places[slug] for slug in ways[folder.slug]])
    return tuple((folder, len(ways[folder.slug]) - 1) for folder in ordered)


def below(module: Module, folder: str) -> tuple[str, ...]:
    """A folder and all that lie below it."""
    tree = folder_tree(module)
    at = next((place for place, (one, _) in enumerate(tree) if one.slug == folder), None)
    if at is None:
        return (folder,)
    depth, found = tree[at][1], [folder]
    for one, deep in tree[at + 1 :]:
        if deep <= depth:
            break
        found.append(one.slug)
    return tuple(found)


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
    window: Window | None = None,
    now: datetime | None = None,
) -> ListPage:
    """One page of a workspace's list: two statements, whatever the number of records.

    Two more where there are so few that what is similar is looked for.
    """
    hits = search_module(
        lake, catalog, module=module, actor=actor, words=words, condition=condition, sort=sort, similar=True,
        window=window or Window(limit, offset),
    )  # fmt: skip
    ids = [hit.id for hit in (*hits.items, *hits.similar)]
    badges = read_badges(lake, catalog, module=module, ids=ids, actor=actor, now=now)

    def with_badges(found: tuple[Hit, ...]) -> tuple[ListItem, ...]:
        return tuple(ListItem(hit, badges.get(hit.id, Badges()), hit.picture) for hit in found)

    return ListPage(with_badges(hits.items), hits.total, with_badges(hits.similar), hits.marks, hits.places)
