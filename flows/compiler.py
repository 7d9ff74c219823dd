"""Flows compiled to SQL: for a module and a window, one statement that says which flow each change sets off.

The statement reads the staged changes, one row for each record and commit with the values of that commit and of the
one before. It gives two columns a flow: whether its trigger fired, and whether its condition held as well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition, compile_trace
from crm_core.errors import ConditionInvalid, CrmError
from crm_core.model import AnyOf, Catalog, Condition, Leaf
from crm_core.model.base import SYSTEM_COLUMNS
from crm_core.model.condition import leaves
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import all_of, any_of, coalesce, column, function
from flows.active import ActiveFlow
from flows.lookups import AT, Lookups, Statement, compile_statement
from flows.model import FlowDefinition
from flows.statements import create_temp, temp
from flows.steps import Branch, ForEach, Wait
from flows.triggers import LINKS, WATCHING

ROW = "f"
"""The alias of the changes."""

META = ("_id", "_snapshot", "_change", "_load", "_depth", "_chain", "_occurred", "_event")
"""What the prepared changes carry beside the record's own columns (see `flows.staging`)."""

_SILENT_COLUMNS = frozenset({"id", "updated_at", "version", "change_id", "created_at"})
"""Columns that every write touches, so that they are no change to a person."""


@dataclass(frozen=True)
class Compiled:
    """The statement over the prepared changes, and the flows its columns stand for.

    `broken` are flows that the definitions no longer allow, with the reason.
    """

    statement: Statement
    flows: tuple[ActiveFlow, ...]
    broken: tuple[tuple[ActiveFlow, str], ...] = ()


def change_scope(
    catalog: Catalog,
    module: str,
    *,
    params: Params,
    at: int | None,
    now: datetime,
    actor: Actor | None = None,
) -> Scope:
    """Where conditions and templates of flows stand: the changes, and related records as of a snapshot.

    Flows see everything; an `actor` narrows what related records are seen, for whoever reads a trace.
    """
    return Scope(module, ROW, Relations(catalog, actor or Actor.system(), params, at), now, old_alias=ROW)


def compile_flows(
    catalog: Catalog,
    module: str,
    flows: Sequence[ActiveFlow],
    *,
    relation: str,
    into: str,
    now: datetime,
    by_hand: bool = False,
    traced: bool = False,
) -> Compiled:
    """Build the statement over the prepared changes of a module; `$at` is the snapshot of related records.

    The temp table it makes has the columns of `META`, and for the flow at each place `_t<place>` (its trigger fired),
    `_m<place>` (and its condition held) and, when traced, `_x<place>`, the trace of the condition.

    Args:
        catalog: the definitions.
        module: whose changes they are.
        flows: the flows of that module.
        relation: the view or temp table with the prepared changes.
        into: the temp table to make.
        now: the aware instant that relative dates begin at.
        by_hand: whether a person started the flows, so that their triggers are not asked.
        traced: whether the condition of each flow is traced for every change.
    """

    def make() -> Compiled:
        return _compile(
            catalog, module, flows, relation=relation, into=into, now=now, by_hand=by_hand, traced=traced
        )

    if any(reads_the_clock(flow.definition.when) for flow in flows):
        return make()
    known = tuple((flow.id, flow.version, flow.order) for flow in flows)
    return catalog.memo.of(("flows", module, relation, into, by_hand, traced, known), make)


def _compile(
    catalog: Catalog,
    module: str,
    flows: Sequence[ActiveFlow],
    *,
    relation: str,
    into: str,
    now: datetime,
    by_hand: bool,
    traced: bool,
) -> Compiled:
    lookups, every = Lookups(ROW), Params("c")
    kept: list[ActiveFlow] = []
    broken: list[tuple[ActiveFlow, str]] = []
    fired: list[exp.Expr] = []
    answers: list[exp.Expr] = []
    for flow in flows:
        place = len(kept)
        scope = change_scope(catalog, module, params=every, at=AT, now=now)
        try:
            trigger = exp.true() if by_hand else trigger_tree(flow, scope)
            condition = lookups.hoist(compile_condition(flow.definition.when, scope), every)
            trace = lookups.hoist(trace_tree(flow.definition.when, scope), every) if traced else None
        except CrmError as error:
            broken.append((flow, str(error)))
            continue
        kept.append(flow)
        fired.append(trigger.as_(f"_t{place}", quoted=True))
        held = exp.and_(column(f"_t{place}", ROW), exp.paren(condition))
        answers.append(held.as_(f"_m{place}", quoted=True))
        if trace is not None:
            answers.append(trace.as_(f"_x{place}", quoted=True))
    inner = exp.select(exp.Star(), *fired, *lookups.columns(), copy=False).from_(
        temp(relation, ROW), copy=False
    )
    outer = exp.select(*[column(part, ROW) for part in META], *_columns("_t", kept), *answers, copy=False)
    tree = outer.from_(inner.subquery(ROW), copy=False)
    if kept:
        tree = tree.where(any_of([column(f"_t{place}", ROW) for place in range(len(kept))]), copy=False)
    if kept and not traced:
        tree = _thinned(tree, len(kept))
    statement = compile_statement(create_temp(into, tree), every, lookups.params)
    return Compiled(statement, tuple(kept), tuple(broken))


def _thinned(tree: exp.Select, flows: int) -> exp.Select:
    """Of many changes those that match, and about one in a thousand of the others, to show what did not."""
    matches = any_of([column(f"_m{place}", "h") for place in range(flows)])
    some = exp.Mod(this=function("hash", column("_id", "h")), expression=exp.Literal.number(1000))
    return exp.select("*").from_(tree.subquery("h")).where(exp.or_(matches, some.eq(exp.Literal.number(0))))


def _columns(prefix: str, flows: Sequence[ActiveFlow]) -> list[exp.Expr]:
    return [column(f"{prefix}{place}", ROW) for place in range(len(flows))]


def trigger_tree(flow: ActiveFlow, scope: Scope) -> exp.Expr:
    """Whether a change sets the flow off: its event, folder, fields, was and is; and not by its own doing."""
    definition = flow.definition
    bind = scope.relations.params.bind
    asked = ("created", "updated") if definition.trigger.event == "saved" else (definition.trigger.event,)
    parts: list[exp.Expr] = [column("_event", ROW).isin(*[exp.Literal.string(event) for event in asked])]
    parts += in_folders(definition, scope)
    if definition.trigger.event in LINKS:
        parts.append(function("list_contains", column("_links", ROW), bind(definition.trigger.link)))
    if definition.trigger.event in WATCHING:
        parts += _updated(flow, scope)
    if definition.trigger.event != "updated":
        # What it changed itself is known by the column; of all else it is enough that the commit is its own.
        not_its_own = exp.NullSafeNEQ(this=column("_flow", ROW), expression=bind(flow.id))
        changed = column("_event", ROW).eq(exp.Literal.string("updated"))
        parts.append(exp.or_(changed, not_its_own) if definition.trigger.event == "saved" else not_its_own)
    return all_of(parts)


def in_folders(definition: FlowDefinition, scope: Scope) -> list[exp.Expr]:
    """Whether a record is in one of the flow's folders; nothing to ask where all count."""
    if not definition.folders:
        return []
    bind = scope.relations.params.bind
    folder = coalesce(
        column("folder", ROW), bind(scope.relations.catalog.module(definition.module).default_folder.slug)
    )
    return [folder.isin(*[bind(slug) for slug in definition.folders])]


def _updated(flow: ActiveFlow, scope: Scope) -> Iterable[exp.Expr]:
    trigger = flow.definition.trigger
    yield any_of(
        [_changed_by_others(column_name, flow, scope) for column_name in watched_columns(flow, scope)]
    )
    if trigger.asks_was:
        yield old_values(_asked(trigger.fields[0], trigger.was, scope))
    if trigger.asks_is:
        yield _asked(trigger.fields[0], trigger.is_, scope)


def watched_columns(flow: ActiveFlow, scope: Scope) -> list[str]:
    """The columns whose change counts: those of the trigger's fields, else all that people write."""
    catalog, module = scope.relations.catalog, flow.definition.module
    if not flow.definition.trigger.fields:
        unseen = _SILENT_COLUMNS | {"deleted_at"}
        return [one for one in catalog.columns(module) if one not in unseen]
    columns: list[str] = []
    for slug in flow.definition.trigger.fields:
        path = catalog.resolve(module, slug)
        if path.steps:
            raise ConditionInvalid(slug, f"“{slug}” is no field of {module} itself")
        whole = slug == getattr(path.field, "slug", None) and slug not in SYSTEM_COLUMNS
        columns += list(path.field.columns) if whole else [path.column]
    return columns


def _changed_by_others(column_name: str, flow: ActiveFlow, scope: Scope) -> exp.Expr:
    """Whether a column changed, and not by this very flow: what it wrote itself stands in `_own`."""
    changed = exp.NullSafeNEQ(this=column(column_name, ROW), expression=column(f"old__{column_name}", ROW))
    mine = exp.Literal.string(f"{flow.id} {column_name}")
    own = coalesce(function("list_contains", column("_own", ROW), mine), exp.false())
    return exp.paren(exp.and_(changed, exp.not_(own)))


def _asked(slug: str, value: object, scope: Scope) -> exp.Expr:
    values = value if isinstance(value, list) else [value]
    given = [one for one in values if one is not None]
    parts: list[Condition] = [Leaf(field=slug, op="in", value=given)] if given else []
    if len(given) < len(values):
        parts.append(Leaf(field=slug, op="is_empty"))
    return compile_condition(AnyOf(any=tuple(parts)), scope)


def old_values(tree: exp.Expr) -> exp.Expr:
    """The same expression over the values before the change."""

    def older(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column) and node.table == ROW:
            return column(f"old__{node.name}", ROW)
        return node

    return tree.transform(older)


def trace_tree(condition: Condition, scope: Scope) -> exp.Expr:
    """A JSON list with every leaf of a condition: its field, operator and value, whether it holds, what it saw."""
    bind = scope.relations.params.bind
    entries = []
    for leaf, truth, seen in compile_trace(condition, scope):
        parts: list[exp.Expr] = [
            exp.Literal.string("field"), bind(leaf.field),
            exp.Literal.string("op"), exp.Literal.string(leaf.op),
            exp.Literal.string("value"), function("to_json", bind(_shown(leaf.value))),
            exp.Literal.string("true"), truth,
            exp.Literal.string("seen"), function("left", exp.cast(seen, "VARCHAR", dialect="duckdb"),
                                                 exp.Literal.number(200)),
        ]  # fmt: skip
        entries.append(function("json_object", *parts))
    return (
        function("to_json", function("list_value", *entries))
        if entries
        else exp.cast(exp.Literal.string("[]"), "JSON", dialect="duckdb")
    )


def _shown(value: object) -> str | None:
    if value is None:
        return None
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def flow_reads_the_clock(definition: FlowDefinition) -> bool:
    """Whether what a flow does depends on when it is asked: its condition, or that of any of its steps."""
    conditions = [definition.when]
    for one in definition.steps:
        match one.step:
            case Branch(arms=arms):
                conditions += [arm.when for arm in arms]
            case ForEach(when=when) | Wait(when=when):
                conditions.append(when)
    return any(map(reads_the_clock, conditions))


def reads_the_clock(condition: Condition) -> bool:
    """Whether the answer depends on when it is asked."""
    return any(_relative(leaf) for leaf in leaves(condition))


def _relative(leaf: Leaf) -> bool:
    if leaf.op in ("within_last", "within_next"):
        return True
    values = leaf.value if isinstance(leaf.value, list) else [leaf.value]
    words = ("today", "now", "yesterday", "tomorrow")
    return any(isinstance(value, str) and value.strip().lower().startswith(words) for value in values)
