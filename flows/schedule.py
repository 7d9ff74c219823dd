"""Flows that wait for a time or a date: when each is due, and what it does then, exactly once.

How far a flow has come stands in `ops.flow_ticks`, in the commit that holds its runs. A clock that is put back sets off
nothing twice, one that is put forward leaves out nothing: what counts is the time between two looks.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crm_core.definition_versions import QUEUED_SQL
from crm_core.definitions import read_catalog
from crm_core.errors import CrmError
from crm_core.model import Catalog
from flows.active import ActiveFlow, active_flows
from flows.commit import Stored, prepare, store
from flows.cron import next_firing
from flows.due_records import choose_due, date_column
from flows.moments import next_moment
from flows.runs import RUNS, begin_runs, deepest, stage_broken, stage_runs
from flows.staging import Window, stage_records
from flows.storms import hold_storms
from flows.triggers import OF_THE_CLOCK
from flows.window import Staged, finish_staging
from lake import Change, Lake, Session, Transaction, ident, table
from lake.errors import StatementError

DOOR = "flow:schedule"
LOOK_EVERY = 1.0
"""Seconds between two looks at whether definitions have changed."""

SOON = timedelta(minutes=15)
"""A look that found nothing is stored when the next one is further away than this."""

STORE_EVERY = timedelta(hours=1)
"""So far apart are the stored looks of a flow that is looked at all the time and finds nothing."""

AHEAD = timedelta(days=1)
"""So far may a tick lie ahead of an activation that came after it; further, the clock was wrong, and begins anew."""

PATIENCE = 60.0
"""Seconds after which a flow whose commit failed is tried again; the others do not wait for it."""

_TICKS = table("ops", "flow_ticks")
_DEFINITIONS = table("meta", "definitions")


@dataclass(frozen=True)
class Fired:
    """What a flow did because of the clock: the instants `(after, until]`, the records, and what was stored of it."""

    flow: str
    event: str
    after: datetime
    until: datetime
    records: int
    stored: Stored
    snapshot: int


@dataclass
class _Clocked:
    """A flow of the clock: up to where it was looked at, and which tick of it is stored, by its commit."""

    flow: ActiveFlow
    reached: datetime
    stored: datetime
    tick: int
    due: datetime | None = None
    not_before: float = 0.0


@dataclass
class Schedule:
    """Knows what is due next, so that looking costs nothing; one process at a time works with it."""

    lake: Lake
    _flows: list[_Clocked] = field(default_factory=list)
    _version: int = -1
    _looked: float = float("-inf")

    def is_due(self, now: datetime) -> bool:
        """Whether a flow is due at an aware instant, as far as is known without asking the lake."""
        if time.monotonic() - self._looked >= LOOK_EVERY:
            self._look()
        return any(_is_due(one, now) for one in self._flows)

    def run(self, now: datetime) -> list[Fired]:
        """Let every flow act that is due; returns what was stored. The caller holds the lease `runner`.

        Raises:
            Exception: What a flow's commit failed with, after the other flows had their turn.
        """
        self._look()
        catalog, done, failure = read_catalog(self.lake), list[Fired](), None
        for one in self._flows:
            if not _is_due(one, now):
                continue
            try:
                found = self._act(catalog, one, now)
            except Exception as error:
                # One flow that cannot be stored must not keep the others from their hour.
                one.not_before, failure = time.monotonic() + PATIENCE, error
                continue
            if found is not None:
                done.append(found)
        if failure is not None:
            raise failure
        return done

    def _look(self) -> None:
        """Read the flows anew when definitions have changed."""
        self._looked = time.monotonic()
        catalog = read_catalog(self.lake)
        if catalog.version == self._version:
            return
        flows = [flow for flow in active_flows(catalog) if flow.definition.trigger.event in OF_THE_CLOCK]
        self._flows = _clocked(self.lake, catalog, flows) if flows else []
        self._version = catalog.version

    def _act(self, catalog: Catalog, one: _Clocked, now: datetime) -> Fired | None:
        after = one.reached
        with self.lake.session(bulk=True) as session:
            staged = _stage(session, self.lake, catalog, one.flow, after, now)
            following = _next_due(catalog, one.flow, now)
            done: tuple[Stored, int] | None = None
            if staged.runs or _worth_storing(one, following, now):
                done = _commit(session, catalog, one, staged)
                if done is None:
                    # Another process was there first, or the definitions have just changed.
                    self._version, self._looked = -1, float("-inf")
                    return None
                one.stored, one.tick = now, done[1]
        one.reached, one.due, one.not_before = now, following, 0.0
        if done is None or not staged.runs:
            return None
        event = one.flow.definition.trigger.event
        return Fired(one.flow.slug, event, after, now, staged.changes, done[0], done[1])


def run_due(lake: Lake, *, now: datetime | None = None) -> list[Fired]:
    """Let every flow act that waits for a time or a date and is due; the caller holds the lease `runner`.

    Args:
        lake: the lake.
        now: the aware instant that counts as now.
    """
    return Schedule(lake).run(now or datetime.now(UTC))


def _is_due(one: _Clocked, now: datetime) -> bool:
    return one.due is not None and one.reached < now >= one.due and time.monotonic() >= one.not_before


def _clocked(lake: Lake, catalog: Catalog, flows: list[ActiveFlow]) -> list[_Clocked]:
    """The flows with how far each has come: to its last tick, or to its activation."""
    names = {"flows": [flow.slug for flow in flows], "ids": [flow.id for flow in flows]}
    ticks = lake.read(
        f"SELECT flow_id, max_by(until, committed) AS until, max(committed) AS committed FROM {_TICKS} "
        "WHERE list_contains($ids, flow_id) GROUP BY flow_id",
        {"ids": names["ids"]},
    )
    last = {row["flow_id"]: row for row in ticks.iter_rows(named=True)}
    # A flow that was edited while it was active, or paused with a queue, goes on where it was; one that was off begins
    # with its activation.
    begun = lake.read(
        f"SELECT slug, min(occurred_at) AS since, min(snapshot) AS snapshot FROM {_DEFINITIONS} d WHERE kind = 'flow' "
        "AND list_contains($flows, slug) AND state = 'active' AND version > coalesce((SELECT max(o.version) "
        f"FROM {_DEFINITIONS} o WHERE o.kind = 'flow' AND o.slug = d.slug AND o.state IN ('paused', 'retired') "
        f"AND NOT coalesce({QUEUED_SQL}, false)), 0) "
        "GROUP BY slug",
        {"flows": names["flows"]},
    )
    since = {row["slug"]: row for row in begun.iter_rows(named=True)}
    found = []
    for flow in flows:
        start, tick = since[flow.slug], last.get(flow.id)
        reached = start["since"]
        if tick is not None:
            wrong = tick["committed"] < start["snapshot"] and tick["until"] > start["since"] + AHEAD
            reached = reached if wrong else max(reached, tick["until"])
        due = _next_due(catalog, flow, reached)
        found.append(_Clocked(flow, reached, reached, int(tick["committed"]) if tick else 0, due))
    return found


def _next_due(catalog: Catalog, flow: ActiveFlow, after: datetime) -> datetime | None:
    """When a flow is to be looked at next; a flow that can never be due any more is not."""
    trigger, zone = flow.definition.trigger, ZoneInfo(catalog.workspace.time_zone)
    if trigger.event == "schedule":
        return next_firing(trigger.cron, after, ZoneInfo(trigger.time_zone) if trigger.time_zone else zone)
    try:
        kind = date_column(catalog, flow)[1]
    except CrmError:
        # It is looked at all the same, and its run tells what is wrong.
        kind = "DATE"
    return next_moment(after, column_type=kind, offset=trigger.offset, at=trigger.at, zone=zone)


def _worth_storing(one: _Clocked, following: datetime | None, now: datetime) -> bool:
    """Whether a look that set off nothing is stored, so that it is not made once more after a restart."""
    return following is None or following - now >= SOON or now - one.stored >= STORE_EVERY


def _stage(
    session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, after: datetime, now: datetime
) -> Staged:
    """Stage a run for every record for which the flow is due; a flow that cannot be asked gets a failed one."""
    snapshot, module, count = lake.snapshot(), flow.definition.module, 0
    window = Window(snapshot, snapshot, snapshot, now)
    begin_runs(session)
    try:
        count = choose_due(session, catalog, flow, window, after=after)
    except (CrmError, StatementError) as error:
        stage_broken(session, module, flow, window, str(error))
    if count:
        event = flow.definition.trigger.event
        stage_records(session, catalog, module, ids=None, window=window, event=event)
        stage_runs(session, catalog, module, [flow], window, changes=count, by_hand=True)
        hold_storms(session, [flow], limit=catalog.workspace.hold_runs_over)
    return finish_staging(session, lake, catalog, [flow], window, changes=count, started_at=datetime.now(UTC))


def _commit(session: Session, catalog: Catalog, one: _Clocked, staged: Staged) -> tuple[Stored, int] | None:
    """Store runs, effects and tick together; None when the tick or the definitions are not those that were read."""
    flow, until = one.flow, staged.window.now
    change = Change(
        actor="system", door=DOOR, reason=f"{flow.definition.title}: {flow.definition.trigger.event}",
        depth=deepest(session), occurred_at=until,
    )  # fmt: skip
    session.execute(f"UPDATE {ident(RUNS)} SET change_id = CAST(? AS UUID)", [change.id])
    prepared = prepare(session, staged)

    def work(tx: Transaction) -> Stored | None:
        found = tx.read(
            f"SELECT (SELECT coalesce(max(committed), 0) FROM {_TICKS} WHERE flow_id = $id) AS tick, "
            f"(SELECT coalesce(max(snapshot), 0) FROM {_DEFINITIONS}) AS definitions",
            {"id": flow.id},
        ).row(0)
        if found != (one.tick, catalog.version):
            tx.cancel()
            return None
        tx.execute(
            f"INSERT INTO {_TICKS} VALUES ($id, $until, $runs, CAST($change AS UUID), $committed)",
            {
                "id": flow.id, "until": until, "runs": staged.runs, "change": tx.change_id, "committed": tx.snapshot,
            },
        )  # fmt: skip
        return store(tx, prepared, hold_over=catalog.workspace.hold_messages_over)

    done = session.commit(work, change)
    return None if done.value is None or not done.wrote else (done.value, done.snapshot)
