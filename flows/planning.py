"""Steps compiled: for the segments of a module, the statements that stage what their runs want written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.conditions import Scope, compile_condition
from crm_core.errors import CrmError
from crm_core.model import Catalog, Condition
from crm_core.params import Params
from crm_core.trees import all_of, column
from flows.actions import Action, Side, StepContext
from flows.actions.base import Plan
from flows.compiler import ROW, change_scope, flow_reads_the_clock
from flows.lookups import AT, Lookups, Statement, compile_statement
from flows.meanwhile import SEEN
from flows.runs import RUNS
from flows.segments import Broken, Reached, Segment, reached
from flows.spawning import spawn_side, spawned_by
from flows.staging import matched_table, picked_view
from flows.statements import create_temp, temp
from flows.step_rows import Planned, failing_statement, row_statement, run_rows, values_of
from flows.steps import Call, ForEach, Step, Stop, Wait
from flows.waits import stop_side, wait_side


@dataclass(frozen=True)
class StagedEffect:
    """One effect compiled: the temp table it goes to, and the statement that puts a row there for each run.

    `failing` tells every run that gets to the step that it failed, with `$reason`.
    """

    segment: Segment
    step: int
    raw: str
    statement: Statement
    failing: Statement


@dataclass(frozen=True)
class CompiledEffects:
    """What some segments of one module do.

    `matched` makes the table of the rows that their runs see, with what was looked up for their steps; `tables` are
    by temp table the columns that the steps touch; `broken` are steps that the definitions no longer allow, with what
    tells the runs; `spawned` are the segments that others begin; `conditions` are those on which a begun one hangs.
    """

    module: str
    segments: tuple[Segment, ...]
    matched: Statement
    effects: tuple[StagedEffect, ...]
    updates: Mapping[str, Mapping[str, str]]
    inserts: Mapping[str, Mapping[str, str]]
    sides: tuple[str, ...]
    broken: tuple[tuple[int, str, Statement], ...]
    spawned: tuple[Segment, ...]
    conditions: tuple[tuple[Segment, Statement], ...]


@dataclass
class _Draft:
    planned: list[Planned]
    broken: list[tuple[Segment, Reached, str, Params]]
    spawned: list[Segment]


def compile_effects(
    catalog: Catalog, module: str, segments: Sequence[Segment], *, now: datetime, spawns: bool = False
) -> CompiledEffects:
    """Compile the steps of some segments of a module, once as long as no definition changes.

    Args:
        catalog: the definitions.
        module: whose records they see.
        segments: what is done.
        now: the aware instant that relative dates in conditions begin at.
        spawns: whether they are begun by other runs, so that their own conditions are still to be asked.
    """

    def make() -> CompiledEffects:
        return _compile(catalog, module, segments, now, spawns)

    if any(flow_reads_the_clock(segment.flow.definition) for segment in segments):
        return make()
    known = tuple(segment.key for segment in segments)
    return catalog.memo.of(("flow effects", module, known, spawns), make)


def _compile(
    catalog: Catalog, module: str, segments: Sequence[Segment], now: datetime, spawns: bool
) -> CompiledEffects:
    draft = _Draft([], [], [])
    for segment in segments:
        _plan(catalog, segment, now, draft)
    lookups = Lookups(ROW)
    effects = []
    for plan in draft.planned:
        values = {key: lookups.hoist(tree, plan.params) for key, tree in plan.values.items()}
        guard = _hoisted(lookups, plan.reached.guard, plan.params)
        effects.append(
            StagedEffect(
                plan.segment,
                plan.reached.number,
                plan.raw,
                row_statement(plan, values, guard),
                failing_statement(plan.segment, plan.reached.number, guard, plan.params),
            )
        )
    broken = [
        (one.number, reason, failing_statement(segment, one.number, _hoisted(lookups, one.guard, own), own))
        for segment, one, reason, own in draft.broken
    ]
    conditions = list(_conditions(catalog, segments, now, lookups)) if spawns else []
    updates, inserts = _touched(catalog, draft.planned)
    return CompiledEffects(
        module,
        tuple(segments),
        compile_statement(_matched(catalog, module, lookups), lookups.params),
        tuple(effects),
        updates,
        inserts,
        tuple(dict.fromkeys(p.effect.kind for p in draft.planned if isinstance(p.effect, Side))),
        tuple(broken),
        tuple({segment.key: segment for segment in draft.spawned}.values()),
        tuple(conditions),
    )


def _hoisted(lookups: Lookups, tree: exp.Expr | None, params: Params) -> exp.Expr | None:
    return None if tree is None else lookups.hoist(tree, params)


def _touched(
    catalog: Catalog, planned: Sequence[Planned]
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]]:
    """By module, the columns that updates and new records touch."""
    updates: dict[str, dict[str, str]] = {}
    inserts: dict[str, dict[str, str]] = {}
    for plan in planned:
        if isinstance(plan.effect, Side):
            continue
        target = plan.insert.module if plan.insert else plan.segment.module
        touched = (inserts if plan.insert else updates).setdefault(target, {})
        kinds = catalog.columns(target)
        for key in plan.values:
            if not key.startswith("_"):
                touched[key] = kinds[key]
            elif key.startswith("_remove__"):
                # The list itself is touched too, also where no step sets it or adds to it.
                touched[key], own = "VARCHAR[]", key.removeprefix("_remove__")
                touched[own] = kinds[own]
            elif key.startswith(SEEN):
                touched[key] = kinds[key.removeprefix(SEEN)]
    return updates, inserts


def _matched(catalog: Catalog, module: str, lookups: Lookups) -> exp.Expr:
    """The rows that runs stand for, with their new values, and what the steps look up for them."""
    columns = catalog.columns(module)
    values = [column(one, ROW) for one in ("_id", "_snapshot", "_event", "_occurred", *columns)]
    values += [column(f"old__{one}", ROW) for one in columns]
    rows = exp.select(*values, copy=False).from_(temp(picked_view(module), ROW), copy=False)
    everything = exp.Column(this=exp.Star(), table=exp.to_identifier(ROW))
    tree = exp.select(everything, *lookups.columns()).from_(rows.subquery(ROW))
    return create_temp(matched_table(module), tree)


def _plan(catalog: Catalog, segment: Segment, now: datetime, draft: _Draft) -> None:
    """The effects of a segment; rows that get to a step which cannot be compiled go no further."""
    params = Params("e")
    scope = change_scope(catalog, segment.module, params=params, at=AT, now=now)

    def test(condition: Condition) -> exp.Expr:
        return compile_condition(condition, scope)

    halted: exp.Expr | None = None
    known = catalog.columns(segment.module)
    for one in reached(segment.flow.definition, segment.start, test):
        here = Reached(one.number, one.step, _beside(one.guard, halted))
        if isinstance(one.step, Broken):
            draft.broken.append((segment, here, one.step.reason, params))
            continue
        try:
            plan = _effects(
                one.step, StepContext(scope, column("_occurred", ROW), one.number, segment.flow.id), segment
            )
        except CrmError as error:
            draft.broken.append((segment, here, str(error), params))
            if here.guard is None:
                return
            halted = here.guard if halted is None else exp.paren(exp.or_(halted, here.guard))
            continue
        if isinstance(one.step, (ForEach, Call)):
            draft.spawned.append(spawned_by(catalog, segment, one.number, one.step))
        for effect in plan:
            draft.planned.append(Planned(segment, here, effect, values_of(effect, known), params))


def _beside(guard: exp.Expr | None, halted: exp.Expr | None) -> exp.Expr | None:
    if halted is None:
        return guard
    missed = exp.not_(exp.paren(halted.copy()))
    return missed if guard is None else exp.paren(all_of([guard, missed]))


def _effects(step: Step | Broken, context: StepContext, segment: Segment) -> Plan:
    match step:
        case Wait():
            return [wait_side(step, context)]
        case Stop(reason=reason):
            return [stop_side(reason)]
        case ForEach() | Call():
            return [spawn_side(step, context, segment)]
        case Action():
            return step.plan(context)
    return []


def _conditions(
    catalog: Catalog, segments: Sequence[Segment], now: datetime, lookups: Lookups
) -> Iterator[tuple[Segment, Statement]]:
    """For segments that other runs begin: what lets those go whose own condition does not hold."""
    for segment in segments:
        params = Params("w")
        scope = change_scope(catalog, segment.module, params=params, at=AT, now=now)
        try:
            tree = compile_condition(_own_condition(segment), scope)
        except CrmError:
            # The step itself says what is wrong with it.
            continue
        folder = _in_folders(segment, scope)
        held = lookups.hoist(tree if folder is None else exp.and_(tree, folder), params)
        select = run_rows(segment, ["r.id"], exp.not_(exp.paren(held)))
        if segment.start:
            query: exp.Expr = exp.delete(temp(RUNS)).where(column("id").isin(query=select))
        else:
            query = exp.update(temp(RUNS), {"state": exp.Literal.string("not_matched")}, dialect="duckdb")
            query = query.where(column("id").isin(query=select))
        yield segment, compile_statement(query, params)


def _own_condition(segment: Segment) -> Condition:
    if not segment.start:
        return segment.flow.definition.when
    number = int(segment.start.partition(":")[2])
    step = next(one.step for one in segment.flow.definition.steps if one.number == number)
    assert isinstance(step, ForEach)
    return step.when


def _in_folders(segment: Segment, scope: Scope) -> exp.Expr | None:
    folders = segment.flow.definition.folders
    if segment.start or not folders:
        return None
    bind = scope.relations.params.bind
    return column("folder", ROW).isin(*[bind(slug) for slug in folders])
