"""Runs as people read them: listed, shown with their steps, counted; only those of records the reader may see."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import any_of, column, lake_table, text
from flows.errors import UnknownRun
from flows.statements import used
from lake import Lake, table

STATES = ("done", "failed", "not_matched", "cancelled", "waiting", "held")
_COLUMNS = (
    "id", "flow", "flow_id", "flow_version", "module", "record_id", "event", "snapshot", "change_id", "load_id",
    "actor", "state", "depth", "chain", "started_at", "finished_at", "error", "failed_step", "trace",
)  # fmt: skip


@dataclass(frozen=True)
class TraceLeaf:
    """One comparison of a condition: whether it held, and the value it saw.

    `hidden` is set where the reader may not see the related record that the value is of; `true` is then None.
    """

    field: str
    op: str
    value: str | None
    true: bool | None
    seen: str | None
    hidden: bool = False


@dataclass(frozen=True)
class Effect:
    """What one step did. `outcome` is written, unchanged, overwritten, skipped, queued or held."""

    step: int
    action: str
    module: str
    record_id: str | None
    outcome: str
    fields: tuple[str, ...]
    detail: str | None


@dataclass(frozen=True)
class Run:
    """One run of a flow; instants are UTC, `snapshot` is the commit that set it off."""

    id: str
    flow: str
    flow_id: str
    flow_version: int
    module: str
    record_id: str | None
    event: str
    snapshot: int
    change_id: str | None
    load_id: str | None
    actor: str
    state: str
    depth: int
    chain: tuple[str, ...]
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    failed_step: int | None
    trace: tuple[TraceLeaf, ...] | None
    effects: tuple[Effect, ...] = ()


def list_runs(
    lake: Lake,
    *,
    actor: Actor,
    flow: str | None = None,
    module: str | None = None,
    record_id: str | None = None,
    state: str | None = None,
    load_id: str | None = None,
    change_id: str | None = None,
    run_id: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
    offset: int = 0,
    at: int | None = None,
) -> list[Run]:
    """Runs, the newest first, of the records that the actor may see.

    Args:
        lake: the lake.
        actor: who reads.
        flow: a slug or id.
        module, record_id: the record that set them off.
        state: one of `STATES`.
        load_id: only those that a load set off.
        change_id: only those that one change, or one command, set off.
        run_id: only this one.
        since: an aware instant; only those that began then or later.
        limit: at most so many.
        offset: how many to pass over.
        at: the snapshot at which the runs are looked at, now by default.
    """
    params = Params()
    bind = params.bind
    select = exp.select(*[column(name, "r") for name in _COLUMNS]).from_(
        _seen(read_catalog(lake), actor, params, at=at)
    )
    if flow is not None:
        select = select.where(any_of([column(name, "r").eq(bind(flow)) for name in ("flow", "flow_id")]))
    for name, value in (("module", module), ("state", state)):
        if value is not None:
            select = select.where(column(name, "r").eq(bind(value)))
    ids = {"record_id": record_id, "load_id": load_id, "change_id": change_id, "id": run_id}
    for name, value in ids.items():
        if value is not None:
            is_it = exp.TryCast(this=bind(str(value)), to=exp.DataType.build("UUID"))
            select = select.where(column(name, "r").eq(is_it))
    if since is not None:
        select = select.where(exp.GTE(this=column("started_at", "r"), expression=bind(since)))
    select = (
        select.order_by(
            exp.Ordered(this=column("started_at", "r"), desc=True), exp.Ordered(this=column("id", "r"))
        )
        .limit(max(1, min(limit, 10_000)))
        .offset(max(0, offset))
    )
    rows = lake.read(text(select), used(select, params)).to_dicts()
    return [_run(row, actor) for row in rows]


def show_run(lake: Lake, run_id: str, *, actor: Actor) -> Run:
    """One run with what each of its steps did.

    Raises:
        UnknownRun: There is none, or none of a record that the actor may see.
    """
    params = Params()
    is_it = exp.TryCast(this=params.bind(str(run_id)), to=exp.DataType.build("UUID"))
    select = exp.select(*[column(name, "r") for name in _COLUMNS]).from_(
        _seen(read_catalog(lake), actor, params)
    )
    select = select.where(column("id", "r").eq(is_it))
    rows = lake.read(text(select), used(select, params)).to_dicts()
    if not rows:
        raise UnknownRun(run_id)
    return replace(_run(rows[0], actor), effects=tuple(read_effects(lake, [run_id])[run_id]))


def read_effects(lake: Lake, run_ids: Sequence[str]) -> dict[str, list[Effect]]:
    """What the steps of runs did, in their order, by the runs' ids; the caller knows who may see the runs."""
    rows = lake.read(
        f"SELECT run_id, step, action, module, record_id, outcome, fields, detail FROM {table('ops', 'flow_effects')} "
        "WHERE CAST(run_id AS VARCHAR) IN (SELECT unnest(?)) ORDER BY run_id, step",
        [list(run_ids)],
    )
    found: dict[str, list[Effect]] = {run_id: [] for run_id in run_ids}
    for row in rows.to_dicts():
        run_id = row.pop("run_id")
        found[run_id].append(Effect(**{**row, "fields": tuple(row["fields"] or ())}))
    return found


def flows_of(lake: Lake, run_ids: Sequence[str]) -> dict[str, str]:
    """Run id → the slug of its flow, of the runs that are known; the caller knows who may see their records."""
    if not run_ids:
        return {}
    rows = lake.read(
        f"SELECT CAST(id AS VARCHAR) AS id, flow FROM {table('ops', 'flow_runs')} "
        "WHERE CAST(id AS VARCHAR) IN (SELECT unnest(?))",
        [list(run_ids)],
    )
    return dict(rows.rows())


def count_runs(lake: Lake, *, actor: Actor, since: datetime | None = None) -> dict[str, dict[str, Any]]:
    """For each flow id: runs done and failed since an instant, when the last began, and the mean delay in seconds.

    Only runs of records that the actor may see count.
    """
    params = Params()
    seen = _seen(read_catalog(lake), actor, params)
    select = exp.select(
        column("flow_id", "r"), "count(*) FILTER (WHERE r.state = 'done') AS done",
        "count(*) FILTER (WHERE r.state = 'failed') AS failed", "max(r.started_at) AS last",
        "avg(epoch(r.finished_at) - epoch(r.started_at)) FILTER (WHERE r.state = 'done') AS delay",
    ).from_(seen).group_by(column("flow_id", "r"))  # fmt: skip
    if since is not None:
        select = select.where(exp.GTE(this=column("started_at", "r"), expression=params.bind(since)))
    rows = lake.read(text(select), used(select, params)).to_dicts()
    return {row.pop("flow_id"): row for row in rows}


def count_days(lake: Lake, *, actor: Actor, zone: str, days: int = 7) -> dict[str, tuple[int, ...]]:
    """For each flow id: how many runs were done or failed on each of the last days of a zone, today last.

    Only runs of records that the actor may see count.

    Args:
        lake: the lake.
        actor: who reads.
        zone: in which days begin (IANA).
        days: how many, today among them.
    """
    params = Params()
    today = datetime.now(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [(today - timedelta(days=back)).astimezone(UTC) for back in range(days - 1, -1, -1)]
    bounds = [params.bind(begin, "TIMESTAMPTZ") for begin in begins]
    started = column("started_at", "r")
    counts = [
        exp.Filter(
            this=exp.Count(this=exp.Star()),
            expression=exp.Where(
                this=_between(started, bounds[at], bounds[at + 1] if at + 1 < days else None)
            ),
        ).as_(f"d{at}")
        for at in range(days)
    ]
    select = (
        exp.select(column("flow_id", "r"), *counts)
        .from_(_seen(read_catalog(lake), actor, params))
        .where(exp.GTE(this=started.copy(), expression=bounds[0].copy()))
        .where(column("state", "r").isin(exp.Literal.string("done"), exp.Literal.string("failed")))
        .group_by(column("flow_id", "r"))
    )
    rows = lake.read(text(select), used(select, params)).rows()
    return {flow: tuple(int(count) for count in counted) for flow, *counted in rows}


def _between(value: exp.Expr, begin: exp.Expr, end: exp.Expr | None) -> exp.Expr:
    later = exp.GTE(this=value.copy(), expression=begin.copy())
    return later if end is None else exp.and_(later, exp.LT(this=value.copy(), expression=end.copy()))


def _seen(catalog: Catalog, actor: Actor, params: Params, *, at: int | None = None) -> exp.Expr:
    """The runs of records that the actor may see; a run of no record is for administrators."""
    runs = lake_table("flow_runs", schema="ops", alias="r", at=at)
    if actor.sees_all:
        return runs
    relations = Relations(catalog, actor, params)
    ways: list[exp.Expr] = []
    for module in catalog.modules:
        ids = exp.select(column("id", "m")).from_(relations.visible(module, "m", columns=("id",)))
        ways.append(
            exp.and_(column("module", "r").eq(params.bind(module)), column("record_id", "r").isin(query=ids))
        )
    return exp.select("*").from_(runs).where(any_of(ways)).subquery("r")


def _run(row: dict[str, Any], actor: Actor) -> Run:
    trace = None if row["trace"] is None else tuple(_leaf(leaf, actor) for leaf in json.loads(row["trace"]))
    error = row["error"]
    if error and not actor.sees_all:
        # The words may quote a value of a related record that this reader may not see.
        error = f"step {(row['failed_step'] or 0) + 1} failed; an administrator can see why"
    return Run(**{**row, "chain": tuple(row["chain"] or ()), "trace": trace, "error": error})


def _leaf(leaf: dict[str, Any], actor: Actor) -> TraceLeaf:
    if "." in leaf["field"] and not actor.sees_all:
        return TraceLeaf(leaf["field"], leaf["op"], leaf["value"], None, None, hidden=True)
    return TraceLeaf(**leaf)
