"""Values as text that people read, and the filters that shape them: builders of SQL for templates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.errors import TemplateInvalid
from crm_core.model import Reference, ToMany
from crm_core.model.fields import AddressField, MoneyField, MultiSelectField, SelectField
from crm_core.trees import coalesce, function

_EMPTY = exp.Literal.string("")


@dataclass(frozen=True)
class Value:
    """An expression with the DuckDB type of what it gives, and the code of its currency when it is money."""

    tree: exp.Expr
    kind: str
    currency: exp.Expr | None = None
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Filter:
    """One filter: how it changes a value, and how many arguments of which type it takes."""

    apply: Callable[[Value, Sequence[Any], Scope], Value]
    arguments: tuple[int, type] = (0, str)


def read_value(path_text: str, scope: Scope) -> Value:
    """What a path reads, ready to be shown: a reference shows the title of its record, an address is one line."""
    catalog = scope.relations.catalog
    path = catalog.resolve(scope.module, path_text)
    if isinstance(path.field, Reference):
        target = catalog.module(path.field.targets[0])
        return read_value(f"{path_text}.{target.title}", scope)
    tree = value_expression(path_text, scope)
    if path.total:
        own = scope.relations.params.bind(catalog.workspace.currency)
        return Value(tree, path.column_type, own if isinstance(path.field, MoneyField) else None)
    many = any(isinstance(step, ToMany) for step in path.steps)
    if isinstance(path.field, AddressField) and path_text.rpartition(".")[2] == path.field.slug:
        return Value(_address(path_text, scope), "VARCHAR")
    if many:
        return Value(tree, "VARCHAR[]")
    if isinstance(path.field, MoneyField) and not path_text.endswith(".currency"):
        stem = path_text.removesuffix(".amount")
        return Value(tree, path.column_type, value_expression(f"{stem}.currency", scope))
    labels: tuple[tuple[str, str], ...] = ()
    if isinstance(path.field, (SelectField, MultiSelectField)):
        labels = _labels(path.module, path.field.slug, scope) or tuple(
            (option.value, option.text) for option in getattr(path.field, "options", ()) or ()
        )
    return Value(tree, path.column_type, labels=labels)


def _labels(module: str, slug: str, scope: Scope) -> tuple[tuple[str, str], ...]:
    catalog = scope.relations.catalog
    if slug == "status":
        return tuple(
            {s.slug: s.name for folder in catalog.module(module).folders for s in folder.statuses}.items()
        )
    if slug == "folder":
        return tuple((folder.slug, folder.name) for folder in catalog.module(module).folders)
    if slug == "team":
        return tuple((team.slug, team.name) for team in catalog.teams.values())
    return ()


def _address(path_text: str, scope: Scope) -> exp.Expr:
    street, code, city, country = (
        function("nullif", value_expression(f"{path_text}.{part}", scope), _EMPTY.copy())
        for part in ("street", "postal_code", "city", "country")
    )
    space, comma = exp.Literal.string(" "), exp.Literal.string(", ")
    place = function("nullif", function("concat_ws", space, code, city), _EMPTY.copy())
    return function("concat_ws", comma, street, place, country)


def display(value: Value, scope: Scope) -> exp.Expr:
    """The value as text; NULL stays NULL."""
    if value.kind == "VARCHAR":
        return value.tree
    if value.kind.endswith("[]"):
        return function("array_to_string", value.tree, exp.Literal.string(", "))
    if value.kind.startswith("DECIMAL"):
        return _number(value)
    if value.kind == "TIMESTAMPTZ":
        return _formatted(value, "%Y-%m-%d %H:%M", scope)
    if value.kind == "DATE":
        return _formatted(value, "%Y-%m-%d", scope)
    if value.kind == "BOOLEAN":
        yes = exp.Case().when(value.tree, exp.Literal.string("yes"), copy=False)
        no = yes.when(exp.not_(exp.paren(value.tree.copy())), exp.Literal.string("no"), copy=False)
        return no
    return exp.cast(value.tree, "VARCHAR", dialect="duckdb")


def _number(value: Value) -> exp.Expr:
    """A decimal without needless zeros; an amount of money with two digits at least and its currency."""
    text = exp.cast(value.tree, "VARCHAR", dialect="duckdb")
    if value.currency is None:
        # Only what stands behind the point is cut: 100.000000 is 100, not 1.
        return _replaced(_replaced(text, r"\.0+$", ""), r"(\.\d*[1-9])0+$", r"\1")
    return _with_code(_replaced(text, r"(\.\d\d)(\d*[1-9])?0*$", r"\1\2"), value)


def _replaced(text: exp.Expr, pattern: str, by: str) -> exp.Expr:
    return function("regexp_replace", text, exp.Literal.string(pattern), exp.Literal.string(by))


def _with_code(text: exp.Expr, value: Value) -> exp.Expr:
    """The text and its currency; a missing currency is left out, a missing amount is missing."""
    if value.currency is None:
        return text
    suffix = coalesce(exp.DPipe(this=exp.Literal.string(" "), expression=value.currency), _EMPTY.copy())
    return exp.paren(exp.DPipe(this=text, expression=suffix))


def _local(value: Value, scope: Scope) -> exp.Expr:
    """An instant as the wall clock of the workspace's zone shows it; a date as it is."""
    if value.kind != "TIMESTAMPTZ":
        return value.tree
    return function("timezone", scope.relations.params.bind(scope.zone.key), value.tree)


def _formatted(value: Value, pattern: str, scope: Scope) -> exp.Expr:
    return function("strftime", _local(value, scope), exp.Literal.string(pattern))


def _text_filter(called: str) -> Filter:
    def apply(value: Value, _: Sequence[Any], scope: Scope) -> Value:
        return Value(function(called, display(value, scope)), "VARCHAR")

    return Filter(apply)


def _capitalize(value: Value, _: Sequence[Any], scope: Scope) -> Value:
    text, one, two = display(value, scope), exp.Literal.number(1), exp.Literal.number(2)
    first = function("upper", function("substring", text, one, one.copy()))
    return Value(function("concat", first, function("substring", text.copy(), two)), "VARCHAR")


def _date_filter(pattern: str) -> Filter:
    def apply(value: Value, arguments: Sequence[Any], scope: Scope) -> Value:
        if value.kind not in ("DATE", "TIMESTAMPTZ"):
            raise TemplateInvalid(value.kind, "the filters date and time need a date or a time")
        bound = scope.relations.params.bind(arguments[0]) if arguments else exp.Literal.string(pattern)
        return Value(function("strftime", _local(value, scope), bound), "VARCHAR")

    return Filter(apply, (1, str))


def _default(value: Value, arguments: Sequence[Any], scope: Scope) -> Value:
    text = function("nullif", display(value, scope), _EMPTY.copy())
    return Value(coalesce(text, scope.relations.params.bind(arguments[0] if arguments else "")), "VARCHAR")


def _truncate(value: Value, arguments: Sequence[Any], scope: Scope) -> Value:
    limit = max(1, min(int(arguments[0]) if arguments else 100, 100_000))
    text, size = display(value, scope), exp.Literal.number(limit)
    head = function("concat", function("left", text, exp.Literal.number(limit - 1)), exp.Literal.string("…"))
    longer = exp.GT(this=function("length", text.copy()), expression=size)
    return Value(exp.Case().when(longer, head, copy=False).else_(text.copy(), copy=False), "VARCHAR")


def _money(value: Value, _: Sequence[Any], scope: Scope) -> Value:
    """Two digits and groups of three, with the currency when the value has one."""
    if not value.kind.startswith("DECIMAL") and value.kind != "BIGINT":
        raise TemplateInvalid(value.kind, "the filter money needs a number or an amount")
    rounded = exp.cast(
        function("round", value.tree, exp.Literal.number(2)), "DECIMAL(18,2)", dialect="duckdb"
    )
    digits = function("abs", rounded)
    whole = exp.cast(function("floor", digits), "BIGINT", dialect="duckdb")
    cents = function("right", exp.cast(digits.copy(), "VARCHAR", dialect="duckdb"), exp.Literal.number(3))
    sign = exp.Case().when(
        exp.LT(this=rounded.copy(), expression=exp.Literal.number(0)), exp.Literal.string("-")
    )
    grouped = function("format", exp.Literal.string("{:,}"), whole)
    text = function("concat", sign, grouped, cents)
    shown = exp.Case().when(exp.not_(value.tree.copy().is_(exp.null())), _with_code(text, value), copy=False)
    return Value(shown, "VARCHAR")


def _label(value: Value, _: Sequence[Any], scope: Scope) -> Value:
    """What people read for an option, a status, a folder or a team."""
    if not value.labels or value.kind != "VARCHAR":
        return Value(display(value, scope), "VARCHAR")
    case = exp.Case(this=value.tree)
    for stored, label in value.labels:
        bind = scope.relations.params.bind
        case = case.when(bind(stored), bind(label), copy=False)
    return Value(case.else_(value.tree.copy(), copy=False), "VARCHAR")


FILTERS: dict[str, Filter] = {
    "upper": _text_filter("upper"),
    "lower": _text_filter("lower"),
    "trim": _text_filter("trim"),
    "capitalize": Filter(_capitalize),
    "date": _date_filter("%Y-%m-%d"),
    "time": _date_filter("%H:%M"),
    "money": Filter(_money),
    "label": Filter(_label),
    "default": Filter(_default, (1, str)),
    "truncate": Filter(_truncate, (1, int)),
}
"""Every filter of a template, by its name."""
