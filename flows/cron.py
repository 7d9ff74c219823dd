"""Cron lines as Debian's cron reads them, also where clocks are put forward or back."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

EXAMPLE = "0 9 * * MON-FRI"
_MOST_CHARACTERS = 200


def cron_problem(line: str) -> str | None:
    """What is wrong with a cron line, as a sentence; None when it will fire."""
    wanted = f"five fields (minute, hour, day of month, month, day of week), as in {EXAMPLE}"
    if len(line.split()) != 5 or len(line) > _MOST_CHARACTERS:
        return f"{line[:60]!r} is no cron line: it has {len(line.split())} fields; it needs {wanted}"
    try:
        fires = next(CronSim(line, datetime(2024, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        if _of_other_months(line):
            return f"the cron line {line!r} never fires: none of its months has such a day"
        return f"{line!r} is no cron line ({error}); it needs {wanted}"
    return None if fires else f"the cron line {line!r} never fires: no day fits all of its fields"


def _of_other_months(line: str) -> bool:
    """Whether a line that is refused would do in another month."""
    fields = line.split()
    try:
        CronSim(" ".join((*fields[:3], "*", fields[4])), datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    try:
        CronSim(" ".join((*fields[:2], "*", *fields[3:])), datetime(2024, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return True


def next_firing(line: str, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first moment after an instant at which a cron line fires; None when it never does.

    What would fire in an hour that is skipped fires at its end; what would fire in an hour that comes twice fires once,
    the first time, unless it fires every hour or every few minutes.

    Args:
        line: five fields.
        after: an aware instant.
        zone: in which the line counts.

    Returns:
        An instant in UTC.
    """
    for moment in CronSim(line, after.astimezone(zone)):
        there = moment.astimezone(UTC)
        # In an hour that comes twice, the library begins at its first time again.
        if there > after:
            return there
    return None
