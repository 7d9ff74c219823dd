"""A flow tried on the past: what it would have matched, changed, made and sent over a span, with nothing written."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from flows.active import ActiveFlow, stored_flow, unsaved_flow
from flows.backtest_effects import EFFECTS, OUTCOMES, Worked, work_out
from flows.check import require_valid
from flows.errors import CommandInvalid
from flows.events import expand
from flows.model import FlowDefinition
from flows.past import stage_matches
from flows.past_clock import stage_clock_matches
from flows.past_questions import MATCHES
from flows.past_span import Found, Moment, Progress, Span, read_clock_span, read_span
from flows.store import find_stored, known_users
from flows.trial_effects import TrialStep
from flows.triggers import OF_THE_CLOCK, OF_THE_PAST
from lake import Lake, Session, ident

MOST_SAMPLES = 100


@dataclass(frozen=True)
class StepCount:
    """How often a step came to an outcome: `changed`, `unchanged`, `created`, `sent`, `skipped`, and so on.

    `detail` says why something was skipped.
    """

    step: int
    action: str
    outcome: str
    detail: str | None
    count: int


@dataclass(frozen=True)
class Day:
    """One day of the workspace's zone: all matches, and of those that were worked out what they came to."""

    day: str
    matched: int
    changed: int = 0
    created: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Sample:
    """One match: the record, the commit that set the flow off, and what would have been done, old and new."""

    record_id: str
    snapshot: int
    event: str
    occurred_at: datetime
    state: str
    error: str | None
    steps: tuple[TrialStep, ...]


@dataclass(frozen=True)
class Backtest:
    """What a flow would have done over the snapshots `(since, until]`.

    `changes` were read and `matched` of them, of `records` different records: always exact. `worked_out` of the
    matches were followed through their steps, `failed` of these would have failed; `steps`, `days` and `samples` tell
    of them. `notes` say what is less than exact, and why.
    """

    flow: str
    version: int
    module: str
    since: int
    until: int
    first: datetime | None
    last: datetime | None
    changes: int
    matched: int
    records: int
    worked_out: int
    failed: int
    steps: tuple[StepCount, ...]
    days: tuple[Day, ...]
    samples: tuple[Sample, ...]
    notes: tuple[str, ...]
    seconds: float

    def count(self, outcome: str) -> int:
        """How often any step came to an outcome."""
        return sum(one.count for one in self.steps if one.outcome == outcome)


def backtest(
    lake: Lake,
    flow: str | FlowDefinition,
    *,
    actor: Actor,
    since: Moment | None = None,
    until: Moment | None = None,
    sample: int = 20,
    now: datetime | None = None,
    progress: Progress | None = None,
) -> Backtest:
    """Work out what a flow would have done over a span of the lake's history. Nothing is written.

    It sees the values of each commit, and related records as of it; relative dates count from it. So it matches what
    the flow did match if it was active. Definitions are those of now: a field that was not there yet had no value.
    Of a flow that waits for the clock it is the moments that are looked back at, each with the lake as it was then.

    Args:
        lake: the lake.
        flow: the slug or id of a stored flow in whatever state, or one that is not saved yet.
        actor: an administrator: he is shown values of every record.
        since: what is later than this instant, or this snapshot, counts; all that is kept when not given.
        until: what is not later than this instant, or snapshot; by default up to now.
        sample: how many matches are told one by one, at most 100.
        now: the aware instant up to which moments have come; by default that of the clock.
        progress: told a phase, how much of it is done, and of how much.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow, DefinitionInvalid: There is no such flow, or it cannot run.
        CommandInvalid: The span is none, a schedule fires in it more than a thousand times, or the flow waits for
            nothing that the past could tell.
    """
    started = time.monotonic()
    catalog, tried = _prepare(lake, flow, actor)
    sample = max(0, min(sample, MOST_SAMPLES))
    with lake.session(bulk=True) as session:
        found, span = _look_back(session, lake, catalog, tried, since, until, now=now, progress=progress)
        worked = work_out(session, lake, catalog, tried, sample=sample, progress=progress)
        return _told(session, catalog, tried, span, found, worked, time.monotonic() - started)


def backtest_matches(
    lake: Lake,
    flow: str | FlowDefinition,
    *,
    actor: Actor,
    since: Moment | None = None,
    until: Moment | None = None,
    now: datetime | None = None,
) -> pl.DataFrame:
    """Every match of a backtest: `record_id`, `snapshot`, `event`, `occurred_at` (UTC), in the order of commits.

    Raises:
        Forbidden, UnknownFlow, DefinitionInvalid, CommandInvalid: As `backtest`.
    """
    catalog, tried = _prepare(lake, flow, actor)
    with lake.session(bulk=True) as session:
        _look_back(session, lake, catalog, tried, since, until, now=now)
        return session.read(
            "SELECT CAST(_id AS VARCHAR) AS record_id, _snapshot AS snapshot, _event AS event, "
            f"_occurred AS occurred_at FROM {ident(MATCHES)} ORDER BY _snapshot, _occurred, _id"
        )


def _prepare(lake: Lake, flow: str | FlowDefinition, actor: Actor) -> tuple[Catalog, ActiveFlow]:
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    tried = chosen_flow(catalog, flow)
    require_valid(catalog, tried.definition, users=known_users(lake))
    tried = replace(tried, definition=expand(catalog, tried.definition))
    event = tried.definition.trigger.event
    if event not in OF_THE_PAST:
        raise CommandInvalid(
            event,
            f"{tried.slug} waits for {_WITHOUT_A_PAST[event]}, and nothing tells of the times at which that did not "
            "happen; try it on a record instead (test), or give it an event of records or of the clock: "
            f"{', '.join(sorted(OF_THE_PAST))}",
        )
    return catalog, tried


_WITHOUT_A_PAST = {"manual": "a person (manual)", "webhook": "what another system sends (webhook)"}


def _look_back(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    since: Moment | None,
    until: Moment | None,
    *,
    now: datetime | None,
    progress: Progress | None = None,
) -> tuple[Found, Span]:
    """Stage the matches of a span; what was found tells what is to be said of the span as well."""
    if flow.definition.trigger.event in OF_THE_CLOCK:
        span, notes = read_clock_span(session, lake, since, until, now=now or datetime.now(UTC))
        found = stage_clock_matches(session, lake, catalog, flow, span, progress=progress)
        notes += _repeated(session) if flow.definition.trigger.event == "schedule" else []
    else:
        span, notes = read_span(lake, since, until)
        found = stage_matches(session, lake, catalog, flow, span, progress=progress)
    return replace(found, notes=(*notes, *found.notes)), span


def _repeated(session: Session) -> list[str]:
    """What is to be said when a record matches at one moment after another."""
    often = session.read(f"SELECT count(*) > count(DISTINCT _id) AS often FROM {ident(MATCHES)}")["often"][0]
    if not often:
        return []
    return [
        "Some records match more than once: each moment sees what was really there, so that what the flow would have "
        "written at an earlier one does not keep it from matching."
    ]


def chosen_flow(catalog: Catalog, flow: str | FlowDefinition) -> ActiveFlow:
    """A stored flow, or one that is not saved, under the id that the flow of its name has.

    Raises:
        UnknownFlow: There is none of that name or id.
    """
    if not isinstance(flow, FlowDefinition):
        return stored_flow(find_stored(catalog, flow))
    return unsaved_flow(catalog, flow)


def _told(
    session: Session,
    catalog: Catalog,
    flow: ActiveFlow,
    span: Span,
    found: Found,
    worked: Worked,
    seconds: float,
) -> Backtest:
    whole = session.read(
        f"SELECT count(DISTINCT _id) AS records, min(_occurred) AS first, max(_occurred) AS last FROM {ident(MATCHES)}"
    ).row(0, named=True)
    failed = session.read(f"SELECT count(*) AS n FROM {ident(OUTCOMES)} WHERE state = 'failed'")["n"][0]
    return Backtest(
        flow.slug, max(0, flow.version), flow.definition.module, span.after, span.until, whole["first"], whole["last"],
        found.changes, found.matched, whole["records"], worked.matches, int(failed), tuple(_steps(session)),
        tuple(_days(session, catalog.workspace.time_zone)), tuple(_samples(session)),
        (*found.notes, *worked.notes), seconds,
    )  # fmt: skip


def _steps(session: Session) -> Iterator[StepCount]:
    rows = session.read(
        f"SELECT step, any_value(action) AS action, outcome, detail, count(*) AS n FROM {ident(EFFECTS)} "
        "GROUP BY step, outcome, detail ORDER BY step, n DESC, outcome, detail"
    )
    for row in rows.iter_rows():
        yield StepCount(*row)


def _days(session: Session, zone: str) -> Iterator[Day]:
    """Every day with a match."""
    outcomes = ("changed", "created", "sent", "skipped")
    counted = ", ".join(f"count(*) FILTER (e.outcome = '{one}') AS {one}" for one in outcomes)
    day = "CAST(CAST(timezone($zone, {}) AS DATE) AS VARCHAR)"
    rows = session.read(
        f"WITH every AS (SELECT {day.format('_occurred')} AS day, count(*) AS matched FROM {ident(MATCHES)} "
        "GROUP BY ALL), "
        f"done AS (SELECT {day.format('o.occurred')} AS day, {counted} FROM {ident(OUTCOMES)} o "
        f"JOIN {ident(EFFECTS)} e ON e.run = o.run GROUP BY ALL), "
        f"lost AS (SELECT {day.format('occurred')} AS day, count(*) AS failed FROM {ident(OUTCOMES)} "
        "WHERE state = 'failed' GROUP BY ALL) "
        "SELECT day, matched, coalesce(changed, 0), coalesce(created, 0), coalesce(sent, 0), coalesce(skipped, 0), "
        "coalesce(failed, 0) FROM every LEFT JOIN done USING (day) LEFT JOIN lost USING (day) ORDER BY day",
        {"zone": zone},
    )
    for row in rows.iter_rows():
        yield Day(*row)


def _samples(session: Session) -> Iterator[Sample]:
    rows = session.read(
        f"SELECT * FROM {ident(OUTCOMES)} WHERE sampled ORDER BY snapshot DESC, occurred DESC, record_id"
    ).to_dicts()
    effects = session.read(
        f"SELECT e.* FROM {ident(EFFECTS)} e JOIN {ident(OUTCOMES)} o ON o.run = e.run WHERE o.sampled "
        "ORDER BY e.run, e.step, e.target"
    ).to_dicts()
    steps: dict[str, list[TrialStep]] = {}
    for row in effects:
        told = TrialStep(
            row["step"], row["action"], row["module"], row["outcome"], row["detail"], _values(row["values"])
        )
        steps.setdefault(row["run"], []).append(told)
    for row in rows:
        yield Sample(
            row["record_id"], row["snapshot"], row["event"], row["occurred"], row["state"], row["error"],
            tuple(steps.get(row["run"], ())),
        )  # fmt: skip


def _values(told: str | None) -> dict[str, Any]:
    """The fields of an effect: new ones as they are, changed ones as (old, new)."""
    return {
        entry["field"]: (entry["old"], entry["new"]) if "old" in entry else entry["new"]
        for entry in json.loads(told or "[]")
    }
