"""What the matches of a backtest would have come to: their steps worked out as of each commit, and counted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from crm_core.model import Catalog
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.values import Typed
from flows.actions import Action
from flows.active import ActiveFlow
from flows.commit import Prepared, prepare
from flows.compiler import flow_reads_the_clock
from flows.cycles import DEPTH_LIMIT
from flows.past import stage_past
from flows.past_clock import stage_clock_records
from flows.past_questions import MATCHES
from flows.past_span import Progress, Span
from flows.runs import RUNS, begin_runs
from flows.sides import SIDES, rows_of
from flows.staging import Window, pick, picked_view
from flows.steps import Branch, Call, ForEach, Wait
from flows.triggers import OF_THE_CLOCK
from flows.window import Staged, finish_staging
from lake import Lake, Session, ident, table

EFFECTS = "flow_past_effects"
OUTCOMES = "flow_past_outcomes"
"""The temp tables of what each match's steps would have done, and what became of each match."""

MOST_MATCHES = 100_000
"""Matches whose steps are worked out at most; of more, so many are drawn by lot."""

MOST_PARTS = 40
"""Parts of the span at most for which the steps read related records as of their end."""

_CHOSEN = "flow_past_chosen"
_ONLY = "flow_past_records"
_MOMENTS = "flow_past_moments"
_SEEN = "flow_past_seen"
_BEFORE = "flow_past_before"
_CHANGES = "flow_past_changes"
_EFFECT_COLUMNS = (
    "run UUID, record_id UUID, snapshot BIGINT, step INTEGER, action VARCHAR, module VARCHAR, target UUID, "
    "outcome VARCHAR, detail VARCHAR, values JSON"
)
_OUTCOME_COLUMNS = (
    "run UUID, record_id UUID, snapshot BIGINT, event VARCHAR, occurred TIMESTAMPTZ, sampled BOOLEAN, "
    "state VARCHAR, error VARCHAR"
)


@dataclass(frozen=True)
class Worked:
    """How many matches were worked out, and what of that is less than exact, in words."""

    matches: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """The keys of the chosen matches that are worked out together."""

    first: int
    last: int


def work_out(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    *,
    sample: int,
    progress: Progress | None = None,
) -> Worked:
    """Work out the steps of the staged matches into `EFFECTS` and `OUTCOMES`, without writing anything of the lake.

    Each record is seen as its commit left it. `sample` of the matches are marked in `OUTCOMES`, spread by lot.
    """
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(EFFECTS)} ({_EFFECT_COLUMNS})")
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(OUTCOMES)} ({_OUTCOME_COLUMNS})")
    chosen = _choose(session, flow, sample)
    if not chosen:
        return Worked(0, ())
    parts, coarse = _parts(session, catalog, flow)
    for number, part in enumerate(parts, start=1):
        _work_part(session, lake, catalog, flow, part)
        if progress is not None:
            progress("working out", number, len(parts))
    return Worked(chosen, tuple(_notes(flow, chosen, coarse)))


def _choose(session: Session, flow: ActiveFlow, sample: int) -> int:
    """Choose the matches; `_key` says which of a record's matches is which, and stands for the snapshot of its run.

    A flow of the clock may match a record many times while nothing is committed.
    """
    lot = "row_number() OVER (ORDER BY hash(_id, _snapshot, _occurred), _id, _snapshot, _occurred)"
    key = "dense_rank() OVER (ORDER BY _occurred)" if _by_clock(flow) else "_snapshot"
    return session.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(_CHOSEN)} AS SELECT *, uuidv7() AS run, lot <= {int(sample)} AS sampled, "
        f"CAST({key} AS BIGINT) AS _key FROM (SELECT *, {lot} AS lot FROM {ident(MATCHES)}) WHERE lot <= {MOST_MATCHES}"
    )


def _parts(session: Session, catalog: Catalog, flow: ActiveFlow) -> tuple[list[_Part], bool]:
    """What is worked out together: everything, or each commit alone where related records are read.

    Moments at which the lake held the same are worked out together too, unless a step asks what time it is.
    """
    same = "_key" if _by_clock(flow) and flow_reads_the_clock(flow.definition) else "_snapshot"
    found = session.read(
        f"SELECT min(_key) AS first, max(_key) AS last FROM {ident(_CHOSEN)} GROUP BY {same} ORDER BY 1"
    )
    units = [_Part(*row) for row in found.iter_rows()]
    if not reads_others(catalog, flow):
        return [_Part(units[0].first, units[-1].last)], False
    size = -(-len(units) // MOST_PARTS)
    runs = [units[first : first + size] for first in range(0, len(units), size)]
    return [_Part(some[0].first, some[-1].last) for some in runs], size > 1


def _by_clock(flow: ActiveFlow) -> bool:
    return flow.definition.trigger.event in OF_THE_CLOCK


def reads_others(catalog: Catalog, flow: ActiveFlow) -> bool:
    """Whether the steps of a flow read more than its record: related ones, or the consent of an address."""
    module = flow.definition.module
    for one in flow.definition.steps:
        if isinstance(one.step, (Branch, Call, ForEach)):
            return True
        if isinstance(one.step, Action):
            writes = one.step.writes(catalog, module)
            if any(write.module == "communications" for write in writes):
                return True
            if any("." in path for path in one.step.reads(catalog, module)):
                return True
    return False


def _work_part(session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, part: _Part) -> None:
    """Work out the matches of some commits. What steps begin on other records sees those as of the last of them."""
    module, mine = (
        flow.definition.module,
        f"FROM {ident(_CHOSEN)} WHERE _key BETWEEN {part.first} AND {part.last}",
    )
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(_ONLY)} AS SELECT DISTINCT _id {mine}")
    first, last, now = session.read(f"SELECT min(_snapshot), max(_snapshot), max(_occurred) {mine}").row(0)
    window = Window(first - 1, last, last, now)
    if _by_clock(flow):
        session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(_MOMENTS)} AS SELECT * {mine}")
        span = Span(first, last)
        stage_clock_records(session, lake, catalog, flow, span, moments=_MOMENTS, only=_ONLY)
    else:
        stage_past(session, lake, catalog, flow, window, only=_ONLY)
    begin_runs(session)
    count = _insert_runs(session, flow, mine)
    pick(session, module, f"SELECT record_id, snapshot, event FROM {ident(RUNS)}", ())
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(_SEEN)} AS FROM {ident(picked_view(module))}")
    staged = finish_staging(
        session, lake, catalog, [flow], window, changes=count, started_at=datetime.now(UTC)
    )
    _note(session, prepare(session, staged))


def _insert_runs(session: Session, flow: ActiveFlow, mine: str) -> int:
    too_deep = f"_depth >= {DEPTH_LIMIT}"
    return session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT run AS id, $place AS place, $flow AS flow, $id AS flow_id, "
        "$version AS flow_version, $module AS module, _id AS record_id, _event AS event, _key AS snapshot, "
        "_change AS change_id, _load AS load_id, _depth + 1 AS depth, list_append(_chain, $flow) AS chain, "
        f"_occurred AS occurred, CASE WHEN {too_deep} THEN 'failed' ELSE 'done' END AS state, "
        f"CASE WHEN {too_deep} THEN 0 END AS failed_step, CASE WHEN {too_deep} THEN "
        f"'flows may set each other off {DEPTH_LIMIT} times in a row' END AS error {mine}",
        {
            "place": flow.order, "flow": flow.slug, "id": flow.id, "version": flow.version,
            "module": flow.definition.module,
        },
    )  # fmt: skip


_ROOTS = "flow_past_roots"
_STANDS = "(r.state = 'done' OR (r.state = 'failed' AND t._step < coalesce(r.failed_step, 0)))"


def _note(session: Session, prepared: Prepared) -> None:
    """Keep what the part came to: every step of every run, and what was begun by others with the match it began at."""
    effects = prepared.staged.effects
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(_ROOTS)} AS WITH RECURSIVE up AS (SELECT id AS run, id AS root FROM "
        f"{ident(RUNS)} WHERE parent IS NULL UNION ALL SELECT r.id, up.root FROM {ident(RUNS)} r "
        "JOIN up ON up.run = r.parent) SELECT * FROM up"
    )
    for module, ready in prepared.inserts.items():
        sent = "CASE WHEN t._recipient IS NOT NULL THEN 'sent' ELSE 'created' END"
        made = f"CASE WHEN t._skip IS NOT NULL THEN 'skipped' ELSE {sent} END"
        _keep(session, ready.table, module=module, target="t.id", outcome=made, detail="coalesce(t._skip, t._note)",
              values=_made_values(list(prepared.staged.catalog.columns(module))))  # fmt: skip
    for module, typed in effects.updates.items():
        _keep_updates(session, prepared.staged, module, typed)
    for kind in effects.sides:
        side = SIDES[kind]
        outcome = f"CASE WHEN t._skip IS NULL THEN '{side.outcome}' ELSE 'skipped' END"
        detail = (
            "t._skip"
            if side.detail is None
            else f"coalesce(t._skip, CAST(t.{ident(side.detail)} AS VARCHAR))"
        )
        _keep(session, rows_of(kind), module="", target="NULL", outcome=outcome, detail=detail,
              values="NULL")  # fmt: skip
    session.execute(
        f"INSERT INTO {ident(OUTCOMES)} BY NAME SELECT r.record_id, c._snapshot AS snapshot, r.event, r.occurred, "
        f"r.id AS run, c.sampled, r.state, r.error FROM {ident(RUNS)} r JOIN {ident(_CHOSEN)} c ON c.run = r.id"
    )


def _keep(
    session: Session, rows: str, *, module: str, target: str, outcome: str, detail: str, values: str
) -> None:
    """Keep the staged rows of runs that stand, with the values of those that are samples."""
    session.execute(
        f"INSERT INTO {ident(EFFECTS)} BY NAME SELECT u.root AS run, c._id AS record_id, c._snapshot AS snapshot, "
        "t._step AS step, t._action AS action, coalesce(nullif($module, ''), r.module) AS module, "
        f"{target} AS target, {outcome} AS outcome, {detail} AS detail, "
        f"CASE WHEN c.sampled THEN {values} END AS values "
        f"FROM {ident(rows)} t JOIN {ident(RUNS)} r ON r.id = t._run JOIN {ident(_ROOTS)} u ON u.run = r.id "
        f"JOIN {ident(_CHOSEN)} c ON c.run = u.root WHERE {_STANDS}",
        {"module": module},
    )


def _keep_updates(session: Session, staged: Staged, module: str, typed: Typed) -> None:
    """What steps set, add and take away, against the record as its commit left it."""
    _find_before(session, staged, module, list(typed.columns), typed.table)
    there = set(session.read(f"DESCRIBE {ident(typed.table)}")["column_name"])
    news = {one: _new_value(one, kind, f"_remove__{one}" in there) for one, kind in typed.columns.items()}
    entries = ", ".join(
        f"CASE WHEN {new} IS DISTINCT FROM b.{ident(one)} THEN json_object('field', {_text(one)}, "
        f"'old', to_json(b.{ident(one)}), 'new', to_json({new})) END"
        for one, new in news.items()
    )
    changed = f"list_filter(CAST([{entries}] AS JSON[]), lambda x: x IS NOT NULL)"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(_CHANGES)} AS SELECT t._run, t._step, t._action, t._record, "
        f"b._id IS NULL AS gone, {changed} AS changed FROM {ident(typed.table)} t "
        f"JOIN {ident(RUNS)} r ON r.id = t._run LEFT JOIN {ident(_BEFORE)} b ON b._id = t._record "
        "AND b._at IS NOT DISTINCT FROM CASE WHEN r.round = 0 THEN r.snapshot END"
    )
    outcome = "CASE WHEN t.gone THEN 'skipped' WHEN len(t.changed) > 0 THEN 'changed' ELSE 'unchanged' END"
    detail = "CASE WHEN t.gone THEN 'the record is not there any more' END"
    _keep(session, _CHANGES, module=module, target="t._record", outcome=outcome, detail=detail,
          values="to_json(t.changed)")  # fmt: skip


def _find_before(session: Session, staged: Staged, module: str, columns: Sequence[str], rows: str) -> None:
    """The records that are written, as their commits left them; what other runs began is seen as of the part's end."""
    named = ", ".join(ident(one) for one in columns)
    parts = []
    if staged.flows[0].definition.module == module:
        parts.append(f"SELECT _id, _snapshot AS _at, {named} FROM {ident(_SEEN)}")
    others = f"SELECT t._record FROM {ident(rows)} t JOIN {ident(RUNS)} r ON r.id = t._run WHERE r.round > 0"
    if not parts or session.read(f"SELECT count(*) AS n FROM ({others})")["n"][0]:
        parts.append(
            f"SELECT id AS _id, NULL::BIGINT AS _at, {named} FROM {table('crm', module)} "
            f"AT (VERSION => {staged.window.until}) WHERE id IN ({others})"
        )
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(_BEFORE)} AS {' UNION ALL '.join(parts)}")


def _new_value(one: str, kind: str, removes: bool) -> str:
    """What a step makes of a column: what it sets, else the members it adds and takes away."""
    here, old = f"t.{ident(one)}", f"b.{ident(one)}"
    kept = old
    if kind.endswith("[]"):
        taken = f"coalesce(t.{ident('_remove__' + one)}, [])" if removes else "[]"
        stays = f"list_filter(coalesce({old}, []), lambda x: NOT list_contains({taken}, x))"
        fresh = f"list_filter(coalesce({here}, []), lambda x: NOT list_contains(coalesce({old}, []), x))"
        kept = (
            f"CASE WHEN list_contains(t._add, {_text(one)}) THEN list_concat({stays}, {fresh}) "
            f"WHEN list_contains(t._remove, {_text(one)}) THEN {stays} ELSE {old} END"
        )
    return f"CAST(CASE WHEN list_contains(t._set, {_text(one)}) THEN {here} ELSE {kept} END AS {kind})"


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")


def _made_values(columns: Sequence[str]) -> str:
    """What a new record has, but for what every record has."""
    entries = ", ".join(
        f"CASE WHEN t.{ident(one)} IS NOT NULL "
        f"THEN json_object('field', {_text(one)}, 'new', to_json(t.{ident(one)})) END"
        for one in columns
        if one not in SYSTEM_COLUMNS
    )
    return f"to_json(list_filter(CAST([{entries}] AS JSON[]), lambda x: x IS NOT NULL))"


def _notes(flow: ActiveFlow, chosen: int, coarse: bool) -> Iterator[str]:
    if chosen >= MOST_MATCHES:
        yield f"What would have been done was worked out for {MOST_MATCHES:,} of the matches, drawn by lot."
    if coarse:
        yield f"Steps read related records as of {MOST_PARTS} moments of the span at most, not of every change."
    if any(isinstance(one.step, Wait) for one in flow.definition.steps):
        yield "What stands behind a wait was not worked out."
