"""Sources as somebody may know of them: an administrator of all, others of those whose records they see."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlglot import exp

from crm_core import yaml
from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.loading import SourceEntry, contract_document
from crm_core.loading import read_sources as read_all_sources
from crm_core.loading.errors import UnknownSource
from crm_core.relations import Relations
from crm_core.trees import column, lake_table, text, union_all
from lake import Lake

if TYPE_CHECKING:
    from crm_core.model import Catalog


def read_sources(lake: Lake, *, actor: Actor) -> tuple[SourceEntry, ...]:
    """The newest contract of every source with every module, by name.

    Who is no administrator is told of those that brought a record which he sees, and of those he wrote himself.
    """
    entries = read_all_sources(lake)
    if actor.sees_all:
        return entries
    seen = _seen(lake, read_catalog(lake), actor, {entry.module for entry in entries})
    return tuple(one for one in entries if one.actor == actor.user or (one.source, one.module) in seen)


def show_source(lake: Lake, source: str, *, actor: Actor) -> str:
    """A source's contracts as YAML, as `apply` takes them; several modules stand in a list.

    Raises:
        UnknownSource: There is none of that name, or none that the actor may know of.
    """
    known = read_sources(lake, actor=actor)
    documents = [contract_document(one.contract) for one in known if one.source == source]
    if not documents:
        raise UnknownSource(source, sorted({one.source for one in known}))
    return yaml.dump(documents[0] if len(documents) == 1 else documents)


def _seen(lake: Lake, catalog: "Catalog", actor: Actor, modules: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Source and module of every row that brought a record which the actor sees."""
    relations = Relations(catalog, actor)
    parts: list[exp.Query] = []
    for slug in sorted(set(modules) & set(catalog.modules)):
        visible = exp.select(column("id", "v")).from_(relations.visible(slug, "v", columns=("id",)))
        parts.append(
            exp.select(column("source", "s"), exp.Literal.string(slug).as_("module"))
            .distinct()
            .from_(lake_table(catalog.module(slug).source_table, alias="s"))
            .where(column("record_id", "s").isin(query=visible))
        )
    if not parts:
        return frozenset()
    return frozenset(lake.read(text(union_all(parts)), relations.params.values).iter_rows())
