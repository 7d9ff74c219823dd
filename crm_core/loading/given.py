"""What a source gave: the text of each field as it stood in the file, and what nobody knew."""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.loading.mapping import OWN_COLUMNS, Mapped
from crm_core.loading.targets import Place
from crm_core.tables import source_columns
from lake import ident
from lake.ingest.sql import literal


def given_columns(place: Place, mapped: Sequence[Mapped], raw: str = "r") -> dict[str, str]:
    """Column of `<module>__source` → SQL over the staged text of what the file gave for it, an empty cell NULL.

    A field that several columns bring, such as an address, is given as one JSON object of them.
    """
    own = source_columns(place.catalog, place.catalog.module(place.module))
    by_slug: dict[str, list[Mapped]] = {}
    for one in mapped:
        if one.target and one.target.slug in own:
            by_slug.setdefault(one.target.slug, []).append(one)
    return {own[slug]: _text(columns, raw) for slug, columns in by_slug.items()}


def given_slugs(place: Place, mapped: Sequence[Mapped]) -> dict[str, str]:
    """Slug → column of `<module>__source`, of what the file brings."""
    own = source_columns(place.catalog, place.catalog.module(place.module))
    slugs = dict.fromkeys(one.target.slug for one in mapped if one.target)
    return {slug: own[slug] for slug in slugs if slug in own}


def extra_sql(mapped: Sequence[Mapped], place: Place, raw: str = "r") -> str:
    """A JSON object of the columns that bring nothing to a field, by header; NULL when there is none."""
    own = source_columns(place.catalog, place.catalog.module(place.module))
    others = [
        one
        for one in mapped
        if (one.target is None or one.target.slug not in own) and one.header not in OWN_COLUMNS
    ]
    return _object(others, raw) if others else "CAST(NULL AS JSON)"


def row_json_sql(mapped: Sequence[Mapped], raw: str = "r") -> str:
    """A whole row of the file as a JSON object by header."""
    return _object([*{one.position: one for one in mapped}.values()], raw)


def _text(columns: Sequence[Mapped], raw: str) -> str:
    if len(columns) == 1:
        return f"nullif({ident(raw, columns[0].raw)}, '')"
    empty = " AND ".join(f"coalesce({ident(raw, one.raw)}, '') = ''" for one in columns)
    return f"CASE WHEN {empty} THEN NULL ELSE CAST({_object(columns, raw)} AS VARCHAR) END"


def _object(columns: Sequence[Mapped], raw: str) -> str:
    pairs = ", ".join(f"{literal(one.header)}, {ident(raw, one.raw)}" for one in columns)
    return f"json_object({pairs})"
