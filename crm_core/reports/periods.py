"""Date ranges of reports, and the days that a date bucket holds; days are those of the workspace."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import get_args

from dateutil.relativedelta import relativedelta

from crm_core.model.reports import Bucket, Period
from crm_core.reports.errors import RangeInvalid

PERIODS: dict[Period, str] = {
    "last_7_days": "Last 7 days",
    "last_30_days": "Last 30 days",
    "last_90_days": "Last 90 days",
    "last_12_months": "Last 12 months",
    "this_month": "This month",
    "this_quarter": "This quarter",
    "this_year": "This year",
    "all": "All time",
}
"""Period → what people read, in the order in which they are offered."""

AGES: dict[str, tuple[str, int | None, int | None]] = {
    "0": ("Not yet", None, 0),
    "1": ("1–30 d", 1, 30),
    "31": ("31–60 d", 31, 60),
    "61": ("61–90 d", 61, 90),
    "91": ("Over 90 d", 91, None),
}
"""The buckets of an age: what people read, and how many days ago a date is at least and at most."""


@dataclass(frozen=True)
class Range:
    """The days from `first` to `last`, both of them part of it; None on a side is open there."""

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.first and self.last and self.first > self.last:
            raise RangeInvalid(f"{self.first} to {self.last}", "it must not end before it begins")


def range_of(period: str, *, today: date) -> Range:
    """The days of a period; those that are still to come belong to what is called this month, quarter or year.

    Raises:
        RangeInvalid: There is no such period.
    """
    match period:
        case "all":
            return Range()
        case "last_7_days" | "last_30_days" | "last_90_days":
            return Range(today - timedelta(days=int(period.split("_")[1]) - 1), today)
        case "last_12_months":
            return Range(today.replace(day=1) - relativedelta(months=11), today)
        case "this_month" | "this_quarter" | "this_year":
            bucket = _THIS[period]
            first = begin_of(today, bucket, first_weekday=0)
            return Range(first, days_of(first, bucket).last)
    raise RangeInvalid(period, f"there are {', '.join(get_args(Period))}")


_THIS: dict[str, Bucket] = {"this_month": "month", "this_quarter": "quarter", "this_year": "year"}


def begin_of(day: date, bucket: Bucket, *, first_weekday: int) -> date:
    """The first day of the bucket that a day is in."""
    match bucket:
        case "week":
            return day - timedelta(days=(day.weekday() - first_weekday) % 7)
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day


def days_of(first: date, bucket: Bucket) -> Range:
    """The days of the bucket that begins on a day."""
    return Range(first, next_of(first, bucket) - timedelta(days=1))


def next_of(first: date, bucket: Bucket) -> date:
    """The first day of the bucket that follows."""
    steps = {
        "week": relativedelta(weeks=1), "month": relativedelta(months=1),
        "quarter": relativedelta(months=3), "year": relativedelta(years=1),
    }  # fmt: skip
    following: date = first + steps.get(bucket, relativedelta(days=1))
    return following


def bucket_name(first: date, bucket: Bucket) -> str:
    """What people read of the bucket that begins on a day: `Nov 2026`, `Q4 2026`, `9 Nov 2026`."""
    match bucket:
        case "month":
            return f"{first:%b %Y}"
        case "quarter":
            return f"Q{(first.month + 2) // 3} {first.year}"
        case "year":
            return str(first.year)
    return f"{first.day} {first:%b %Y}"


def days_ago(age: str, *, today: date) -> Range:
    """The days whose age is in a bucket of `AGES`."""
    _, least, most = AGES[age]
    return Range(
        today - timedelta(days=most) if most is not None else None,
        today - timedelta(days=least) if least is not None else None,
    )
