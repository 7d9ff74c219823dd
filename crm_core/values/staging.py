"""Values as programs and forms give them, staged as one relation: the last place where Python sees single values."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa

from crm_core.errors import Problem
from crm_core.model import Catalog, Reference
from crm_core.model.fields import ADDRESS_PARTS, Field
from crm_core.values.lookups import Runner
from crm_core.values.plan import writable

_IGNORED = frozenset({"id", "updated_at", "deleted_at", "change_id", "version"})
"""What a record that was read brings along when it is sent back, and nobody can set."""

_TEXT_KINDS = frozenset(
    {"text", "long_text", "auto_number", "email", "phone", "url", "select", "country", "user"}
)
_LONGEST_NUMBER = 100
_LIST_KINDS = frozenset({"multi_select", "file"})


@dataclass(frozen=True)
class Flat:
    """Values of some rows as columns, and what is wrong with their very shape.

    Attributes:
        columns: column → a value for each row.
        given: for each row, the slugs that it gives a value for.
        problems: unknown fields, values of an impossible shape, U+0000.
    """

    columns: dict[str, list[Any]]
    given: list[list[str]]
    problems: list[Problem]


Fields = Mapping[str, Field | Reference]


def flatten(
    catalog: Catalog, module: str, rows: Sequence[Mapping[str, Any]], *, fields: Fields | None = None
) -> Flat:
    """Turn records as people and programs write them into columns of text and of lists of text.

    A money is a number, a text, or `{"amount", "currency"}`; an address an object of its parts or one text; a
    reference the id, to one of several modules `{"module", "id"}`; a list a list, or a text with `;` between.
    `fields` are those of the module unless others are named.
    """
    known = writable(catalog, module) if fields is None else fields
    flat = Flat({}, [], [])
    for number, row in enumerate(rows):
        given = []
        for slug, value in row.items():
            one = known.get(slug)
            if one is None:
                if slug not in _IGNORED:
                    flat.problems.append(_unknown(known, module, slug, value, number))
                continue
            given.append(slug)
            cells = _cells(one, value, number, flat.problems)
            for column, cell in cells.items():
                flat.columns.setdefault(column, [None] * len(rows))[number] = cell
        flat.given.append(given)
    return flat


def _unknown(known: Fields, module: str, slug: str, value: Any, row: int) -> Problem:
    names = ", ".join(known) or "none"
    return Problem(str(slug), "unknown_field", f"{module} has no field “{slug}”; it has {names}", value, row)


def _cells(one: Field | Reference, value: Any, row: int, problems: list[Problem]) -> dict[str, Any]:
    """Column → cell of one value; a value of an impossible shape leaves a problem and no cell."""
    kind = "reference" if isinstance(one, Reference) else one.kind
    cells = _shaped(one, kind, value)
    if cells is None:
        words = f"“{one.slug}” cannot be {'a list' if isinstance(value, (list, tuple)) else 'an object'} here"
        problems.append(Problem(one.slug, "type", words, value, row))
        return {}
    if any(_holds_nul(cell) for cell in cells.values()):
        words = f"“{one.slug}” holds the character U+0000, which no text may hold; remove it"
        problems.append(Problem(one.slug, "nul_character", words, value, row))
        return {}
    return cells


def _shaped(one: Field | Reference, kind: str, value: Any) -> dict[str, Any] | None:
    slug = one.slug
    if kind == "json":
        return {slug: _json(value)}
    if isinstance(value, Mapping):
        parts = {str(key): part for key, part in value.items()}
        if kind == "money" and set(parts) <= {"amount", "currency"}:
            return {slug: _text(parts.get("amount")), f"{slug}__currency": _text(parts.get("currency"))}
        if kind == "address" and set(parts) <= set(ADDRESS_PARTS):
            return {f"{slug}__{part}": _text(parts.get(part)) for part in ADDRESS_PARTS}
        if isinstance(one, Reference) and set(parts) <= {"module", "id"}:
            more = {one.module_column: _text(parts.get("module"))} if one.polymorphic else {}
            return {slug: _text(parts.get("id"))} | more
        return None
    if isinstance(value, (list, tuple, set, frozenset)):
        return {slug: [_text(item) for item in value if item is not None]} if kind in _LIST_KINDS else None
    if kind in _LIST_KINDS:
        return {slug: None if value is None else _items(str(value))}
    if kind == "address":
        return {f"{slug}__{part}": _text(value) if part == "street" else None for part in ADDRESS_PARTS}
    if isinstance(one, Reference) and one.polymorphic:
        return {slug: _text(value), one.module_column: None}
    return {slug: _text(value)}


def _items(text: str) -> list[str]:
    return re.split("[;|,]", text)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < _LONGEST_NUMBER else str(value)
    if isinstance(value, (int, float, UUID)):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _json(value: Any) -> str | None:
    """JSON as it is kept. Text that begins like an object or list is taken as JSON, other text as a string."""
    if value is None:
        return None
    if isinstance(value, str):
        if value.lstrip()[:1] in ("{", "["):
            return value
        return json.dumps(value, ensure_ascii=False) if value.strip() else None
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_json_default)
    except ValueError:
        return "NaN is no JSON"


def _json_default(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def _holds_nul(cell: Any) -> bool:
    if isinstance(cell, list):
        return any(_holds_nul(item) for item in cell)
    return isinstance(cell, str) and "\x00" in cell


def stage(
    s: Runner, flat: Flat, *, fields: Fields, meta: Mapping[str, pa.Array], name: str = "staged"
) -> str:
    """Make the flat columns a temp table with `_row`, `_given` and the given meta columns; returns its name."""
    count = len(flat.given)
    arrays: dict[str, pa.Array] = {
        "_row": pa.array(range(count), pa.int64()),
        "_given": pa.array(flat.given, pa.list_(pa.string())),
    } | dict(meta)
    for column, cells in flat.columns.items():
        one = fields.get(column)
        is_list = one is not None and not isinstance(one, Reference) and one.kind in _LIST_KINDS
        arrays[column] = pa.array(cells, pa.list_(pa.string()) if is_list else pa.string())
    s.register(f"{name}__arrow", pa.table(arrays))
    s.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM "{name}__arrow"')
    return name
