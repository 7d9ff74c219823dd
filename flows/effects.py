"""Effects staged for a window: what the runs want written, step by step, typed and judged, still in temp tables."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from crm_core.directory import Directory
from crm_core.model import Catalog
from crm_core.values import Typed, normalise
from flows.cycles import DEPTH_LIMIT
from flows.planning import CompiledEffects, StagedEffect, compile_effects
from flows.runs import FAILURES, RUNS, fail_runs
from flows.segments import Segment
from flows.sides import rows_of
from flows.spawning import SPAWNS
from flows.staging import Window, pick, stage_records
from flows.statements import empty_table_sql
from flows.step_rows import INSERT_META, UPDATE_META, side_columns
from flows.waits import WAITS
from lake import Session, Transaction, ident
from lake.errors import StatementError

CALLED = "called"
"""The event of runs that other runs began."""

_DONE = "state = 'done'"


@dataclass(frozen=True)
class Effects:
    """The typed effects of a window: by module, updates of records and new records; the kinds of side rows.

    `seconds` is how long each step of each flow took for all its runs together.
    """

    updates: Mapping[str, Typed] = field(default_factory=dict)
    inserts: Mapping[str, Typed] = field(default_factory=dict)
    sides: tuple[str, ...] = ()
    seconds: Mapping[tuple[str, int], float] = field(default_factory=dict)


def stage_effects(
    session: Session | Transaction,
    catalog: Catalog,
    directory: Directory,
    segments: Sequence[Segment],
    window: Window,
    *,
    now_there: bool = False,
) -> Effects:
    """Stage what every run of the window wants, in the order of its steps, and judge each value by itself.

    What cannot be compiled, computed or read as what its field is makes the run fail at that step; the steps before
    it stand. Runs that steps begin on other records are worked out in rounds of their own.

    Args:
        session: where it is staged.
        catalog: the definitions.
        directory: who there is.
        segments: where the staged runs begin.
        window: the snapshots; related records are read as of its `at`.
        now_there: whether records that are called are read as the open transaction sees them.
    """
    first = _compiled(catalog, segments, window, spawns=False)
    later = _begun(catalog, first, window)
    every = [*first, *later]
    updates = _tables(session, "flow_updates__", UPDATE_META, [one.updates for one in every])
    inserts = _tables(session, "flow_inserts__", INSERT_META, [one.inserts for one in every])
    sides = tuple(dict.fromkeys(kind for one in every for kind in one.sides))
    for kind in sides:
        session.execute(empty_table_sql(rows_of(kind), side_columns(kind)))
    seconds: dict[tuple[str, int], float] = {}
    for one in first:
        _stage_round(session, one, window, 0, seconds)
    for round_ in range(1, DEPTH_LIMIT + 2):
        if SPAWNS not in sides or not _begin(session, catalog, round_, window, now_there=now_there):
            break
        for one in later:
            _stage_round(session, one, window, round_, seconds)
    if WAITS in sides:
        _fail_endless(session)
    return Effects(
        {module: _typed(session, catalog, directory, module, raw) for module, raw in updates.items()},
        {
            module: _typed(session, catalog, directory, module, raw, "t._skip IS NULL")
            for module, raw in inserts.items()
        },
        sides,
        seconds,
    )


def _compiled(
    catalog: Catalog, segments: Sequence[Segment], window: Window, *, spawns: bool
) -> list[CompiledEffects]:
    modules = dict.fromkeys(segment.module for segment in segments)
    return [
        compile_effects(
            catalog, module, [one for one in segments if one.module == module], now=window.now, spawns=spawns
        )
        for module in modules
    ]


def _begun(catalog: Catalog, first: Sequence[CompiledEffects], window: Window) -> list[CompiledEffects]:
    """What the runs may begin, what those may begin, and so on, each once."""
    known: dict[tuple[str, int, int, str], Segment] = {}
    waiting = [segment for one in first for segment in one.spawned]
    while waiting:
        fresh = [segment for segment in waiting if segment.key not in known]
        known |= {segment.key: segment for segment in fresh}
        waiting = [begun for one in _compiled(catalog, fresh, window, spawns=True) for begun in one.spawned]
    return _compiled(catalog, list(known.values()), window, spawns=True)


def _tables(
    session: Session | Transaction,
    prefix: str,
    meta: Mapping[str, str],
    parts: Sequence[Mapping[str, Mapping[str, str]]],
) -> dict[str, str]:
    """Make an empty temp table for each module that is written, with every column that any flow touches."""
    columns: dict[str, dict[str, str]] = {}
    for part in parts:
        for module, touched in part.items():
            columns.setdefault(module, dict(meta)).update(touched)
    for module, kinds in columns.items():
        session.execute(empty_table_sql(f"{prefix}{module}", kinds))
    return {module: f"{prefix}{module}" for module in columns}


def _stage_round(
    session: Session | Transaction,
    one: CompiledEffects,
    window: Window,
    round_: int,
    seconds: dict[tuple[str, int], float],
) -> None:
    pick(
        session,
        one.module,
        f"SELECT record_id, snapshot, event FROM {ident(RUNS)} WHERE module = ? AND round = ? AND {_DONE}",
        [one.module, round_],
    )
    one.matched.execute(session, at=window.at)
    for _, statement in one.conditions:
        statement.execute(session, at=window.at, round=round_)
    for _, reason, failing in one.broken:
        failing.execute(session, reason=reason, round=round_)
    for effect in one.effects:
        began = time.monotonic()
        _run_effect(session, effect, round_)
        step = (effect.segment.flow.id, effect.step)
        seconds[step] = seconds.get(step, 0.0) + time.monotonic() - began


def _run_effect(session: Session | Transaction, effect: StagedEffect, round_: int) -> None:
    """One row a run of the flow. When the statement fails for the values of some record, all its runs fail here."""
    try:
        effect.statement.execute(session, round=round_)
    except StatementError as error:
        effect.failing.execute(session, reason=str(error), round=round_)


def _begin(
    session: Session | Transaction, catalog: Catalog, round_: int, window: Window, *, now_there: bool
) -> int:
    """Stage the runs that the last round's steps begin, and the records they see; returns how many."""
    fail_runs(session)
    chain = "list_append(r.chain, s.flow)"
    too_deep = f"r.depth >= {DEPTH_LIMIT}"
    count = session.execute(
        f"INSERT INTO {ident(RUNS)} BY NAME SELECT uuidv7() AS id, s.flow_order AS place, s.flow, s.flow_id, "
        "s.flow_version, s.module, t.target AS record_id, $event AS event, $until AS snapshot, r.id AS change_id, "
        f"r.load_id, CASE WHEN {too_deep} THEN 'failed' ELSE 'done' END AS state, r.depth + 1 AS depth, "
        f"{chain} AS chain, r.occurred, CASE WHEN {too_deep} THEN 0 END AS failed_step, "
        f"CASE WHEN {too_deep} THEN 'the chain ' || array_to_string({chain}, ' → ') || ' was stopped: flows may "
        f"set each other off {DEPTH_LIMIT} times in a row' END AS error, s.start, $round AS round, r.id AS parent, "
        f"s._step AS parent_step FROM {ident(rows_of(SPAWNS))} s "
        f"JOIN {ident(RUNS)} r ON r.id = s._run AND r.round = $round - 1 AND r.state = 'done', "
        "(SELECT unnest(s.targets) AS target) t WHERE t.target IS NOT NULL",
        {"event": CALLED, "until": window.until, "round": round_},
    )
    if not count:
        return 0
    modules = session.read(f"SELECT DISTINCT module FROM {ident(RUNS)} WHERE round = ? AND {_DONE}", [round_])
    for module in modules["module"]:
        ids = session.read(
            f"SELECT DISTINCT CAST(record_id AS VARCHAR) AS id FROM {ident(RUNS)} WHERE module = ? AND round = ?",
            [module, round_],
        )
        stage_records(
            session,
            catalog,
            module,
            ids=ids["id"].to_list(),
            window=window,
            event=CALLED,
            now_there=now_there,
        )
        leave_missing(session, module, round_)
    return count


def leave_missing(session: Session | Transaction, module: str, round_: int) -> int:
    """Take out the runs whose record is not there, after records were staged; returns how many."""
    return session.execute(
        f"DELETE FROM {ident(RUNS)} WHERE module = ? AND round = ? AND record_id NOT IN "
        f"(SELECT _id FROM {ident(f'flow_meta__{module}')})",
        [module, round_],
    )


def _fail_endless(session: Session | Transaction) -> None:
    session.execute(
        f"INSERT INTO {ident(FAILURES)} SELECT _run, _step, 'the date to wait for is missing: set it, then retry' "
        f"FROM {ident(rows_of(WAITS))} WHERE due_at IS NULL"
    )


def _typed(
    session: Session | Transaction,
    catalog: Catalog,
    directory: Directory,
    module: str,
    raw: str,
    counts: str = "true",
) -> Typed:
    """The staged values as what their fields are; whatever is none makes its run fail."""
    typed = normalise(
        session,
        catalog,
        module=module,
        directory=directory,
        staged=raw,
        typed=f"{raw}__typed",
        problems=f"{raw}__problems",
    )
    session.execute(
        f"INSERT INTO {ident(FAILURES)} SELECT t._run, t._step, p.field || ': ' || p.message "
        f"FROM {ident(typed.problems)} p JOIN {ident(typed.table)} t ON t._row = p._row WHERE {counts}"
    )
    return typed
