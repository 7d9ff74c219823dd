"""Effects staged for a window: what the runs want written, step by step, typed and judged, still in temp tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlglot import exp

from crm_core.directory import Directory
from crm_core.errors import CrmError
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import column, function
from crm_core.values import Typed, normalise
from flows.actions import Action, Insert, Message, Side, StepContext, Update
from flows.active import ActiveFlow
from flows.compiler import ROW, change_scope
from flows.lookups import AT, Lookups, Statement, compile_statement
from flows.runs import FAILURES, RUNS
from flows.staging import Window, matched_table, pick, picked_view
from flows.statements import create_temp, empty_table_sql, insert_by_name, temp
from lake import Session, Transaction, ident
from lake.errors import StatementError

_STEPS_A_FLOW = 1000
_FLOWS = 10_000
_DONE = "state = 'done'"

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
}  # fmt: skip
"""`_skip` is the reason why the record is not made after all; `_recipient` is there for messages only."""


@dataclass(frozen=True)
class Planned:
    """One effect of one step of a flow: what it is, and the values of its staged row as expressions."""

    flow: ActiveFlow
    step: int
    effect: Update | Insert | Message
    values: Mapping[str, exp.Expr]
    params: Params

    @property
    def insert(self) -> Insert | None:
        """The new record it makes, if it makes one."""
        if isinstance(self.effect, Message):
            return self.effect.row
        return self.effect if isinstance(self.effect, Insert) else None


@dataclass(frozen=True)
class StagedEffect:
    """One effect compiled: the temp table it goes to, and the statement that puts a row there for each run."""

    flow: ActiveFlow
    step: int
    raw: str
    statement: Statement


@dataclass(frozen=True)
class CompiledEffects:
    """The effects of some flows of one module.

    `matched` makes the table of the changes that set them off, with what was looked up for their steps; `updates`
    and `inserts` are, by module, the columns that the steps touch; `broken` are steps that the definitions no longer
    allow.
    """

    module: str
    matched: Statement
    effects: tuple[StagedEffect, ...]
    updates: Mapping[str, Mapping[str, str]]
    inserts: Mapping[str, Mapping[str, str]]
    broken: tuple[tuple[ActiveFlow, int, str], ...]


@dataclass(frozen=True)
class Effects:
    """The typed effects of a window: by module, updates of records and new records."""

    updates: Mapping[str, Typed] = field(default_factory=dict)
    inserts: Mapping[str, Typed] = field(default_factory=dict)


def stage_effects(
    session: Session | Transaction,
    catalog: Catalog,
    directory: Directory,
    flows: Sequence[ActiveFlow],
    window: Window,
) -> Effects:
    """Stage what every run of the window wants, in the order of its steps, and judge each value by itself.

    What cannot be compiled, computed or read as what its field is makes the run fail at that step; the steps before
    it stand.
    """
    modules = dict.fromkeys(flow.definition.module for flow in flows)
    compiled = [
        compile_effects(catalog, module, [f for f in flows if f.definition.module == module], now=window.now)
        for module in modules
    ]
    updates = _tables(session, "flow_updates__", UPDATE_META, [one.updates for one in compiled])
    inserts = _tables(session, "flow_inserts__", INSERT_META, [one.inserts for one in compiled])
    for one in compiled:
        pick(
            session,
            one.module,
            f"SELECT record_id, snapshot FROM {ident(RUNS)} WHERE module = ? AND {_DONE}",
            [one.module],
        )
        one.matched.execute(session, at=window.at)
        for flow, step, reason in one.broken:
            _fail_flow(session, flow, step, reason)
        for effect in one.effects:
            _run_effect(session, effect)
    return Effects(
        {module: _typed(session, catalog, directory, module, raw) for module, raw in updates.items()},
        {
            module: _typed(session, catalog, directory, module, raw, "t._skip IS NULL")
            for module, raw in inserts.items()
        },
    )


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


def _run_effect(session: Session | Transaction, effect: StagedEffect) -> None:
    """One row a run of the flow. When the statement fails for the values of some record, the flow's runs fail."""
    try:
        effect.statement.execute(session)
    except StatementError as error:
        _fail_flow(session, effect.flow, effect.step, str(error))


def compile_effects(
    catalog: Catalog, module: str, flows: Sequence[ActiveFlow], *, now: datetime
) -> CompiledEffects:
    """Compile the steps of some flows of a module, once as long as no definition changes."""

    def make() -> CompiledEffects:
        return _compile(catalog, module, flows, now)

    known = tuple((flow.id, flow.version, flow.order) for flow in flows)
    return catalog.memo.of(("flow effects", module, known), make)


def _compile(catalog: Catalog, module: str, flows: Sequence[ActiveFlow], now: datetime) -> CompiledEffects:
    broken: list[tuple[ActiveFlow, int, str]] = []
    planned = [plan for flow in flows for plan in _plans(catalog, flow, now, broken)]
    lookups = Lookups(ROW)
    effects = []
    for plan in planned:
        raw = f"flow_inserts__{plan.insert.module}" if plan.insert else f"flow_updates__{module}"
        values = {key: lookups.hoist(tree, plan.params) for key, tree in plan.values.items()}
        effects.append(StagedEffect(plan.flow, plan.step, raw, _row_statement(raw, plan, values)))
    updates: dict[str, dict[str, str]] = {}
    inserts: dict[str, dict[str, str]] = {}
    for plan in planned:
        target = plan.insert.module if plan.insert else module
        touched = (inserts if plan.insert else updates).setdefault(target, {})
        kinds = catalog.columns(target)
        for key in plan.values:
            if not key.startswith("_"):
                touched[key] = kinds[key]
            elif key.startswith("_remove__"):
                # The list itself is touched too, also where no step sets it or adds to it.
                touched[key], own = "VARCHAR[]", key.removeprefix("_remove__")
                touched[own] = kinds[own]
    matched = compile_statement(_matched(catalog, module, lookups), lookups.params)
    return CompiledEffects(module, matched, tuple(effects), updates, inserts, tuple(broken))


def _matched(catalog: Catalog, module: str, lookups: Lookups) -> exp.Expr:
    """The changes that runs stand for, with their new values, and what the steps look up for them."""
    values = [
        column(one, ROW) for one in ("_id", "_snapshot", "_event", "_occurred", *catalog.columns(module))
    ]
    rows = exp.select(*values, copy=False).from_(temp(picked_view(module), ROW), copy=False)
    everything = exp.Column(this=exp.Star(), table=exp.to_identifier(ROW))
    tree = exp.select(everything, *lookups.columns()).from_(rows.subquery(ROW))
    return create_temp(matched_table(module), tree)


def _plans(
    catalog: Catalog, flow: ActiveFlow, now: datetime, broken: list[tuple[ActiveFlow, int, str]]
) -> Iterator[Planned]:
    """The effects of a flow, up to the first step that cannot be compiled."""
    for step, action in enumerate(flow.definition.do):
        if not isinstance(action, Action):
            return
        params = Params("e")
        scope = change_scope(catalog, flow.definition.module, params=params, at=AT, now=now)
        try:
            plan = action.plan(StepContext(scope, column("_occurred", ROW), step, flow.id))
        except CrmError as error:
            broken.append((flow, step, str(error)))
            return
        for effect in plan:
            if isinstance(effect, Side):
                continue
            values = _update_values(effect) if isinstance(effect, Update) else _insert_values(effect)
            yield Planned(flow, step, effect, values, params)


def _fail_flow(session: Session | Transaction, flow: ActiveFlow, step: int, reason: str) -> None:
    session.execute(
        f"INSERT INTO {ident(FAILURES)} SELECT id, $step, $reason FROM {ident(RUNS)} "
        "WHERE state = 'done' AND flow_id = $flow",
        {"step": step, "reason": reason, "flow": flow.id},
    )


def _update_values(effect: Update) -> dict[str, exp.Expr]:
    return {
        **{f"_{kind}": _names(names) for kind, names in _kinds(effect).items()},
        "_record": column("_id", ROW),
        **effect.columns.set,
        **effect.columns.add,
        **{f"_remove__{c}": tree for c, tree in effect.columns.remove.items()},
    }


def _kinds(effect: Update) -> dict[str, Sequence[str]]:
    columns = effect.columns
    return {"set": list(columns.set), "add": list(columns.add), "remove": list(columns.remove)}


def _names(names: Sequence[str]) -> exp.Expr:
    listed = exp.Array(expressions=[exp.Literal.string(one) for one in names])
    return exp.cast(listed, "VARCHAR[]", dialect="duckdb")


def _insert_values(effect: Insert | Message) -> dict[str, exp.Expr]:
    insert = effect.row if isinstance(effect, Message) else effect
    values: dict[str, exp.Expr] = {
        "_id": function("uuidv7"),
        "_change_id": column("id", "r"),
        "_skip": _skip(insert),
        "_occurred": column("_occurred", ROW),
        **insert.columns.set,
        **insert.columns.add,
    }
    if isinstance(effect, Message):
        values["_channel"] = exp.Literal.string(effect.channel)
        values["_recipient"] = effect.recipient
        values |= {f"_{key}": tree for key, tree in effect.extra.items()}
    return values


def _skip(insert: Insert) -> exp.Expr:
    """The first reason that holds not to make the record; NULL for none."""
    if not insert.skip:
        return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
    case = exp.Case()
    for reason, holds in insert.skip:
        case = case.when(holds, exp.Literal.string(reason), copy=False)
    return case


def _row_statement(raw: str, plan: Planned, values: Mapping[str, exp.Expr]) -> Statement:
    """Insert a row for each run of the flow that has not failed, in the order of commits, flows and steps."""
    flow = plan.flow
    order = exp.Add(
        this=exp.Mul(this=column("snapshot", "r"), expression=exp.Literal.number(_FLOWS * _STEPS_A_FLOW)),
        expression=exp.Literal.number(flow.order * _STEPS_A_FLOW + plan.step),
    )
    before = exp.select(function("count", exp.Star())).from_(temp(raw)).subquery()
    keys = [exp.Ordered(this=column("snapshot", "r")), exp.Ordered(this=column("id", "r"))]
    numbered = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=keys))
    meta: dict[str, exp.Expr] = {
        "_row": exp.Add(this=before, expression=numbered),
        "_run": column("id", "r"),
        "_ord": order,
        "_place": exp.Literal.number(flow.order),
        "_step": exp.Literal.number(plan.step),
        "_action": exp.Literal.string(flow.definition.do[plan.step].key),
        "_depth": column("depth", "r"),
    }
    same = exp.and_(
        column("record_id", "r").eq(column("_id", ROW)), column("snapshot", "r").eq(column("_snapshot", ROW))
    )
    done = column("state", "r").eq(exp.Literal.string("done"))
    select = (
        exp.select(*[tree.as_(key, quoted=True) for key, tree in {**meta, **values}.items()], copy=False)
        .from_(temp(matched_table(flow.definition.module), ROW))
        .join(temp(RUNS, "r"), on=same)
        .where(column("flow_id", "r").eq(exp.Literal.string(flow.id)), done)
    )
    return compile_statement(insert_by_name(raw, select), plan.params)


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
