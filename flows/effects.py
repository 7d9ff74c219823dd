"""Effects staged for a window: what the runs want written, step by step, typed and judged, still in temp tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlglot import exp

from crm_core.errors import CrmError
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.people import Directory
from crm_core.trees import column, function, name, text
from crm_core.values import Typed, normalise
from flows.active import ActiveFlow
from flows.actions import Insert, Message, StepContext, Update
from flows.compiler import ROW, change_scope
from flows.runs import FAILURES, RUNS
from flows.staging import Window, matched_table
from flows.statements import empty_table_sql, temp, used
from lake import Session, ident
from lake.errors import StatementError

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
    "_action": "VARCHAR", "_id": "UUID", "_change_id": "UUID", "_depth": "INTEGER", "_skip": "VARCHAR", "_channel": "VARCHAR",
    "_recipient": "VARCHAR", "_reply_to": "VARCHAR", "_occurred": "TIMESTAMPTZ",
}  # fmt: skip
"""`_skip` is the reason why the record is not made after all; `_recipient` is there for messages only."""


@dataclass(frozen=True)
class Planned:
    """One effect of one step of a flow, as a select over the matched changes and the runs."""

    flow: ActiveFlow
    step: int
    effect: Update | Insert | Message
    params: Params

    @property
    def insert(self) -> Insert | None:
        """The new record it makes, if it makes one."""
        if isinstance(self.effect, Message):
            return self.effect.row
        return self.effect if isinstance(self.effect, Insert) else None


@dataclass(frozen=True)
class Effects:
    """The typed effects of a window: by module, updates of records and new records."""

    updates: Mapping[str, Typed] = field(default_factory=dict)
    inserts: Mapping[str, Typed] = field(default_factory=dict)


def stage_effects(
    session: Session,
    catalog: Catalog,
    directory: Directory,
    flows: Sequence[ActiveFlow],
    window: Window,
) -> Effects:
    """Stage what every run of the window wants, in the order of its steps, and judge each value by itself.

    What cannot be compiled, computed or read as what its field is makes the run fail at that step; the steps before
    it stand.
    """
    planned = [plan for flow in flows for plan in _plans(session, catalog, flow, window)]
    updates: dict[str, Typed] = {}
    inserts: dict[str, Typed] = {}
    for module in dict.fromkeys(plan.flow.definition.module for plan in planned if plan.insert is None):
        of_module = [p for p in planned if p.insert is None and p.flow.definition.module == module]
        updates[module] = _stage_updates(session, catalog, directory, module, of_module)
    for module in dict.fromkeys(plan.insert.module for plan in planned if plan.insert is not None):
        of_module = [p for p in planned if p.insert is not None and p.insert.module == module]
        inserts[module] = _stage_inserts(session, catalog, directory, module, of_module)
    return Effects(updates, inserts)


def _plans(session: Session, catalog: Catalog, flow: ActiveFlow, window: Window) -> Iterator[Planned]:
    """The effects of a flow; from the first step on that cannot be compiled its runs fail."""
    for step, action in enumerate(flow.definition.do):
        params = Params(f"e{step}_")
        scope = change_scope(catalog, flow.definition.module, params=params, at=window.at, now=window.now)
        try:
            plan = action.plan(StepContext(scope, column("_occurred", ROW), step))
        except CrmError as error:
            _fail_flow(session, flow, step, str(error))
            return
        yield from (Planned(flow, step, effect, params) for effect in plan)


def _fail_flow(session: Session, flow: ActiveFlow, step: int, reason: str) -> None:
    session.execute(
        f"INSERT INTO {ident(FAILURES)} SELECT id, $step, $reason FROM {ident(RUNS)} "
        "WHERE state = 'done' AND flow_id = $flow",
        {"step": step, "reason": reason, "flow": flow.id},
    )


def _stage_updates(
    session: Session, catalog: Catalog, directory: Directory, module: str, planned: Sequence[Planned]
) -> Typed:
    raw = f"flow_updates__{module}"
    kinds = catalog.columns(module)
    touched = dict.fromkeys(
        c for p in planned if isinstance(p.effect, Update) for c in p.effect.columns.touched
    )
    removed = dict.fromkeys(
        c for p in planned if isinstance(p.effect, Update) for c in p.effect.columns.remove
    )
    columns = UPDATE_META | {c: kinds[c] for c in touched} | {f"_remove__{c}": "VARCHAR[]" for c in removed}
    session.execute(empty_table_sql(raw, columns))
    for plan in planned:
        effect = cast(Update, plan.effect)
        values = {
            **{f"_{kind}": _names(names) for kind, names in _kinds(effect).items()},
            "_record": column("_id", ROW),
            **effect.columns.set,
            **effect.columns.add,
            **{f"_remove__{c}": tree for c, tree in effect.columns.remove.items()},
        }
        _insert(session, raw, plan, values)
    return _typed(session, catalog, directory, module, raw)


def _kinds(effect: Update) -> dict[str, Sequence[str]]:
    columns = effect.columns
    return {"set": list(columns.set), "add": list(columns.add), "remove": list(columns.remove)}


def _names(names: Sequence[str]) -> exp.Expression:
    listed = exp.Array(expressions=[exp.Literal.string(one) for one in names])
    return exp.cast(listed, "VARCHAR[]", dialect="duckdb")


def _stage_inserts(
    session: Session, catalog: Catalog, directory: Directory, module: str, planned: Sequence[Planned]
) -> Typed:
    raw = f"flow_inserts__{module}"
    kinds = catalog.columns(module)
    touched = dict.fromkeys(c for p in planned if p.insert is not None for c in p.insert.columns.touched)
    session.execute(empty_table_sql(raw, INSERT_META | {c: kinds[c] for c in touched}))
    for plan in planned:
        insert = cast(Insert, plan.insert)
        values: dict[str, exp.Expression] = {
            "_id": function("uuidv7"),
            "_change_id": column("id", "r"),
            "_skip": _skip(insert),
            "_occurred": column("_occurred", ROW),
            **insert.columns.set,
            **insert.columns.add,
        }
        if isinstance(plan.effect, Message):
            values["_channel"] = exp.Literal.string(plan.effect.channel)
            values["_recipient"] = plan.effect.recipient
            values |= {f"_{key}": tree for key, tree in plan.effect.extra.items()}
        _insert(session, raw, plan, values)
    return _typed(session, catalog, directory, module, raw, "t._skip IS NULL")


def _skip(insert: Insert) -> exp.Expression:
    """The first reason that holds not to make the record; NULL for none."""
    if not insert.skip:
        return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
    case = exp.Case()
    for reason, holds in insert.skip:
        case = case.when(holds, exp.Literal.string(reason), copy=False)
    return case


def _insert(session: Session, raw: str, plan: Planned, values: Mapping[str, exp.Expression]) -> None:
    """One row a run of the flow. When the statement fails for the values of some record, the flow's runs fail."""
    flow = plan.flow
    order = exp.Add(
        this=exp.Mul(this=column("snapshot", "r"), expression=exp.Literal.number(_FLOWS * _STEPS_A_FLOW)),
        expression=exp.Literal.number(flow.order * _STEPS_A_FLOW + plan.step),
    )
    before = exp.select(function("count", exp.Star())).from_(temp(raw)).subquery()
    numbered = exp.Window(
        this=exp.RowNumber(),
        order=exp.Order(expressions=[exp.Ordered(this=column("snapshot", "r")), exp.Ordered(this=column("id", "r"))]),
    )  # fmt: skip
    meta: dict[str, exp.Expression] = {
        "_row": exp.Add(this=before, expression=numbered),
        "_run": column("id", "r"),
        "_ord": order,
        "_place": exp.Literal.number(flow.order),
        "_step": exp.Literal.number(plan.step),
        "_action": exp.Literal.string(flow.definition.do[plan.step].key),
        "_depth": column("depth", "r"),
    }
    select = (
        exp.select(*[tree.as_(key, quoted=True) for key, tree in {**meta, **values}.items()], copy=False)
        .from_(temp(matched_table(flow.definition.module), ROW))
        .join(
            temp(RUNS, "r"),
            on=exp.and_(
                column("record_id", "r").eq(column("_id", ROW)),
                column("snapshot", "r").eq(column("_snapshot", ROW)),
            ),
        )
        .where(
            column("flow_id", "r").eq(plan.params.bind(flow.id)),
            column("state", "r").eq(exp.Literal.string("done")),
        )
    )
    try:
        session.execute(
            f"INSERT INTO {name(raw).sql('duckdb')} BY NAME {text(select)}", used(select, plan.params)
        )
    except StatementError as error:
        _fail_flow(session, flow, plan.step, str(error))


def _typed(
    session: Session, catalog: Catalog, directory: Directory, module: str, raw: str, counts: str = "true"
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
