"""The cells of a table that are edited in place: which, how their values are typed, and what is written.

The core says what may stand in a field; here a text of the browser becomes a value, and its refusal goes back to
the cell that it came from.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from crm_core.errors import ValuesInvalid
from crm_core.model import Field, Module, Option
from crm_core.model.catalog import SYSTEM_FIELDS
from pages._ui import edits, words
from pages._ui.changes import label_of
from pages._ui.field_views import FieldContext, options_of
from pages._ui.fields import parse_number
from pages._ui.grid import BASE, Edited, Editor, Refused, edit_key
from pages._ui.session import Here

__all__ = ["Refused", "editors_of", "typed_cells", "value_of", "why", "write"]

_TEXTS = ("text", "email", "phone", "url")
_NUMBERS = ("integer", "decimal", "money")
_CHOICES = ("select", "user", "boolean")
_SYSTEM = ("status", "owner")
_AMOUNT = re.compile(r"\s*([^A-Za-z]*\d[^A-Za-z]*?)\s*([A-Za-z]{3})?\s*")
NOBODY = ("", "–")


@dataclass(frozen=True)
class _Cell:
    """A field whose cells are edited, and the choices that its values are among."""

    field: Field
    options: tuple[tuple[str, str], ...] = ()


def editors_of(
    now: Here, module: Module, columns: Collection[str], context: FieldContext
) -> dict[str, Editor]:
    """Column → how its cells are edited, of those that can be here: none for who may only look."""
    if now.actor.role == "viewer":
        return {}
    cells = {name: cell for name in columns if (cell := _cell(module, name, context)) is not None}
    return {name: Editor(_way(cell.field), cell.options) for name, cell in cells.items()}


def _way(field: Field) -> str:
    if field.kind in _CHOICES:
        return "choice"
    return "date" if field.kind == "date" else "number" if field.kind in _NUMBERS else "text"


def _cell(module: Module, name: str, context: FieldContext) -> _Cell | None:
    field = module.field(name) or (SYSTEM_FIELDS[name] if name in _SYSTEM else None)
    if field is None or field.read_only:
        return None
    if field.kind in _CHOICES:
        choices = tuple((one.value, one.text) for one in _options(module, field, context))
        empty = () if field.required or name == "status" else (NOBODY,)
        return _Cell(field, (*empty, *choices)) if choices else None
    known = field.kind in (*_TEXTS, *_NUMBERS) or field.kind == "date"
    return _Cell(field) if known else None


def _options(module: Module, field: Field, context: FieldContext) -> tuple[Option, ...]:
    if field.kind == "boolean":
        return (Option(value="true", label="Yes"), Option(value="false", label="No"))
    if field.kind == "user":
        return tuple(Option(value=slug, label=name) for slug, name in context.users.items())
    if field.slug == "status":
        every = [status for folder in module.folders for status in folder.statuses]
        return tuple({s.slug: Option(value=s.slug, label=s.name) for s in every}.values())
    return options_of(field, context)


def typed_cells(module: Module, item: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """What stands in the editors of a record's cells at first, and the version that they are of."""
    found = {BASE: str(item["version"])}
    for name in names:
        field = module.field(name) or SYSTEM_FIELDS[name]
        found[edit_key(name)] = _text(field, item.get(name))
    return found


def _text(field: Field, value: Any) -> str:
    if value is None:
        return ""
    if field.kind == "boolean":
        return "true" if value else "false"
    if field.kind == "money":
        return f"{words.number(value['amount'])} {value['currency'] or ''}".strip()
    return words.number(value) if field.kind in _NUMBERS else str(value)


def value_of(field: Field, text: str, current: Any) -> Any:
    """A text of the browser as a value; what cannot be read as its kind goes on as it is, to be refused with words."""
    if not text.strip():
        return None
    if field.kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if field.kind == "money":
        found = _AMOUNT.fullmatch(text)
        amount, code = found.groups() if found else (text, "")
        currency = (code or "").upper() or (current or {}).get("currency")
        return {"amount": parse_number(amount), "currency": currency}
    return parse_number(text) if field.kind in _NUMBERS else text


def write(now: Here, module: Module, item: Mapping[str, Any], edited: Edited) -> Refused | None:
    """Write one cell on the version that its editor began with; what is refused comes back, to be shown there."""
    field = module.field(edited.column) or SYSTEM_FIELDS[edited.column]
    refused: list[Refused] = []

    def keep(error: ValuesInvalid) -> None:
        refused.append(Refused(edited.id, edited.column, edited.text, why(now, module, error), edited.at))

    value = value_of(field, edited.text, item.get(edited.column))
    version = min(edited.version or item["version"], item["version"])
    shown = edits.Shown(module, {**item, "version": version})
    edits.change(now, shown, {edited.column: value}, done="", on_invalid=keep)
    return refused[0] if refused else None


def why(now: Here, module: Module, error: ValuesInvalid) -> str:
    """Why values were refused, with the names of fields that people know."""
    said = []
    for one in error.problems:
        name, slug = label_of(now.catalog, module, one.field), f"“{one.field}”"
        said.append(
            one.message.replace(slug, f"“{name}”") if slug in one.message else f"{name}: {one.message}"
        )
    return "; ".join(dict.fromkeys(said))
