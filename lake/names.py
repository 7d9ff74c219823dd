"""Identifiers: the one place that quotes them."""

from __future__ import annotations

import unicodedata

from lake.errors import InvalidNameError

CATALOG = "lake"


def ident(*parts: str) -> str:
    """Quote the parts of a name: `ident("crm", "customers")` is `"crm"."customers"`.

    Raises:
        InvalidNameError: a part is empty, longer than 128 characters, or holds a control character.
    """
    if not parts:
        raise InvalidNameError("")
    return ".".join(_quote(part) for part in parts)


def table(schema: str, name: str) -> str:
    """Quote a table of the lake in full: `table("crm", "customers")` is `"lake"."crm"."customers"`."""
    return ident(CATALOG, schema, name)


def _quote(part: str) -> str:
    if not 0 < len(part) <= 128 or any(unicodedata.category(character) == "Cc" for character in part):
        raise InvalidNameError(part)
    return '"' + part.replace('"', '""') + '"'
