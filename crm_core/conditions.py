"""Conditions compiled to SQL: the one interpreter of filters, flows, dependencies and bulk work.

A compiled condition is true or false, never NULL: a missing value makes a comparison false, except that
`is_empty`, `ne`, `not_in` and `not_contains` are then true. A path over references reads the value of the
one record it leads to; a path over a list of related records is true when it is for any of them, and one that ends in
`.sum` adds up what they have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from crm_core.errors import ConditionInvalid
from crm_core.model import All, AnyOf, Condition, Dependency, Leaf, Not, Path, Reference, Related, ToMany
from crm_core.model.condition import TRUE_WHEN_MISSING, leaves
from crm_core.model.fields import MoneyField
from crm_core.operands import moved, parse_span, read_operand, to_instant
from crm_core.relations import Relations
from crm_core.trees import all_of, any_of, coalesce, column, function

_COMPARE = {"eq": exp.EQ, "ne": exp.NEQ, "lt": exp.LT, "le": exp.LTE, "gt": exp.GT, "ge": exp.GTE}
_ORDERED = {"lt", "le", "gt", "ge", "between", "within_last", "within_next"}
_TEXTUAL = {"contains", "not_contains", "starts_with", "ends_with"}


@dataclass(frozen=True)
class Scope:
    """Where a condition stands: the module, the alias of its rows, whose rows paths may read, and the time.

    `old_alias` is the relation with the values before a change; columns there are named `old__<column>` when
    it equals `alias`. `changed` needs it. `now` is an aware instant.
    """

    module: str
    alias: str
    relations: Relations
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    old_alias: str | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone, in which days begin."""
        return ZoneInfo(self.relations.catalog.workspace.time_zone)


def compile_condition(condition: Condition, scope: Scope) -> exp.Expr:
    """Build the boolean expression of a condition over the rows of `scope.alias`.

    Raises:
        ConditionInvalid: When a path is unknown, a value does not fit its field, or an operator does not.
    """
    match condition:
        case All(all=parts):
            return exp.paren(all_of([compile_condition(part, scope) for part in parts]))
        case AnyOf(any=parts):
            return exp.paren(any_of([compile_condition(part, scope) for part in parts]))
        case Not(not_=part):
            return exp.not_(exp.paren(compile_condition(part, scope)))
        case Leaf():
            return compile_leaf(condition, scope)


def compile_leaf(leaf: Leaf, scope: Scope) -> exp.Expr:
    """Build the expression of one comparison."""
    path = scope.relations.catalog.resolve(scope.module, leaf.field)
    if leaf.op == "changed":
        return _changed(leaf, path, scope)
    return _through(leaf, path, scope, path.steps, scope.module, scope.alias, 0)


def compile_related(related: Related, scope: Scope) -> exp.Expr:
    """True for the rows of `scope.alias` that have a related record, visible to the actor, that meets a condition."""
    path = scope.relations.catalog.resolve(scope.module, f"{related.over}.id")

    def within(steps: Sequence[Reference | ToMany], module: str, alias: str) -> exp.Expr:
        if not steps:
            return compile_condition(related.when, replace(scope, module=module, alias=alias, old_alias=None))
        head, inner = steps[0], f"{alias}_{len(steps)}"
        target = head.targets[0] if isinstance(head, Reference) else head.module
        rows = related_rows(head, scope, alias, inner)
        return exp.Exists(this=rows.where(within(steps[1:], target, inner)))

    return within(path.steps, scope.module, scope.alias)


def compile_dependency(dependency: Dependency, scope: Scope) -> exp.Expr:
    """True for the rows of `scope.alias` that a dependency is about."""
    holds = compile_condition(dependency.when, scope)
    return (
        holds if dependency.related is None else exp.and_(holds, compile_related(dependency.related, scope))
    )


def value_expression(text: str, scope: Scope) -> exp.Expr:
    """The value that a path reads, for a trace; over a list of related records, the list of their values."""
    path = scope.relations.catalog.resolve(scope.module, text)
    return _whole_value(path, scope, path.steps, scope.alias, 0)


def _through(
    leaf: Leaf,
    path: Path,
    scope: Scope,
    steps: Sequence[Reference | ToMany],
    module: str,
    alias: str,
    depth: int,
) -> exp.Expr:
    if path.total or not any(isinstance(step, ToMany) for step in steps):
        return _test(leaf, path, _whole_value(path, scope, steps, alias, depth), scope)
    head, rest = steps[0], steps[1:]
    inner = f"{alias}_{depth}"
    target = head.targets[0] if isinstance(head, Reference) else head.module
    test = _through(leaf, path, scope, rest, target, inner, depth + 1)
    return exp.Exists(this=related_rows(head, scope, alias, inner).where(test))


def _whole_value(
    path: Path, scope: Scope, steps: Sequence[Reference | ToMany], alias: str, depth: int
) -> exp.Expr:
    """The value of a path; a sum of nothing is zero."""
    value = _value(path, scope, steps, alias, depth)
    if not path.total:
        return value
    return coalesce(exp.cast(value, path.column_type, dialect="duckdb"), exp.Literal.number(0))


def _value(path: Path, scope: Scope, steps: Sequence[Reference | ToMany], alias: str, depth: int) -> exp.Expr:
    if not steps:
        return _addend(path, scope, alias) if path.total else column(path.column, alias)
    head, inner = steps[0], f"{alias}_{depth}"
    value = _value(path, scope, steps[1:], inner, depth + 1)
    if isinstance(head, ToMany):
        value = function("sum" if path.total else "list", value)
    select = related_rows(head, scope, alias, inner)
    return select.select(value, append=False).subquery()


def _addend(path: Path, scope: Scope, alias: str) -> exp.Expr:
    """What one record adds to a sum: amounts count in the workspace's currency, since others cannot be added to it."""
    value = column(path.column, alias)
    if not isinstance(path.field, MoneyField):
        return value
    own = scope.relations.params.bind(scope.relations.catalog.workspace.currency)
    return exp.Case().when(column(f"{path.field.slug}__currency", alias).eq(own), value, copy=False)


def related_rows(step: Reference | ToMany, scope: Scope, alias: str, inner: str) -> exp.Select:
    """A select over the rows that a step leads to from the row of `alias`."""
    relations = scope.relations
    if isinstance(step, Reference):
        target = step.targets[0]
        join: exp.Expr = column("id", inner).eq(column(step.slug, alias))
        if step.polymorphic:
            join = exp.and_(join, column(step.module_column, alias).eq(relations.params.bind(target)))
        return exp.select("1").from_(relations.visible(target, inner)).where(join)
    rows = exp.select("1").from_(relations.visible(step.module, inner))
    if step.reference is not None:
        here: exp.Expr = column(step.reference.slug, inner).eq(column("id", alias))
        if step.reference.polymorphic:
            owner = relations.params.bind(step.owner)
            here = exp.and_(here, column(step.reference.module_column, inner).eq(owner))
        return rows.where(here)
    near, far = ("from_id", "to_id") if step.outgoing else ("to_id", "from_id")
    link = f"{inner}_link"
    return rows.join(
        relations.link(str(step.link_table), link), on=column(far, link).eq(column("id", inner))
    ).where(column(near, link).eq(column("id", alias)))


def _changed(leaf: Leaf, path: Path, scope: Scope) -> exp.Expr:
    if scope.old_alias is None:
        raise ConditionInvalid(leaf.field, f"“{leaf.field} changed” can be asked only of a change, in a flow")
    if path.steps:
        raise ConditionInvalid(
            leaf.field, f"“{leaf.field} changed”: only fields of the record itself can be asked"
        )
    old = f"old__{path.column}" if scope.old_alias == scope.alias else path.column
    return exp.NullSafeNEQ(this=column(path.column, scope.alias), expression=column(old, scope.old_alias))


def _test(leaf: Leaf, path: Path, value: exp.Expr, scope: Scope) -> exp.Expr:
    """The comparison of a value with the leaf's operand: true or false, never NULL."""
    if path.column_type.endswith("[]"):
        tested = _list_test(leaf, path, value, scope)
    elif leaf.op in ("is_empty", "is_set"):
        tested = _emptiness(path, value)
        return exp.paren(tested) if leaf.op == "is_empty" else exp.not_(exp.paren(tested))
    else:
        tested = _scalar_test(leaf, path, value, scope)
    missing = exp.true() if leaf.op in TRUE_WHEN_MISSING else exp.false()
    return coalesce(exp.paren(tested), missing)


def _emptiness(path: Path, value: exp.Expr) -> exp.Expr:
    if path.column_type == "VARCHAR":
        return coalesce(value, exp.Literal.string("")).eq(exp.Literal.string(""))
    return value.is_(exp.null())


def _scalar_test(leaf: Leaf, path: Path, value: exp.Expr, scope: Scope) -> exp.Expr:
    kind, op = path.column_type, leaf.op
    if op in _ORDERED and kind in ("BOOLEAN", "UUID", "JSON"):
        raise ConditionInvalid(leaf.field, f"“{leaf.field}” has no order, so “{op}” cannot be asked of it")
    if op in _TEXTUAL:
        return _textual(leaf, kind, value, scope)
    if op in ("within_last", "within_next"):
        return _within(leaf, kind, value, scope)
    if kind == "TIMESTAMPTZ" and _names_a_day(leaf.value) and op in ("eq", "ne", "le", "gt", "between"):
        return _day_test(leaf, value, scope)

    def bind(given: object) -> exp.Expr:
        return _bind(given, leaf, kind, scope)

    if op in ("in", "not_in"):
        among = value.isin(*[bind(item) for item in leaf.value]) if leaf.value else exp.false()
        return exp.not_(exp.paren(among)) if op == "not_in" else among
    if op == "between":
        low, high = (bind(item) for item in leaf.value)
        return exp.Between(this=value, low=low, high=high)
    return _COMPARE[op](this=value, expression=bind(leaf.value))


def _textual(leaf: Leaf, kind: str, value: exp.Expr, scope: Scope) -> exp.Expr:
    if kind not in ("VARCHAR", "JSON"):
        raise ConditionInvalid(leaf.field, f"“{leaf.field}” is no text, so “{leaf.op}” cannot be asked of it")
    if not isinstance(leaf.value, (str, int, float)):
        raise ConditionInvalid(leaf.value, f"“{leaf.field} {leaf.op}” needs a text, not {leaf.value!r}")
    # Letters count without their case; `%` and `_` are letters like any other, since this is no LIKE.
    hay = function("lower", exp.cast(value, "VARCHAR", dialect="duckdb"))
    needle = function("lower", scope.relations.params.bind(str(leaf.value)))
    called = {"starts_with": "starts_with", "ends_with": "ends_with"}.get(leaf.op, "contains")
    found = function(called, hay, needle)
    return exp.not_(found) if leaf.op == "not_contains" else found


def _within(leaf: Leaf, kind: str, value: exp.Expr, scope: Scope) -> exp.Expr:
    if kind not in ("DATE", "TIMESTAMPTZ"):
        raise ConditionInvalid(
            leaf.field, f"“{leaf.field}” is no date or time, so “{leaf.op}” cannot be asked"
        )
    span = parse_span(leaf.value)
    here = scope.now.astimezone(scope.zone)
    there = moved(here, span, back=leaf.op == "within_last").astimezone(scope.zone)
    ends = sorted((here, there))
    if kind == "DATE":
        low, high = (scope.relations.params.bind(end.date(), "DATE") for end in ends)
    else:
        low, high = (scope.relations.params.bind(end.astimezone(UTC), "TIMESTAMPTZ") for end in ends)
    return exp.Between(this=value, low=low, high=high)


def _names_a_day(value: object) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_names_a_day(item) for item in value)
    word = str(value).strip().lower()
    return (len(word) == 10 and word[4:5] == "-") or word.split(" ")[0] in ("today", "yesterday", "tomorrow")


def _day_test(leaf: Leaf, value: exp.Expr, scope: Scope) -> exp.Expr:
    """An instant compared with a whole day means the day's span in the workspace's zone."""
    days = leaf.value if isinstance(leaf.value, list) else [leaf.value, leaf.value]
    first, begins = (to_instant(day, now=scope.now, zone=scope.zone) for day in days)
    last = begins.astimezone(scope.zone)
    after = datetime(last.year, last.month, last.day, tzinfo=scope.zone)
    after = (after.replace(tzinfo=None) + _ONE_DAY).replace(tzinfo=scope.zone).astimezone(UTC)
    high = scope.relations.params.bind(after, "TIMESTAMPTZ")
    match leaf.op:
        case "le":
            return exp.LT(this=value, expression=high)
        case "gt":
            return exp.GTE(this=value, expression=high)
    low = scope.relations.params.bind(first, "TIMESTAMPTZ")
    inside = exp.and_(exp.GTE(this=value, expression=low), exp.LT(this=value.copy(), expression=high))
    return exp.not_(exp.paren(inside)) if leaf.op == "ne" else inside


_ONE_DAY = datetime(2000, 1, 2) - datetime(2000, 1, 1)


def _list_test(leaf: Leaf, path: Path, value: exp.Expr, scope: Scope) -> exp.Expr:
    size = coalesce(function("len", value), exp.Literal.number(0))
    if leaf.op in ("is_empty", "is_set"):
        return size.eq(0) if leaf.op == "is_empty" else size > 0
    given = leaf.value if isinstance(leaf.value, list) else [leaf.value]
    operand = scope.relations.params.bind([str(item) for item in given], "VARCHAR[]")
    match leaf.op:
        case "contains" | "not_contains":
            found = function("list_has_all", value, operand)
        case "in" | "not_in":
            found = function("list_has_any", value, operand)
        case "eq" | "ne":
            found = exp.and_(
                function("list_has_all", value, operand),
                function("list_has_all", operand.copy(), value.copy()),
            )
        case _:
            allowed = "contains, not_contains, in, not_in, eq, ne, is_empty or is_set"
            raise ConditionInvalid(
                leaf.field, f"“{leaf.field}” is a list: ask {allowed} of it, not {leaf.op}"
            )
    return exp.not_(exp.paren(found)) if leaf.op.startswith("n") else found


def _bind(given: object, leaf: Leaf, kind: str, scope: Scope) -> exp.Expr:
    if kind == "UUID":
        return _uuid(given, scope)
    operand = read_operand(given, kind, field=leaf.field, now=scope.now, zone=scope.zone)
    return scope.relations.params.bind(operand, None if kind == "VARCHAR" else kind)


def _uuid(given: object, scope: Scope) -> exp.Expr:
    return exp.TryCast(this=scope.relations.params.bind(str(given)), to=exp.DataType.build("UUID"))


def compile_trace(condition: Condition, scope: Scope) -> list[tuple[Leaf, exp.Expr, exp.Expr]]:
    """Every leaf with the expression of its truth and of the value it sees, for a run's explanation."""
    return [
        (leaf, compile_leaf(leaf, scope), value_expression(leaf.field, scope)) for leaf in leaves(condition)
    ]
