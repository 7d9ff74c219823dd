"""Records as people and programs read them: flat, system columns first, then fields and references by slug."""

import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from crm_core.model import Catalog
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.fields import ADDRESS_PARTS, AddressField, JsonField, MoneyField

Record = dict[str, Any]
_MOST_DIGITS = 100


def shape_record(catalog: Catalog, module: str, row: Mapping[str, Any]) -> Record:
    """One row of a module's table as a record: instants stay aware, decimals stay exact, missing is None.

    Money becomes `{"amount", "currency"}`, an address an object of its parts, a reference to one of several
    modules `{"module", "id"}`.
    """
    record: Record = {name: _plain(row.get(name)) for name in SYSTEM_COLUMNS}
    for field in catalog.module(module).fields:
        value = row.get(field.slug)
        if isinstance(field, MoneyField):
            currency = row.get(f"{field.slug}__currency")
            record[field.slug] = None if value is None else {"amount": value, "currency": currency}
        elif isinstance(field, AddressField):
            parts = {part: row.get(f"{field.slug}__{part}") for part in ADDRESS_PARTS}
            record[field.slug] = parts if any(parts.values()) else None
        elif isinstance(field, JsonField):
            record[field.slug] = json.loads(value) if isinstance(value, str) else value
        else:
            record[field.slug] = _plain(value)
    for reference in catalog.references(module):
        target = _plain(row.get(reference.slug))
        if reference.polymorphic and target is not None:
            target = {"module": row.get(reference.module_column), "id": target}
        record[reference.slug] = target
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return value


def to_json_value(value: Any) -> Any:
    """A value of a record as JSON has it: instants ISO 8601 with `Z`, decimals as exact text in money.

    A decimal with more digits than a double holds stays one, which `dumps` writes as the number that it is.
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dict):
        if set(value) == {"amount", "currency"} and isinstance(value["amount"], (Decimal, type(None))):
            return {"amount": format_amount(value["amount"]), "currency": value["currency"]}
        return {key: to_json_value(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json_value(part) for part in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def format_amount(amount: Decimal | None) -> str | None:
    """An amount with two digits at least and no needless zeros: `12.50`, `0.1234`."""
    if amount is None:
        return None
    exact = amount.normalize()
    digits = max(2, -int(exact.as_tuple().exponent)) if exact.is_finite() else 2
    return f"{amount:.{digits}f}"


def _number(value: Decimal) -> int | float | Decimal | str:
    """The number as JSON's parsers hold it, where that is exactly it; a decimal is for `dumps` to write out."""
    if not value.is_finite() or abs(value.adjusted()) > _MOST_DIGITS:
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else value


def dumps(value: Any, *, separators: tuple[str, str] = (",", ":")) -> str:
    """Plain data as one JSON text, every digit of a decimal included."""
    exact: list[str] = []
    mark = secrets.token_hex(8)

    def written(one: Any) -> str:
        if not isinstance(one, Decimal):
            return str(one)
        exact.append(f"{one:f}")
        return f"{mark}{len(exact) - 1}"

    text = json.dumps(to_json_value(value), ensure_ascii=False, separators=separators, default=written)
    return re.sub(f'"{mark}([0-9]+)"', lambda found: exact[int(found[1])], text) if exact else text
