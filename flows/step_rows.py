"""Rows that steps want written: their values as expressions, and the statements that stage one for each run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from crm_core.params import Params
from crm_core.trees import column, function
from flows.actions import Insert, Message, Side, Update
from flows.compiler import ROW
from flows.lookups import Statement, compile_statement
from flows.meanwhile import seen, watched
from flows.runs import FAILURES, RUNS
from flows.segments import Broken, Reached, Segment
from flows.sides import SIDE_META, SIDES, rows_of
from flows.staging import matched_table
from flows.statements import insert_by_name, temp
from flows.steps import Step, key_of

_STEPS_A_FLOW = 1000
_FLOWS = 10_000

UPDATE_META = {
    "_row": "BIGINT", "_run": "UUID", "_ord": "BIGINT", "_place": "INTEGER", "_step": "INTEGER",
    "_action": "VARCHAR", "_record": "UUID", "_depth": "INTEGER", "_set": "VARCHAR[]", "_add": "VARCHAR[]",
    "_remove": "VARCHAR[]", "_note": "VARCHAR",
}  # fmt: skip
"""`_set`, `_add` and `_remove` name the columns that the step sets, adds to, or takes from. Beside these a row has the
values to set, those to take away as `_remove__<column>`, and what the run saw as `_seen__<column>`."""

INSERT_META = {
    "_row": "BIGINT", "_run": "UUID", "_ord": "BIGINT", "_place": "INTEGER", "_step": "INTEGER",
    "_action": "VARCHAR", "_id": "UUID", "_change_id": "UUID", "_depth": "INTEGER", "_skip": "VARCHAR",
    "_channel": "VARCHAR", "_recipient": "VARCHAR", "_reply_to": "VARCHAR", "_occurred": "TIMESTAMPTZ",
    "_purpose": "VARCHAR", "_attachments": "VARCHAR[]", "_note": "VARCHAR",
}  # fmt: skip
"""`_skip` is the reason why the record is not made after all; `_recipient` is that of a message; `_note` is told."""

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


def values_of(effect: Effect, columns: Mapping[str, str]) -> dict[str, exp.Expr]:
    """The columns of the row that a step stages.

    Args:
        effect: what the step wants.
        columns: those of the module whose records the flow sees.
    """
    if isinstance(effect, Side):
        return {"_id": function("uuidv7"), "_skip": _skip(effect.skip), "_source": column("_id", ROW),
                "_occurred": column("_occurred", ROW), **effect.values}  # fmt: skip
    return _update_values(effect, columns) if isinstance(effect, Update) else _insert_values(effect)


def _update_values(effect: Update, known: Mapping[str, str]) -> dict[str, exp.Expr]:
    columns = effect.columns
    looked_at = {by for one in columns.set for by in watched(known, one)}
    kinds = {"set": columns.set, "add": columns.add, "remove": columns.remove}
    return {
        **{f"_{kind}": _names(list(names)) for kind, names in kinds.items()},
        "_record": column("_id", ROW),
        **columns.set,
        **columns.add,
        **{f"_remove__{c}": tree for c, tree in columns.remove.items()},
        **{seen(one): column(one, ROW) for one in sorted(looked_at)},
        **({} if effect.note is None else {"_note": effect.note}),
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
    if insert.note is not None:
        values["_note"] = insert.note
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


def run_rows(segment: Segment, columns: Sequence[str | exp.Expr], guard: exp.Expr | None) -> exp.Select:
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


def row_statement(plan: Planned, values: Mapping[str, exp.Expr], guard: exp.Expr | None) -> Statement:
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
    return compile_statement(insert_by_name(plan.raw, run_rows(plan.segment, columns, guard)), plan.params)


def _key(step: Step | Broken) -> str:
    return "" if isinstance(step, Broken) else key_of(step)


def failing_statement(segment: Segment, step: int, guard: exp.Expr | None, params: Params) -> Statement:
    columns = [column("id", "r").as_("run"), exp.Literal.number(step).as_("step"),
               exp.Placeholder(this="reason").as_("error")]  # fmt: skip
    copied = None if guard is None else guard.copy()
    return compile_statement(insert_by_name(FAILURES, run_rows(segment, columns, copied)), params)


def side_columns(kind: str) -> dict[str, str]:
    """Every column of the temp table of a kind of side rows."""
    return SIDE_META | dict(SIDES[kind].columns)
