"""The groups of a report with those that have no record: days, weeks and months between the first and the last."""

from datetime import date

from crm_core.reports.answer import Key, Result
from crm_core.reports.periods import bucket_name, next_of

MOST_FILLED = 400


def all_keys(result: Result, place: int) -> tuple[Key, ...]:
    """The groups of the first (0) or second (1) kind in their order, without gaps where they are dates.

    More than `MOST_FILLED` dates are left as they are.
    """
    keys = result.keys(place)
    bucket = result.report.groups[place].bucket if len(result.report.groups) > place else ""
    days = [date.fromisoformat(key.value) for key in keys if key.value and bucket not in ("", "age")]
    if not days or result.report.sql:
        return keys
    known = {key.value: key for key in keys}
    filled: list[Key] = []
    day = days[0]
    while day <= days[-1]:
        filled.append(known.get(day.isoformat()) or Key(day.isoformat(), bucket_name(day, bucket)))
        if len(filled) > MOST_FILLED:
            return keys
        day = next_of(day, bucket)
    return (*filled, *(key for key in keys if key.value is None))
