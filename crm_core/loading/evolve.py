"""Columns that nobody knows: proposed as fields, and made fields when that is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from crm_core import definitions
from crm_core.access import Actor
from crm_core.loading.mapping import Mapped
from crm_core.loading.reading import guess_kind
from crm_core.loading.targets import Place, fold, place_of
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.values.lookups import Runner
from lake import Lake

_LONGEST_SLUG = 48


def propose(
    s: Runner, mapped: Sequence[Mapped], *, taken: Sequence[str] = ()
) -> tuple[tuple[str, str, str], ...]:
    """The fields that unknown columns could become: (header, slug, kind)."""
    used = {*SYSTEM_COLUMNS, *taken, *(one.target.slug for one in mapped if one.target)}
    found = []
    for one in mapped:
        if one.target is None and not one.known and not one.header.startswith("_"):
            slug = _free(slug_of(one.header), used)
            used.add(slug)
            found.append((one.header, slug, guess_kind(s, one)))
    return tuple(found)


def evolve(lake: Lake, place: Place, s: Runner, unknown: Sequence[Mapped], *, actor: Actor) -> Place:
    """Make fields of unknown columns and return the place with them.

    Raises:
        Forbidden: the actor is no administrator.
    """
    if place.relationship is not None:
        rel = place.relationship
        fields = _fields(s, unknown, [field.slug for field in rel.fields])
        document: dict[str, Any] = dict(place.catalog.stored["relationship", rel.key].document)
        document["fields"] = [*document.get("fields", []), *fields]
        definitions.save(lake, [("relationship", document)], actor=actor, reason="columns of a loaded file")
    else:
        module = place.catalog.module(place.module)
        taken = [field.slug for field in module.fields]
        taken += [one.slug for one in place.catalog.references(place.module)]
        document = dict(place.catalog.stored["module", module.slug].document)
        document["fields"] = [*document.get("fields", []), *_fields(s, unknown, taken)]
        definitions.save(lake, [("module", document)], actor=actor, reason="columns of a loaded file")
    return place_of(definitions.read_catalog(lake), place.name)


def slug_of(header: str) -> str:
    """A header as the slug of a field: lower case, digits and single underscores."""
    slug = re.sub(r"[^a-z0-9]+", "_", fold(header)).strip("_")[:_LONGEST_SLUG].strip("_")
    return slug if re.match(r"[a-z]", slug) else f"column_{slug}".strip("_")[:_LONGEST_SLUG]


def _fields(s: Runner, unknown: Sequence[Mapped], taken: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"slug": slug, "label": header.strip()[:100], "kind": kind}
        for header, slug, kind in propose(s, unknown, taken=taken)
    ]


def _free(slug: str, used: set[str]) -> str:
    free, count = slug, 1
    while free in used:
        count += 1
        free = f"{slug[: _LONGEST_SLUG - 4]}_{count}"
    return free
