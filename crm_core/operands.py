"""Values of a condition, read as the kind of the column they are compared with."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from dateutil.parser import isoparse
from dateutil.relativedelta import relativedelta

from crm_core.errors import ConditionInvalid

Number = TypeVar("Number", int, Decimal)
_SPAN = re.compile(r"^\s*(\d{1,6})\s*(min|h|d|w|mo|y)\s*$")
_UNITS = {"min": "minutes", "h": "hours", "d": "days", "w": "weeks", "mo": "months", "y": "years"}
_FIRST_YEAR, _LAST_YEAR = 2, 9998
"""Years in which every instant has a day before and after it, in any time zone."""
_LARGEST_INTEGER = 2**63 - 1
_RELATIVE = re.compile(r"^(today|now|yesterday|tomorrow)(?:\s*([+-])\s*(\d{1,6}\s*(?:min|h|d|w|mo|y)))?$")
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")
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
    try:
        return _instant(value, now, zone)
    except (OverflowError, ValueError) as error:
        raise ConditionInvalid(
            value, f"{value!r} is outside of the years {_FIRST_YEAR} to {_LAST_YEAR}"
        ) from error


def _instant(value: Any, now: datetime, zone: ZoneInfo) -> datetime:
    if isinstance(value, datetime):
        return _moment(value, zone)
    if isinstance(value, date):
        return _moment(datetime(value.year, value.month, value.day), zone)
    relative = _RELATIVE.match(str(value).strip().lower())
    if relative:
        return _moment(_relative(relative, now.astimezone(zone)), zone)
    try:
        parsed = isoparse(str(value))
    except (ValueError, OverflowError) as error:
        raise ConditionInvalid(
            value, f"{value!r} is no date or time; write 2026-11-22, today or now - 4h"
        ) from error
    return _moment(parsed, zone)


def _moment(value: datetime, zone: ZoneInfo) -> datetime:
    """The instant in UTC; a zoneless one is in the zone."""
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(value)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def moved(start: datetime, span: relativedelta, *, back: bool = False) -> datetime:
    """An instant, a length of time later or earlier.

    Raises:
        ConditionInvalid: When it is outside of the years that can be told.
    """
    try:
        there: datetime = start - span if back else start + span
        return _moment(there, ZoneInfo("UTC"))
    except (OverflowError, ValueError) as error:
        raise ConditionInvalid(
            span, f"the length of time leads outside of the years {_FIRST_YEAR} to {_LAST_YEAR}"
        ) from error


def _relative(found: re.Match[str], here: datetime) -> datetime:
    start = here if found[1] == "now" else here.replace(hour=0, minute=0, second=0, microsecond=0)
    start += timedelta(days={"yesterday": -1, "tomorrow": 1}.get(found[1], 0))
    if not found[3]:
        return start
    span = parse_span(found[3])
    there: datetime = start - span if found[2] == "-" else start + span
    return there


def to_day(value: Any, *, now: datetime, zone: ZoneInfo) -> date:
    """Read a date as `to_instant` does; relative words mean the day in the workspace's zone."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.match(value.strip()):
        with suppress(ValueError):
            return date.fromisoformat(value.strip())
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
            return _held(int(str(value).strip()), _LARGEST_INTEGER, value, field)
        if kind.startswith("DECIMAL"):
            width, scale = (int(part) for part in re.findall(r"\d+", kind))
            return _held(_finite(Decimal(str(value).strip())), 10 ** (width - scale) - 1, value, field)
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


def _held(number: Number, largest: int, value: Any, field: str) -> Number:
    """The number, when a column can hold it: beyond that DuckDB would refuse the whole statement."""
    if abs(number) > largest:
        raise ConditionInvalid(value, f"“{field}” holds numbers up to {largest:,}, so not {str(value)[:40]}")
    return number


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
