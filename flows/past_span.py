"""Spans of the past: of commits, and of the moments at which they were what the lake held."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.errors import CommandInvalid
from flows.schedule import DOOR
from lake import Lake, Session, ident, table
from lake.catalog import all_snapshots_sql

TIMELINE = "flow_past_timeline"
"""The temp table that says from which instant on (`_from`) which snapshot is the last (`_snapshot`)."""

Moment = datetime | int
"""An aware instant, or a snapshot."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Span:
    """The snapshots `(after, until]` of the past; for flows of the clock also the instants `(begins, ends]`."""

    after: int
    until: int
    begins: datetime | None = None
    ends: datetime | None = None


@dataclass(frozen=True)
class Found:
    """How many changes were read, how many of them matched, and what of it is less than exact, in words.

    Of a flow of the clock, `changes` are the states of records that were looked at.
    """

    changes: int
    matched: int
    notes: tuple[str, ...] = ()


def read_span(lake: Lake, since: Moment | None, until: Moment | None) -> tuple[Span, list[str]]:
    """The snapshots of a span, as far as they are kept, and what is to be said of that.

    Raises:
        CommandInvalid: It ends before it begins, or an instant has no time zone.
    """
    newest, oldest = lake.snapshot(), lake.feed.oldest()
    first = oldest if since is None else _snapshot(lake, since)
    last = newest if until is None else min(_snapshot(lake, until), newest)
    if first > last:
        raise _backwards(since, until)
    notes = []
    if first < oldest:
        notes.append("The beginning of the span has expired; the rest was looked at.")
    return Span(max(first, oldest), max(last, oldest)), notes


def read_clock_span(
    session: Session, lake: Lake, since: Moment | None, until: Moment | None, *, now: datetime
) -> tuple[Span, list[str]]:
    """As `read_span`, by the clock: the moments of a span, as far as what the lake held then is kept.

    Leaves `TIMELINE` in the session.

    Raises:
        CommandInvalid: It ends before it begins, or an instant has no time zone.
    """
    stage_timeline(session, lake)
    first = session.read(f"SELECT min(_from) AS moment FROM {ident(TIMELINE)}")["moment"][0] or now
    begins = first if since is None else _instant(lake, since)
    ends = now if until is None else min(_instant(lake, until), now)
    if begins > ends:
        raise _backwards(since, until)
    notes = []
    if since is not None and begins < first:
        notes.append("Of the beginning of the span nothing is kept; the rest was looked at.")
    begins = max(begins, first)
    after, last = (_last_snapshot(session, one) for one in (begins, max(begins, ends)))
    return Span(after, max(after, last), begins, max(begins, ends)), notes


def stage_timeline(session: Session, lake: Lake) -> None:
    """Put into `TIMELINE` which snapshot is the last one from when on, for those that are kept.

    What a flow of the clock wrote at a moment was not there yet when the moment came.
    """
    late = f"CASE WHEN c.door = '{DOOR}' THEN to_microseconds(1) ELSE to_microseconds(0) END"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(TIMELINE)} AS WITH told AS (SELECT s.snapshot_id, "
        f"coalesce(max(c.occurred_at + {late}), any_value(s.snapshot_time)) AS moment "
        f"FROM {all_snapshots_sql(lake.config.kind)} s LEFT JOIN {table('ops', 'changes')} c "
        "ON c.snapshot = s.snapshot_id WHERE s.snapshot_id >= $oldest GROUP BY s.snapshot_id) "
        "SELECT moment AS _from, max(max(snapshot_id)) OVER (ORDER BY moment) AS _snapshot FROM told "
        "GROUP BY moment ORDER BY moment",
        {"oldest": lake.feed.oldest()},
    )


def _last_snapshot(session: Session, moment: datetime) -> int:
    found = session.read(
        f"SELECT coalesce(max(_snapshot), 0) AS n FROM {ident(TIMELINE)} WHERE _from <= $moment",
        {"moment": moment},
    )
    return int(found["n"][0])


def _snapshot(lake: Lake, moment: Moment) -> int:
    if not isinstance(moment, datetime):
        return max(0, int(moment))
    return lake.snapshot_at(_aware(moment))


def _instant(lake: Lake, moment: Moment) -> datetime:
    """When a snapshot counts for; one before the first that is told of is the beginning of time."""
    if isinstance(moment, datetime):
        return _aware(moment)
    found = lake.read(
        f"SELECT arg_max(occurred_at, (snapshot, occurred_at)) AS moment FROM {table('ops', 'changes')} "
        "WHERE snapshot <= ?",
        [max(0, int(moment))],
    )
    told: datetime | None = found["moment"][0]
    return told or datetime.min.replace(tzinfo=UTC)


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise CommandInvalid(moment, f"an instant needs its time zone; {moment} has none")
    return moment.astimezone(UTC)


def _backwards(since: Moment | None, until: Moment | None) -> CommandInvalid:
    return CommandInvalid(
        f"{since} to {until}", f"a span begins before it ends; this one runs from {since} to {until}"
    )
