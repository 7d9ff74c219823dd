"""One widget per field kind, and the view of each.

    edit_field(field, value, key=f"{record_id}:{field.slug}", on_commit=lambda new: save(field.slug, new))
    values = {f.slug: edit_field(f, f.default, key=f"new:{f.slug}") for f in module.fields}     # in a form
    st.html(kv_card("Contact", [(f.name, show_field(f, record[f.slug], context)) for f in fields]))

A widget answers in the shape of a record: money `{"amount", "currency"}`, an address its parts, an instant
aware in UTC, missing None. Text that cannot be read as the kind goes on as it was typed, so that the rules of
the core, and not a widget, say what is wrong with it. A key holds the id of the record: for another record
another widget.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from crm_core import uploads
from crm_core.model import Field
from crm_core.model.fields import ADDRESS_PARTS
from pages._ui import html, words
from pages._ui.field_views import (
    NOWHERE,
    FieldContext,
    is_missing,
    show_columns,
    show_field,
    text_of,
)
from pages._ui.field_widgets import DRAW, Widget

__all__ = ["FieldContext", "edit_field", "edit_fields", "entered", "show_columns", "show_field", "text_of"]


def edit_field(
    field: Field,
    value: Any,
    *,
    key: str,
    on_commit: Callable[[Any], None] | None = None,
    context: FieldContext = NOWHERE,
    label: str | None = None,
    required: bool | None = None,
    disabled: bool = False,
    problem: str = "",
    live: bool = False,
) -> Any:
    """Draws the widget of a field and returns what stands in it now.

    Args:
        value: The value at first, in the shape of a record.
        key: Unique in the page, and holding the id of the record.
        on_commit: Called with the new value when it changed, before the rerun; None inside a form.
        label: Another label than the field's name.
        required: Whether the label is marked; the field's own rule when None.
        disabled: Only to be read; a read-only field is so always.
        problem: What is wrong with the value, shown below.
        live: Whether the page hears of a text as it is typed, and not only when it is done.
    """
    mark = " *" if (field.required if required is None else required) else ""
    reader = _Reader(field, key, context)

    def commit() -> None:
        if on_commit is not None:
            on_commit(reader.read())

    widget = Widget(
        field=field,
        value=value,
        key=key,
        label=html.plain(label or field.name) + mark,
        commit=commit if on_commit is not None else None,
        context=context,
        disabled=disabled or field.read_only,
        live=live,
    )
    DRAW[field.kind](widget)
    if problem:
        st.html(html.problem(problem))
    return reader.read()


def edit_fields(
    fields: Sequence[Field],
    values: Mapping[str, Any],
    *,
    key: str,
    on_commit: Callable[[str, Any], None] | None = None,
    context: FieldContext = NOWHERE,
    problems: Mapping[str, str] | None = None,
    disabled: bool = False,
) -> dict[str, Any]:
    """Draws the widgets of several fields below each other; returns field slug → value."""
    entered: dict[str, Any] = {}
    for field in fields:
        slug = field.slug
        entered[slug] = edit_field(
            field,
            values.get(slug),
            key=f"{key}:{slug}",
            on_commit=None if on_commit is None else partial(on_commit, slug),
            context=context,
            problem=(problems or {}).get(slug, ""),
            disabled=disabled,
        )
    return entered


def entered(field: Field, value: Any, *, key: str, context: FieldContext = NOWHERE) -> Any:
    """What stands in the widgets of a field before they are drawn; `value` where they are not there yet."""
    keys = (key, *(f"{key}:{part}" for part in ("amount", "box", *ADDRESS_PARTS)))
    return _Reader(field, key, context).read() if any(one in st.session_state for one in keys) else value


@dataclass(frozen=True)
class _Reader:
    """Reads what stands in the widgets of a field, in the shape of a record."""

    field: Any
    key: str
    context: FieldContext

    def read(self) -> Any:
        return _READ.get(self.field.kind, _read_plain)(self)

    def state(self, part: str = "") -> Any:
        value = st.session_state.get(f"{self.key}:{part}" if part else self.key)
        return None if value in ("", []) else value


def _read_plain(reader: _Reader) -> Any:
    return reader.state()


def _read_decimal(reader: _Reader) -> Any:
    return parse_number(reader.state())


def _read_integer(reader: _Reader) -> Any:
    value = reader.state()
    number = parse_number(value) if isinstance(value, str) else value
    return int(number) if isinstance(number, Decimal) and number == number.to_integral_value() else number


def _read_money(reader: _Reader) -> Any:
    amount = parse_number(reader.state("amount"))
    return None if amount is None else {"amount": amount, "currency": reader.state("currency")}


def _read_address(reader: _Reader) -> Any:
    parts = {part: reader.state(part) for part in ADDRESS_PARTS}
    return None if is_missing(parts) else parts


def _read_datetime(reader: _Reader) -> Any:
    value = reader.state()
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=ZoneInfo(reader.context.zone)).astimezone(UTC)


def _read_json(reader: _Reader) -> Any:
    value = reader.state()
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _read_files(reader: _Reader) -> Any:
    kept = list(reader.state() or [])
    box, upload = reader.state("box"), reader.context.upload
    done: list[str] = st.session_state.setdefault(f"{reader.key}:uploaded", [])
    if box and upload is not None and uploads.files_in(box):
        done += upload(box)
    kept += [one for one in done if one not in kept]
    return kept or None


def parse_number(value: Any) -> Any:
    """A typed number as an exact one: `1,204.50`, `1.204,50`, `12,5`; other text stays text."""
    if not isinstance(value, str):
        return value
    text = "".join(value.split()).replace("\u202f", "")
    point, comma = text.rfind("."), text.rfind(",")
    if point >= 0 and comma >= 0:
        text = text.replace(",", "") if point > comma else text.replace(".", "").replace(",", ".")
    elif comma >= 0:
        groups = text.lstrip("+-").split(",")
        thousands = len(groups[0]) in (1, 2, 3) and all(len(group) == 3 for group in groups[1:])
        text = text.replace(",", "" if thousands else ".")
    number = words.to_decimal(text)
    return number if number is not None and number.is_finite() else value


_READ: dict[str, Callable[[_Reader], Any]] = {
    "integer": _read_integer,
    "decimal": _read_decimal,
    "money": _read_money,
    "address": _read_address,
    "datetime": _read_datetime,
    "json": _read_json,
    "file": _read_files,
}
"""Field kind → how its value is read; the others stand in their widget as they are."""
