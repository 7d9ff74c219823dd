"""Moments that lie before or after a date of a record: in words, as SQL, and when the next one can come."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlglot import exp

from crm_core.operands import parse_span
from crm_core.trees import function

OFFSET_EXAMPLES = "3h, 2d or 1mo for later, -2d for earlier, 0 for the moment itself"
_OFFSET = re.compile(r"([+-]?)\s*(\d{1,6}\s*(?:min|h|d|w|mo|y))")
_EXACT = re.compile(r"(min|h)$")
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_LONGEST = timedelta(days=36_525)
_A_MINUTE = timedelta(minutes=1)


def is_offset(text: str) -> bool:
    """Whether a text is a length of time before or after, such as `-2d`; a hundred years are the most."""
    if text in ("0", "+0", "-0"):
        return True
    if _OFFSET.fullmatch(text) is None:
        return False
    calendar, exact = read_offset(text)
    here = datetime(2000, 1, 1)
    try:
        there: datetime = here + calendar + exact
    except (OverflowError, ValueError):
        return False
    return abs(there - here) <= _LONGEST


def is_time_of_day(text: str) -> bool:
    """Whether a text is a time of day, such as `09:00`."""
    return _TIME.fullmatch(text) is not None


def read_offset(text: str) -> tuple[relativedelta, timedelta]:
    """An offset as the part that the calendar counts (days and longer), and the exact part (hours and minutes)."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        return relativedelta(), timedelta()
    span = parse_span(found[2]) * (-1 if found[1] == "-" else 1)
    if _EXACT.search(found[2]):
        return relativedelta(), timedelta(hours=span.days * 24 + span.hours, minutes=span.minutes)
    return span, timedelta()


def moment_tree(value: exp.Expr, *, column_type: str, offset: str, at: str, zone: str) -> exp.Expr:
    """The instant that lies `offset` from a date or instant, as a TIMESTAMPTZ.

    Days and longer are counted on the calendar of the zone, hours and minutes on the clock. A month after 31 January is
    the end of February. A time of day that the zone skips is as much later as was skipped; of one that comes twice it
    is the second.

    Args:
        value: the column.
        column_type: `DATE` or `TIMESTAMPTZ`.
        offset: such as `-2d` or `3h`; see `is_offset`.
        at: the time of that day, such as `09:00`; empty keeps that of an instant, and begins a date at 00:00.
        zone: IANA.
    """
    calendar, exact = read_offset(offset)
    place = exp.Literal.string(zone)
    local = value.copy() if column_type == "DATE" else function("timezone", place, value.copy())
    if column_type == "DATE" or at:
        local = exp.cast(exp.cast(local, "DATE", dialect="duckdb"), "TIMESTAMP", dialect="duckdb")
    if column_type != "DATE" and not at and not calendar:
        moment = value.copy()
    else:
        local = _later(local, calendar.years * 12 + calendar.months, "months")
        local = _later(local, calendar.days, "days")
        hours, minutes = (int(part) for part in (at or "00:00").split(":"))
        moment = function("timezone", place.copy(), _later(local, hours * 60 + minutes, "minutes"))
    return _later(moment, int(exact / _A_MINUTE), "minutes")


def _later(tree: exp.Expr, count: int, unit: str) -> exp.Expr:
    if not count:
        return tree
    return exp.Add(this=tree, expression=function(f"to_{unit}", exp.Literal.number(count)))


def bounds(column_type: str, offset: str, after: datetime, until: datetime) -> tuple[datetime, datetime]:
    """Values of a field between which it surely lies when its moment lies in `(after, until]`; wide by some days."""
    calendar, exact = read_offset(offset)
    # A month's end may be three days from where the calendar leads back to, and days of zones begin apart.
    slack = timedelta(days=6)
    return after - exact - calendar - slack, until - exact - calendar + slack


def next_moment(after: datetime, *, column_type: str, offset: str, at: str, zone: ZoneInfo) -> datetime:
    """The first instant after another at which a moment of `moment_tree` can lie; at most a minute too early.

    Where any instant can be one, it is a minute later.
    """
    _, exact = read_offset(offset)
    if column_type != "DATE" and not at:
        return after.astimezone(UTC) + _A_MINUTE
    clock = time.fromisoformat(at or "00:00")
    day = (after - exact).astimezone(zone).date() - timedelta(days=1)
    while True:
        there = _instant(datetime.combine(day, clock), zone) + exact
        if there > after:
            return there
        day += timedelta(days=1)


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """As DuckDB reads a local time: the second of two, and later by what was skipped."""
    return max(local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
