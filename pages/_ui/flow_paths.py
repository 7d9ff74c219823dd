"""Paths that a flow can name, with what people read for them. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from crm_core.errors import CrmError
from crm_core.model import Catalog, ToMany


def list_module(catalog: Catalog, module: str, path: str) -> str:
    """The module of the list of related records that a path leads to; empty when it leads to none."""
    try:
        steps = catalog.resolve(module, path).steps
    except CrmError:
        return ""
    last = steps[-1] if steps else None
    return last.module if isinstance(last, ToMany) else ""


def lists_of(catalog: Catalog, module: str) -> dict[str, str]:
    """Path → what people read, for the lists of related records that a record can be followed to."""
    found = {link.slug: link.label for link in catalog.to_many(module)}
    for reference in catalog.references(module):
        if not reference.polymorphic:
            for link in catalog.to_many(reference.targets[0]):
                if link.module != module or link.reference is None:
                    found[f"{reference.slug}.{link.slug}"] = f"{reference.label} › {link.label}"
    return found


def paths_of(catalog: Catalog, module: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The fields that a text may name, in groups: the record's own, then those of what it links to."""
    own = catalog.module(module)
    yield own.one, _paths(catalog, module, "")
    for reference in catalog.references(module):
        if not reference.polymorphic:
            yield reference.label, _paths(catalog, reference.targets[0], f"{reference.slug}.")
    yield "Workspace", [("workspace.name", "Name"), ("workspace.currency", "Currency")]


def _paths(catalog: Catalog, module: str, before: str) -> list[tuple[str, str]]:
    fields = [
        (f"{before}{field.slug}", field.name)
        for field in catalog.module(module).fields
        if field.kind != "file"
    ]
    system = ("status", "owner", "team", "tags", "created_at")
    return fields + [(f"{before}{slug}", slug.replace("_at", "").capitalize()) for slug in system]


def links_of(catalog: Catalog, module: str) -> dict[str, str]:
    """Slug → label of what a record can be linked by: its references, and its many-to-many relationships."""
    found = {one.slug: one.label for one in catalog.references(module)}
    return found | {one.slug: one.label for one in catalog.to_many(module) if one.link_table}


def ends_of(catalog: Catalog, module: str, link: str) -> tuple[str, ...]:
    """The modules to whose records a link of a record leads; none for a link that is not there."""
    reference = catalog.reference(module, link)
    if reference is not None:
        return reference.targets
    many = next((one for one in catalog.to_many(module) if one.slug == link and one.link_table), None)
    return (many.module,) if many is not None else ()
