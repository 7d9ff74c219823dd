"""Waits as rows: until when a run waits, and for what; and the ends that a flow names itself."""

import re

from sqlglot import exp

from crm_core.conditions import value_expression
from crm_core.errors import ConditionInvalid
from crm_core.trees import function
from crm_core.values.fragments import sql
from flows.actions.base import Side, StepContext
from flows.sides import SideTable, register
from flows.steps import Wait
from flows.values import Source, moment_expression
from lake import Transaction, ident, table

WAITS = "waits"
STOPS = "stops"
TIMERS = table("ops", "flow_timers")
_OFFSET = re.compile(r"^\s*([+-]?)\s*(\d{1,6})\s*(min|h|d|w|mo|y)\s*$")
_UNITS = {
    "min": "to_minutes",
    "h": "to_hours",
    "d": "to_days",
    "w": "to_weeks",
    "mo": "to_months",
    "y": "to_years",
}


def wait_side(wait: Wait, context: StepContext) -> Side:
    """The row of a wait: when it ends at the latest (UTC), and whether an event may end it before."""
    source = Source(context.scope, context.occurred_at)
    if wait.until is not None:
        due = _until(wait, source)
    else:
        due = moment_expression(source, str(wait.for_ or wait.within))
    return Side(WAITS, {"due_at": due, "by_event": exp.true() if wait.event else exp.false()})


def stop_side(reason: str) -> Side:
    """The row of an end that the flow names."""
    return Side(STOPS, {"reason": exp.Literal.string(reason)})


def _until(wait: Wait, source: Source) -> exp.Expr:
    """A date's beginning in the workspace's zone, or an instant; moved by the offset, at the time of day asked for."""
    text = str(wait.until)
    path = source.catalog.resolve(source.scope.module, text)
    value = value_expression(text, source.scope)
    zone = source.scope.relations.params.bind(source.scope.zone.key)
    if path.column_type == "DATE":
        local: exp.Expr = exp.cast(value, "TIMESTAMP", dialect="duckdb")
    elif path.column_type == "TIMESTAMPTZ":
        local = function("timezone", zone, value)
    else:
        raise ConditionInvalid(text, f"“{text}” is no date or time")
    found = _OFFSET.match(wait.offset)
    if found is None:
        raise ConditionInvalid(wait.offset, f"{wait.offset!r} is no length of time")
    span = function(
        _UNITS[found[3]], exp.cast(exp.Literal.string(f"{found[1]}{found[2]}"), "INTEGER", dialect="duckdb")
    )
    local = exp.paren(exp.Add(this=local, expression=span))
    if wait.at is not None:
        clock = exp.cast(exp.Literal.string(f"{wait.at}:00"), "INTERVAL", dialect="duckdb")
        local = sql("date_trunc('day', $local) + $clock", local=local, clock=clock)
    return function("timezone", zone.copy(), exp.paren(local))


def _write_waits(tx: Transaction, rows: str) -> None:
    tx.execute(
        f"INSERT INTO {TIMERS} BY NAME SELECT w._id AS id, coalesce(r.run_id, r.id) AS run_id, r.flow, r.flow_id, "
        "r.flow_version, r.module, r.record_id, w._step AS step, w.due_at, w.by_event, $now AS created_at, "
        f"r.id AS change_id, $snapshot AS committed FROM {ident(rows)} w JOIN flow_runs_staged r ON r.id = w._run",
        {"now": tx.occurred_at, "snapshot": tx.snapshot},
    )


def _write_stops(tx: Transaction, rows: str) -> None:
    """Nothing beyond the step itself, which is told with the run."""


register(WAITS, SideTable({"due_at": "TIMESTAMPTZ", "by_event": "BOOLEAN"}, _write_waits, "waiting"))
register(STOPS, SideTable({"reason": "VARCHAR"}, _write_stops, "stopped", detail="reason"))
