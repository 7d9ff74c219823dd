"""Runs staged for a window: one for each flow that a change set off and whose condition held."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from crm_core.errors import CrmError
from crm_core.model import Catalog
from crm_core.params import Params
from flows.active import ActiveFlow
from flows.compiler import ROW, Compiled, change_scope, compile_flows, trigger_tree
from flows.cycles import DEPTH_LIMIT
from flows.staging import Window, pick, picked_view, rows_view
from flows.statements import Runner, empty_table_sql, read, temp
from lake import Session, Transaction, ident
from lake.errors import StatementError

RUNS = "flow_runs_staged"
FAILURES = "flow_failures"
TRACED = 1000
"""Changes of a window up to which everything is traced, also what did not match; of a larger one so many runs."""
MISSES = 5
"""Changes whose trigger fired but whose condition did not hold, kept of a larger window for each flow."""

RUN_COLUMNS = {
    "id": "UUID", "place": "INTEGER", "flow": "VARCHAR", "flow_id": "VARCHAR", "flow_version": "INTEGER",
    "module": "VARCHAR", "record_id": "UUID", "event": "VARCHAR", "snapshot": "BIGINT", "change_id": "UUID",
    "load_id": "UUID", "state": "VARCHAR", "depth": "INTEGER", "chain": "VARCHAR[]", "occurred": "TIMESTAMPTZ",
    "error": "VARCHAR", "failed_step": "INTEGER", "trace": "JSON", "run_id": "UUID", "start": "VARCHAR",
    "round": "INTEGER", "parent": "UUID", "parent_step": "INTEGER", "timer": "UUID", "attempt": "INTEGER",
    "expects": "VARCHAR",
}  # fmt: skip
"""`run_id` is the run that is gone on with, NULL for one that begins; `start` is where its segment begins (see
`flows.segments`). Runs that others began stand in later rounds. `timer` is the one that is done with, and
`expects` the state that the stored run must still have."""


def begin_runs(session: Session | Transaction) -> None:
    """Empty tables for the runs of a window and what fails in them."""
    session.execute(
        empty_table_sql(RUNS, RUN_COLUMNS, defaults={"start": "''", "round": "0", "attempt": "1"})
    )
    session.execute(empty_table_sql(FAILURES, {"run": "UUID", "step": "INTEGER", "error": "VARCHAR"}))


def stage_runs(
    session: Session | Transaction,
    catalog: Catalog,
    module: str,
    flows: Sequence[ActiveFlow],
    window: Window,
    *,
    changes: int,
    by_hand: bool = False,
) -> int:
    """Find which flows the prepared changes of a module set off, and stage a run for each; returns how many.

    A flow that cannot be compiled any more, or whose statement fails, gets one failed run and harms no other. Started
    by hand, flows are not asked what they wait for.
    """
    if not flows:
        return 0
    hits, traced = f"flow_hits__{module}", changes <= TRACED
    compiled = _hit(session, catalog, module, flows, window, hits, by_hand=by_hand, traced=traced)
    broken = [
        one for one in compiled.broken if by_hand or _is_set_off(session, catalog, module, one[0], window)
    ]
    for flow, reason in broken:
        stage_broken(session, module, flow, window, reason)
    misses = None if by_hand or traced else MISSES
    staged = _insert_runs(session, module, compiled.flows, hits, traced=traced, misses=misses)
    if staged and not traced:
        _trace_some(session, catalog, module, compiled.flows, window, by_hand=by_hand)
    return staged + len(broken)


def _is_set_off(
    session: Session | Transaction, catalog: Catalog, module: str, flow: ActiveFlow, window: Window
) -> bool:
    """Whether a flow that cannot be compiled waits for any of the changes; when even that cannot be asked, it does."""
    params = Params()
    scope = change_scope(catalog, module, params=params, at=window.at, now=window.now)
    try:
        changes = exp.select("1").from_(temp(rows_view(module), ROW)).where(trigger_tree(flow, scope))
        return bool(read(session, changes.limit(1), params).height)
    except (CrmError, StatementError):
        return True


def _hit(
    session: Session | Transaction,
    catalog: Catalog,
    module: str,
    flows: Sequence[ActiveFlow],
    window: Window,
    hits: str,
    *,
    by_hand: bool,
    traced: bool,
    relation: str | None = None,
) -> Compiled:
    """Ask every flow about every change in one statement; a flow for which it fails is left out and told."""

    def attempt(some: Sequence[ActiveFlow]) -> Compiled:
        compiled = compile_flows(
            catalog, module, some, relation=relation or rows_view(module), into=hits, now=window.now,
            by_hand=by_hand, traced=traced,
        )  # fmt: skip
        compiled.statement.execute(session, at=window.at)
        return compiled

    try:
        return attempt(flows)
    except StatementError:
        if not flows:
            raise
        sound, broken = _sorted_out(attempt, flows)
    compiled = attempt(sound)
    return Compiled(compiled.statement, compiled.flows, (*compiled.broken, *broken))


def _sorted_out(
    attempt: Callable[[Sequence[ActiveFlow]], Compiled], flows: Sequence[ActiveFlow]
) -> tuple[list[ActiveFlow], list[tuple[ActiveFlow, str]]]:
    sound: list[ActiveFlow] = []
    broken: list[tuple[ActiveFlow, str]] = []
    for flow in flows:
        try:
            attempt((flow,))
            sound.append(flow)
        except StatementError as error:
            broken.append((flow, str(error)))
    return sound, broken


def stage_broken(
    session: Session | Transaction, module: str, flow: ActiveFlow, window: Window, reason: str
) -> None:
    """Stage a failed run of a flow that cannot be asked any more, of no record."""
    session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT uuidv7() AS id, $place AS place, $flow AS flow, "
        "$flow_id AS flow_id, $version AS flow_version, $module AS module, $event AS event, $snapshot AS snapshot, "
        "'failed' AS state, 0 AS depth, [$flow] AS chain, $now AS occurred, $reason AS error",
        {
            "place": -1, "flow": flow.slug, "flow_id": flow.id, "version": flow.version, "module": module,
            "event": flow.definition.trigger.event, "snapshot": window.until, "now": window.now, "reason": reason,
        },
    )  # fmt: skip


def _insert_runs(
    session: Session | Transaction,
    module: str,
    flows: Sequence[ActiveFlow],
    hits: str,
    *,
    traced: bool,
    misses: int | None,
) -> int:
    """A run for every match, and for changes whose condition did not hold (`misses` at most); too deep ones fail."""
    if not flows:
        return 0
    some = "" if misses is None else f" LIMIT {misses}"
    parts: list[str] = []
    values: dict[str, object] = {"module": module}
    for place, flow in enumerate(flows):
        fired, held = ident(f"_t{place}"), ident(f"_m{place}")
        trace = f", {ident(f'_x{place}')} AS trace" if traced else ", NULL::JSON AS trace"
        who = f"{int(flow.order)} AS place, $f{place} AS flow, $i{place} AS flow_id, {int(flow.version)} AS version"
        values |= {f"f{place}": flow.slug, f"i{place}": flow.id}
        parts.append(f"SELECT *, {who}, 'done' AS state{trace} FROM {ident(hits)} WHERE {held}")
        parts.append(
            f"SELECT *, {who}, 'not_matched' AS state{trace} FROM (SELECT * FROM {ident(hits)} "
            f"WHERE {fired} AND NOT {held}{some})"
        )
    return session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT uuidv7() AS id, place, flow, flow_id, version AS flow_version, "
        "$module AS module, _id AS record_id, _event AS event, _snapshot AS snapshot, _change AS change_id, "
        "_load AS load_id, _depth + 1 AS depth, list_append(_chain, flow) AS chain, _occurred AS occurred, trace, "
        f"CASE WHEN state = 'done' AND _depth >= {DEPTH_LIMIT} THEN 'failed' ELSE state END AS state, "
        f"CASE WHEN state = 'done' AND _depth >= {DEPTH_LIMIT} THEN 0 END AS failed_step, "
        f"CASE WHEN state = 'done' AND _depth >= {DEPTH_LIMIT} THEN 'the chain ' || "
        "array_to_string(list_append(_chain, flow), ' → ') || ' was stopped: flows may set each other off "
        f"{DEPTH_LIMIT} times in a row' END AS error FROM ({' UNION ALL '.join(parts)})",
        values,
    )


def _trace_some(
    session: Session | Transaction,
    catalog: Catalog,
    module: str,
    flows: Sequence[ActiveFlow],
    window: Window,
    *,
    by_hand: bool,
) -> None:
    """Trace so many runs of each flow of a large window, and all that did not match."""
    sample, traces = f"flow_sample__{module}", f"flow_traces__{module}"
    some = (
        f"SELECT record_id, snapshot, event FROM {ident(RUNS)} WHERE module = ? QUALIFY row_number() OVER "
        f"(PARTITION BY flow_id, state ORDER BY snapshot DESC, record_id) <= {TRACED}"
    )
    pick(session, module, some, [module])
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(sample)} AS FROM {ident(picked_view(module))}")
    _hit(session, catalog, module, flows, window, traces, by_hand=by_hand, traced=True, relation=sample)
    for place, flow in enumerate(flows):
        session.execute(
            f"UPDATE {ident(RUNS)} SET trace = t.{ident(f'_x{place}')} FROM {ident(traces)} t "
            f"WHERE t._id = {ident(RUNS)}.record_id AND t._snapshot = {ident(RUNS)}.snapshot "
            f"AND t._event = {ident(RUNS)}.event AND {ident(RUNS)}.flow_id = ?",
            [flow.id],
        )


def deepest(session: Runner) -> int:
    """How many flows in a row led to the deepest of the staged runs that are to be done; 0 without any."""
    return int(
        session.read(f"SELECT coalesce(max(depth), 0) AS n FROM {ident(RUNS)} WHERE state = 'done'")["n"][0]
    )


def fail_runs(session: Runner) -> None:
    """Let the runs fail that stand among the failures: at their first failing step, with what was wrong there.

    What they began behind that step is not begun.
    """
    if not session.read(f"SELECT count(*) AS n FROM {ident(FAILURES)}")["n"][0]:
        return
    session.execute(
        f"UPDATE {ident(RUNS)} SET state = 'failed', failed_step = f.step, error = f.error FROM ("
        "SELECT run, min(step) AS step, string_agg(DISTINCT error, '; ' ORDER BY error) "
        f"FILTER (WHERE step = first) AS error FROM (SELECT *, min(step) OVER (PARTITION BY run) AS first "
        f"FROM {ident(FAILURES)}) GROUP BY run) f WHERE f.run = {ident(RUNS)}.id"
    )
    leave_unbegun(session)


def leave_unbegun(session: Runner) -> None:
    """Take out the runs whose beginner is not there any more, or failed before it began them."""
    while session.execute(
        f"DELETE FROM {ident(RUNS)} WHERE parent IS NOT NULL AND (parent NOT IN (SELECT id FROM {ident(RUNS)}) "
        f"OR parent IN (SELECT id FROM {ident(RUNS)} p WHERE p.state = 'failed' "
        f"AND {ident(RUNS)}.parent_step >= p.failed_step))"
    ):
        continue
