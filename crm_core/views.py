"""Saved views: a filter, its columns and its order under a name; of one person, of a team, or of everybody."""

import secrets
from dataclasses import dataclass, field
from typing import Literal

from crm_core import definitions
from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.errors import ConditionInvalid
from crm_core.mended_views import mended
from crm_core.model import All, Catalog, Condition, Offered, SavedFilter
from lake import Lake

Shared = Literal["me", "team", "everyone"]


@dataclass(frozen=True)
class Shown:
    """What a view keeps of a table: its filter, its columns in order, and its sort keys."""

    when: Condition = field(default_factory=All)
    columns: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()


def views_of(catalog: Catalog, module: str, *, actor: Actor) -> tuple[SavedFilter, ...]:
    """The views of a module that the actor may use, by name: everybody's, his teams' and his own.

    Each is as it can be shown: without fields that the module no more has, which `lost_fields` of the saved one tells.
    """
    found = [
        mended(catalog, one).view
        for one in catalog.saved_filters.values()
        if one.module == module and may_use(one, actor)
    ]
    return tuple(sorted(found, key=lambda one: (one.name.casefold(), one.slug)))


def may_use(view: Offered, actor: Actor) -> bool:
    """Whether a view (or a report, a dashboard) is offered to the actor."""
    if view.shared_with == "team":
        return view.owner == actor.user or view.team in actor.teams
    return view.shared_with == "everyone" or view.owner == actor.user


def may_change(view: Offered, actor: Actor) -> bool:
    """Whether the actor may replace or delete it: administrators what is shared, others their own unless locked."""
    if actor.role == "admin":
        return may_use(view, actor) or view.shared_with != "me"
    return actor.role == "agent" and view.owner == actor.user and not view.locked


def save_view(
    lake: Lake,
    *,
    module: str,
    name: str,
    shown: Shown,
    actor: Actor,
    shared_with: Shared = "me",
    team: str = "",
    locked: bool = False,
) -> str:
    """Save a view; one of the same name that the actor may change is replaced. Returns its slug.

    Args:
        lake: the lake.
        module: of which module.
        name: as people read it.
        shown: what the table shows.
        actor: whose view it is.
        shared_with: who else is offered it. Everybody's views are made by administrators.
        team: with `team`, which of the actor's.
        locked: only administrators replace or delete it, and make it so.

    Raises:
        Forbidden: The actor may only look, or shares what he may not.
        DefinitionInvalid: The filter, a column or the order names what the module does not have.
    """
    catalog = read_catalog(lake)
    catalog.module(module)
    if not name.strip():
        raise ConditionInvalid(name, "a view needs a name")
    same = [
        one
        for one in views_of(catalog, module, actor=actor)
        if one.name.casefold() == name.strip().casefold() and may_change(one, actor)
    ]
    slug = same[0].slug if same else f"view-{secrets.token_hex(6)}"
    view = SavedFilter(
        slug=slug, module=module, name=name.strip(), when=shown.when, sort=shown.sort, columns=shown.columns,
        shared_with=shared_with, owner=same[0].owner if same else actor.user, locked=locked,
        team=team if shared_with == "team" else "",
    )  # fmt: skip
    definitions.save_own(lake, view, actor=actor)
    return slug


def delete_view(lake: Lake, slug: str, *, actor: Actor) -> None:
    """Delete a view.

    Raises:
        Forbidden: It is not the actor's to delete.
        DefinitionInvalid: There is no such view.
    """
    definitions.retire_own(lake, "saved_filter", slug, actor=actor)
