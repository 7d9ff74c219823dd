"""Runs staged for a window: one for each flow that a change set off and whose condition held."""

from collections.abc import Sequence
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import column, text
from flows.active import ActiveFlow
from flows.compiler import ROW, Compiled, change_scope, compile_flows, trace_tree
from flows.cycles import DEPTH_LIMIT
from flows.staging import Window, matched_table, rows_view
from flows.statements import Runner, create_temp, empty_table_sql, run, temp, used
from lake import Session, ident
from lake.errors import StatementError

RUNS = "flow_runs_staged"
FAILURES = "flow_failures"
TRACED = 1000
"""Runs of one flow and window whose trace is stored; those of the others are made again from history when asked."""
MISSES = 5
"""Changes a flow and window whose trigger fired but whose condition did not hold, kept with their trace."""

RUN_COLUMNS = {
    "id": "UUID", "place": "INTEGER", "flow": "VARCHAR", "flow_id": "VARCHAR", "flow_version": "INTEGER",
    "module": "VARCHAR", "record_id": "UUID", "event": "VARCHAR", "snapshot": "BIGINT", "change_id": "UUID",
    "load_id": "UUID", "state": "VARCHAR", "depth": "INTEGER", "chain": "VARCHAR[]", "occurred": "TIMESTAMPTZ",
    "error": "VARCHAR", "failed_step": "INTEGER", "trace": "JSON",
}  # fmt: skip


def begin_runs(session: Session) -> None:
    """Empty tables for the runs of a window and what fails in them."""
    session.execute(empty_table_sql(RUNS, RUN_COLUMNS))
    session.execute(empty_table_sql(FAILURES, {"run": "UUID", "step": "INTEGER", "error": "VARCHAR"}))


def stage_runs(
    session: Session, catalog: Catalog, module: str, flows: Sequence[ActiveFlow], window: Window
) -> int:
    """Find which flows the prepared changes of a module set off, and stage a run for each; returns how many.

    A flow that cannot be compiled any more, or whose statement fails, gets one failed run and harms no other.
    """
    hits = f"flow_hits__{module}"
    compiled = _compile_hits(session, catalog, module, flows, window, hits)
    for flow, reason in compiled.broken:
        _stage_broken(session, module, flow, window, reason)
    for place, flow in enumerate(compiled.flows):
        _stage_matches(session, module, flow, place, hits)
    _stop_chains(session)
    _keep_matched(session, module)
    for place, flow in enumerate(compiled.flows):
        _stage_traces(session, catalog, module, flow, place, window, hits)
    return int(session.read(f"SELECT count(*) AS n FROM {ident(RUNS)} WHERE module = ?", [module])["n"][0])


def _compile_hits(
    session: Session, catalog: Catalog, module: str, flows: Sequence[ActiveFlow], window: Window, hits: str
) -> Compiled:
    def attempt(some: Sequence[ActiveFlow]) -> Compiled:
        compiled = compile_flows(
            catalog, module, some, relation=rows_view(module), at=window.at, now=window.now
        )
        run(session, create_temp(hits, compiled.tree), compiled.params)
        return compiled

    try:
        return attempt(flows)
    except StatementError as error:
        if len(flows) == 1:
            nothing = attempt(())
            return Compiled(nothing.tree, nothing.params, (), ((flows[0], str(error)),))
    sound, broken = [], []
    for flow in flows:
        try:
            attempt((flow,))
            sound.append(flow)
        except StatementError as error:
            broken.append((flow, str(error)))
    compiled = attempt(sound)
    return Compiled(compiled.tree, compiled.params, compiled.flows, (*compiled.broken, *broken))


def _stage_broken(session: Session, module: str, flow: ActiveFlow, window: Window, reason: str) -> None:
    session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT uuidv7() AS id, $place AS place, $flow AS flow, "
        "$flow_id AS flow_id, $version AS flow_version, $module AS module, $event AS event, $snapshot AS snapshot, "
        "'failed' AS state, 0 AS depth, [$flow] AS chain, $now AS occurred, $reason AS error",
        {
            "place": -1, "flow": flow.slug, "flow_id": flow.id, "version": flow.version, "module": module,
            "event": flow.definition.trigger.event, "snapshot": window.until, "now": window.now, "reason": reason,
        },
    )  # fmt: skip


def _stage_matches(session: Session, module: str, flow: ActiveFlow, place: int, hits: str) -> None:
    _insert_runs(session, module, flow, hits, f"{ident(f'_m{place}')}", "done")
    missed = f"{ident(f'_t{place}')} AND NOT {ident(f'_m{place}')}"
    _insert_runs(session, module, flow, hits, missed, "not_matched", limit=MISSES)


def _insert_runs(
    session: Session,
    module: str,
    flow: ActiveFlow,
    hits: str,
    where: str,
    state: str,
    limit: int | None = None,
) -> None:
    some = "" if limit is None else f" ORDER BY _snapshot DESC, _id LIMIT {limit}"
    session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT uuidv7() AS id, $place AS place, $flow AS flow, "
        "$flow_id AS flow_id, $version AS flow_version, $module AS module, _id AS record_id, _event AS event, "
        "_snapshot AS snapshot, _change AS change_id, _load AS load_id, $state AS state, _depth + 1 AS depth, "
        "list_append(_chain, $flow) AS chain, _occurred AS occurred "
        f"FROM (SELECT * FROM {ident(hits)} WHERE {where}{some})",
        {
            "place": flow.order, "flow": flow.slug, "flow_id": flow.id, "version": flow.version,
            "module": module, "state": state,
        },
    )  # fmt: skip


def _stop_chains(session: Session) -> None:
    session.execute(
        f"UPDATE {ident(RUNS)} SET state = 'failed', failed_step = 0, "
        "error = 'the chain ' || array_to_string(chain, ' → ') || ' was stopped: flows may set each other off '"
        f" || '{DEPTH_LIMIT} times in a row' WHERE state = 'done' AND depth > {DEPTH_LIMIT}"
    )


def _keep_matched(session: Session, module: str) -> None:
    """The changes that runs stand for, with all their values: what conditions and actions read from here on."""
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(matched_table(module))} AS SELECT * FROM {ident(rows_view(module))} f "
        f"SEMI JOIN (SELECT record_id, snapshot FROM {ident(RUNS)} WHERE module = ?) r "
        "ON r.record_id = f._id AND r.snapshot = f._snapshot",
        [module],
    )


def _stage_traces(
    session: Session, catalog: Catalog, module: str, flow: ActiveFlow, place: int, window: Window, hits: str
) -> None:
    """For each leaf of the condition whether it held and what it saw, for so many runs as are kept."""
    params = Params("t")
    scope = change_scope(catalog, module, params=params, at=window.at, now=window.now)
    traced = (
        exp.select(column("id", "r").as_("run"), trace_tree(flow.definition.when, scope).as_("trace"))
        .from_(temp(matched_table(module), ROW))
        .join(
            exp.select(column("id"), column("record_id"), column("snapshot"))
            .from_(temp(RUNS))
            .where(column("flow_id").eq(params.bind(flow.id)), column("module").eq(params.bind(module)))
            .order_by(exp.Ordered(this=column("snapshot"), desc=True), column("id"))
            .limit(TRACED)
            .subquery("r"),
            on=exp.and_(
                column("record_id", "r").eq(column("_id", ROW)),
                column("snapshot", "r").eq(column("_snapshot", ROW)),
            ),
        )
    )
    session.execute(
        f"UPDATE {ident(RUNS)} SET trace = t.trace FROM ({text(traced)}) t WHERE t.run = {ident(RUNS)}.id",
        used(traced, params),
    )


def fail_runs(session: Runner) -> None:
    """Let the runs fail that stand among the failures: at their first failing step, with what was wrong there."""
    session.execute(
        f"UPDATE {ident(RUNS)} SET state = 'failed', failed_step = f.step, error = f.error FROM ("
        "SELECT run, min(step) AS step, string_agg(DISTINCT error, '; ' ORDER BY error) "
        f"FILTER (WHERE step = first) AS error FROM (SELECT *, min(step) OVER (PARTITION BY run) AS first "
        f"FROM {ident(FAILURES)}) GROUP BY run) f WHERE f.run = {ident(RUNS)}.id"
    )
