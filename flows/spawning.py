"""Runs that other runs begin: for each related record, and for a flow that is called."""

from sqlglot import exp

from crm_core.conditions import value_expression
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Reference
from crm_core.trees import column, function
from flows.actions.base import Side, StepContext
from flows.active import active_flow
from flows.segments import BEGINNING, Segment, related_module
from flows.sides import SideTable, register
from flows.steps import Call, ForEach
from lake import Transaction

SPAWNS = "spawns"


def spawn_side(step: ForEach | Call, context: StepContext, segment: Segment) -> Side:
    """The row of a step that begins others: on which records, of which segment.

    Raises:
        ConditionInvalid: The path leads nowhere any more, or the flow is not active.
    """
    begun = spawned_by(context.catalog, segment, context.step, step)
    literal = exp.Literal.string
    return Side(
        SPAWNS,
        {
            "targets": _targets(step, context, begun.module),
            "module": literal(begun.module),
            "flow": literal(begun.flow.slug),
            "flow_id": literal(begun.flow.id),
            "flow_version": exp.Literal.number(begun.flow.version),
            "flow_order": exp.Literal.number(begun.flow.order),
            "start": literal(begun.start),
        },
    )


def spawned_by(catalog: Catalog, segment: Segment, number: int, step: ForEach | Call) -> Segment:
    """The segment that a step begins.

    Raises:
        ConditionInvalid: The flow is not active, or the list is not there any more.
    """
    if isinstance(step, ForEach):
        module = related_module(catalog, segment.module, step.path)
        return Segment(segment.flow, f"in:{number}", module)
    flow = active_flow(catalog, step.flow)
    if flow is None:
        raise ConditionInvalid(step.flow, f"the flow {step.flow} is not active, so that it cannot be called")
    return Segment(flow, BEGINNING, flow.definition.module)


def _targets(step: ForEach | Call, context: StepContext, module: str) -> exp.Expr:
    scope = context.scope
    if isinstance(step, ForEach):
        return value_expression(step.path, scope)
    if step.on is None:
        return function("list_value", column("id", scope.alias))
    path = context.catalog.resolve(scope.module, step.on)
    if not isinstance(path.field, Reference):
        raise ConditionInvalid(step.on, f"“{step.on}” is no link to one record")
    value = value_expression(step.on, scope)
    if path.field.polymorphic and not path.steps:
        fits = column(path.field.module_column, scope.alias).eq(exp.Literal.string(module))
        value = exp.Case().when(fits, value, copy=False)
    return function("list_value", value)


def _write_spawns(tx: Transaction, rows: str) -> None:
    """Nothing: what they begin are runs, which are stored as such."""


register(
    SPAWNS,
    SideTable(
        {"targets": "UUID[]", "module": "VARCHAR", "flow": "VARCHAR", "flow_id": "VARCHAR",
         "flow_version": "INTEGER", "flow_order": "INTEGER", "start": "VARCHAR"},
        _write_spawns,
        "begun",
    ),
)  # fmt: skip
