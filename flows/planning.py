"""Steps compiled: for the segments of a module, the statements that stage what their runs want written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.conditions import Scope, compile_condition
from crm_core.errors import CrmError
from crm_core.model import Catalog, Condition
from crm_core.params import Params
from crm_core.trees import all_of, column, function
from flows.actions import Action, Insert, Message, Side, StepContext, Update
from flows.actions.base import Plan
from flows.compiler import ROW, change_scope, flow_reads_the_clock
from flows.lookups import AT, Lookups, Statement, compile_statement
from flows.runs import FAILURES, RUNS
from flows.segments import Broken, Reached, Segment, reached
from flows.sides import SIDE_META, SIDES, rows_of
from flows.spawning import spawn_side, spawned_by
from flows.staging import matched_table, picked_view
from flows.statements import create_temp, insert_by_name, temp
from flows.steps import Call, ForEach, Step, Stop, Wait, key_of
from flows.waits import stop_side, wait_side

_STEPS_A_FLOW = 1000
_FLOWS = 10_000

UPDATE_META = {
    "_row": "BIGINT", "_run": "UUID", "_ord": "BIGINT", "_place": "INTEGER", "_step": "INTEGER",
    "_action": "VARCHAR", "_record": "UUID", "_depth": "INTEGER", "_set": "VARCHAR[]", "_add": "VARCHAR[]",
    "_remove": "VARCHAR[]",
}  # fmt: skip
"""`_set`, `_add` and `_remove` name the columns that the step sets, adds to, or takes from."""

INSERT_META = {
    "_row": "BIGINT", "_run": "UUID", "_ord": "BIGINT", "_place": "INTEGER", "_step": "INTEGER",
    "_action": "VARCHAR", "_id": "UUID", "_change_id": "UUID", "_depth": "INTEGER", "_skip": "VARCHAR",
    "_channel": "VARCHAR", "_recipient": "VARCHAR", "_reply_to": "VARCHAR", "_occurred": "TIMESTAMPTZ",
    "_purpose": "VARCHAR", "_attachments": "VARCHAR[]",
}  # fmt: skip
"""`_skip` is the reason why the record is not made after all; `_recipient` is there for messages only."""

Effect = Update | Insert | Message | Side


@dataclass(frozen=True)
class Planned:
    """One effect of one step of a segment: what it is, and the values of its staged row as expressions."""

    segment: Segment
    reached: Reached
    effect: Effect
    values: Mapping[str, exp.Expr]
    params: Params

    @property
    def insert(self) -> Insert | None:
        """The new record it makes, if it makes one."""
        if isinstance(self.effect, Message):
            return self.effect.row
        return self.effect if isinstance(self.effect, Insert) else None

    @property
    def raw(self) -> str:
        """The temp table its rows go to."""
        if isinstance(self.effect, Side):
            return rows_of(self.effect.kind)
        return (
            f"flow_inserts__{self.insert.module}" if self.insert else f"flow_updates__{self.segment.module}"
        )


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
                _row_statement(plan, values, guard),
                _failing_statement(plan.segment, plan.reached.number, guard, plan.params),
            )
        )
    broken = [
        (one.number, reason, _failing_statement(segment, one.number, _hoisted(lookups, one.guard, own), own))
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
            draft.planned.append(Planned(segment, here, effect, _values(effect), params))


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
        select = _rows(segment, ["r.id"], exp.not_(exp.paren(held)))
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


def _values(effect: Effect) -> dict[str, exp.Expr]:
    if isinstance(effect, Side):
        return {"_id": function("uuidv7"), "_skip": _skip(effect.skip), "_source": column("_id", ROW),
                "_occurred": column("_occurred", ROW), **effect.values}  # fmt: skip
    return _update_values(effect) if isinstance(effect, Update) else _insert_values(effect)


def _update_values(effect: Update) -> dict[str, exp.Expr]:
    columns = effect.columns
    kinds = {"set": columns.set, "add": columns.add, "remove": columns.remove}
    return {
        **{f"_{kind}": _names(list(names)) for kind, names in kinds.items()},
        "_record": column("_id", ROW),
        **columns.set,
        **columns.add,
        **{f"_remove__{c}": tree for c, tree in columns.remove.items()},
    }


def _names(names: Sequence[str]) -> exp.Expr:
    listed = exp.Array(expressions=[exp.Literal.string(one) for one in names])
    return exp.cast(listed, "VARCHAR[]", dialect="duckdb")


def _insert_values(effect: Insert | Message) -> dict[str, exp.Expr]:
    insert = effect.row if isinstance(effect, Message) else effect
    values: dict[str, exp.Expr] = {
        "_id": function("uuidv7"),
        "_change_id": column("id", "r"),
        "_skip": _skip(insert.skip),
        "_occurred": column("_occurred", ROW),
        **insert.columns.set,
        **insert.columns.add,
    }
    if isinstance(effect, Message):
        values["_channel"] = exp.Literal.string(effect.channel)
        values["_recipient"] = effect.recipient
        values |= {f"_{key}": tree for key, tree in effect.extra.items()}
    return values


def _skip(reasons: Sequence[tuple[str, exp.Expr]]) -> exp.Expr:
    """The first reason that holds not to write the row; NULL for none."""
    if not reasons:
        return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
    case = exp.Case()
    for reason, holds in reasons:
        case = case.when(holds, exp.Literal.string(reason), copy=False)
    return case


def _rows(segment: Segment, columns: Sequence[str | exp.Expr], guard: exp.Expr | None) -> exp.Select:
    """The rows that a segment's runs see, with the runs that have not failed; `$round` is that of the window."""
    same = exp.and_(
        column("record_id", "r").eq(column("_id", ROW)),
        column("snapshot", "r").eq(column("_snapshot", ROW)),
        column("event", "r").eq(column("_event", ROW)),
    )
    mine = [
        column("flow_id", "r").eq(exp.Literal.string(segment.flow.id)),
        column("flow_version", "r").eq(exp.Literal.number(segment.flow.version)),
        column("start", "r").eq(exp.Literal.string(segment.start)),
        column("round", "r").eq(exp.Placeholder(this="round")),
        column("state", "r").eq(exp.Literal.string("done")),
    ]
    select = (
        exp.select(*columns, copy=False)
        .from_(temp(matched_table(segment.module), ROW))
        .join(temp(RUNS, "r"), on=same)
        .where(*mine)
    )
    return select if guard is None else select.where(exp.paren(guard))


def _row_statement(plan: Planned, values: Mapping[str, exp.Expr], guard: exp.Expr | None) -> Statement:
    """Insert a row for each run that gets to the step, in the order of commits, flows and steps."""
    flow, step = plan.segment.flow, plan.reached.number
    order = exp.Add(
        this=exp.Mul(this=column("snapshot", "r"), expression=exp.Literal.number(_FLOWS * _STEPS_A_FLOW)),
        expression=exp.Literal.number(flow.order * _STEPS_A_FLOW + step),
    )
    before = exp.select(function("count", exp.Star())).from_(temp(plan.raw)).subquery()
    keys = [exp.Ordered(this=column("snapshot", "r")), exp.Ordered(this=column("id", "r"))]
    numbered = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=keys))
    meta: dict[str, exp.Expr] = {
        "_row": exp.Add(this=before, expression=numbered),
        "_run": column("id", "r"),
        "_ord": order,
        "_place": exp.Literal.number(flow.order),
        "_step": exp.Literal.number(step),
        "_action": exp.Literal.string(_key(plan.reached.step)),
        "_depth": column("depth", "r"),
    }
    columns = [tree.as_(key, quoted=True) for key, tree in {**meta, **values}.items()]
    return compile_statement(insert_by_name(plan.raw, _rows(plan.segment, columns, guard)), plan.params)


def _key(step: Step | Broken) -> str:
    return "" if isinstance(step, Broken) else key_of(step)


def _failing_statement(segment: Segment, step: int, guard: exp.Expr | None, params: Params) -> Statement:
    columns = [column("id", "r").as_("run"), exp.Literal.number(step).as_("step"),
               exp.Placeholder(this="reason").as_("error")]  # fmt: skip
    copied = None if guard is None else guard.copy()
    return compile_statement(insert_by_name(FAILURES, _rows(segment, columns, copied)), params)


def side_columns(kind: str) -> dict[str, str]:
    """Every column of the temp table of a kind of side rows."""
    return SIDE_META | dict(SIDES[kind].columns)
