"""Values of a condition, read as the kind of the column they are compared with."""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from dateutil.relativedelta import relativedelta

from crm_core.errors import ConditionInvalid

_SPAN = re.compile(r"^\s*(\d{1,6})\s*(min|h|d|w|mo|y)\s*$")
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks", "mo": "months", "y": "years"}
_RELATIVE = re.compile(r"^(today|now|yesterday|tomorrow)(?:\s*([+-])\s*(\d{1,6}\s*(?:min|h|d|w|mo|y)))?$")
SPAN_EXAMPLES = "30min, 4h, 7d, 2w, 3mo or 1y"


def parse_span(value: Any) -> relativedelta:
    """Read a length of time such as `4h`; months and years are calendar ones.

    Raises:
        ConditionInvalid: When it is none.
    """
    found = _SPAN.match(str(value))
    if not found:
        raise ConditionInvalid(value, f"{value!r} is no length of time; write {SPAN_EXAMPLES}")
    return relativedelta(**{_UNITS[found[2]]: int(found[1])})


def to_instant(value: Any, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Read an ISO 8601 instant or `now`, `today`, `yesterday`, `tomorrow` with an offset (`today - 3d`).

    A zoneless time is in `zone`; a day means its beginning there. The answer is in UTC.

    Raises:
        ConditionInvalid: When it is none of these.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
    relative = _RELATIVE.match(str(value).strip().lower())
    if relative:
        return _relative(relative, now.astimezone(zone)).astimezone(UTC)
    try:
        parsed = isoparse(str(value))
    except (ValueError, OverflowError) as error:
        raise ConditionInvalid(
            value, f"{value!r} is no date or time; write 2026-11-22, today or now - 4h"
        ) from error
    instant: datetime = parsed if parsed.tzinfo else parsed.replace(tzinfo=zone)
    return instant.astimezone(UTC)


def _relative(found: re.Match[str], here: datetime) -> datetime:
    start = here if found[1] == "now" else here.replace(hour=0, minute=0, second=0, microsecond=0)
    start += timedelta(days={"yesterday": -1, "tomorrow": 1}.get(found[1], 0))
    if not found[3]:
        return start
    span = parse_span(found[3])
    moved: datetime = start - span if found[2] == "-" else start + span
    return moved


def to_day(value: Any, *, now: datetime, zone: ZoneInfo) -> date:
    """Read a date as `to_instant` does; relative words mean the day in the workspace's zone."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    return to_instant(value, now=now, zone=zone).astimezone(zone).date()


def read_operand(value: Any, column_type: str, *, field: str, now: datetime, zone: ZoneInfo) -> Any:
    """The value as Python of the column's type, ready to be bound.

    Raises:
        ConditionInvalid: When the value is of the wrong kind.
    """
    kind = column_type.removesuffix("[]")
    if isinstance(value, dict) and "amount" in value:
        value = value["amount"]
    if isinstance(value, (dict, list)):
        raise ConditionInvalid(value, f"“{field}” is compared with {value!r}; a single value is needed")
    try:
        if kind == "BIGINT":
            return int(str(value).strip())
        if kind.startswith("DECIMAL"):
            return _finite(Decimal(str(value).strip()))
        if kind == "BOOLEAN":
            return _to_boolean(value)
    except (ValueError, InvalidOperation) as error:
        raise ConditionInvalid(
            value, f"“{field}” is a number and cannot be compared with {value!r}"
        ) from error
    if kind == "DATE":
        return to_day(value, now=now, zone=zone)
    if kind == "TIMESTAMPTZ":
        return to_instant(value, now=now, zone=zone)
    return str(value)


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError(f"{number} is not finite")
    return number


def _to_boolean(value: Any) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if isinstance(value, bool):
        return value
    found = words.get(str(value).strip().lower())
    if found is None:
        raise ConditionInvalid(value, f"{value!r} is neither true nor false")
    return found
