"""Values that actions set: plain, taken from a field, put together by a template, or relative to the event."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.errors import ConditionInvalid
from crm_core.model import Catalog, Path, Reference, ToMany
from crm_core.model.fields import ADDRESS_PARTS, AddressField, AutoNumberField, JsonField, MoneyField
from crm_core.operands import SPAN_EXAMPLES, read_operand
from crm_core.templates import compile_template, is_template, single_path
from crm_core.trees import column, function
from crm_core.values.fragments import sql
from flows.targets import RECORD, Target, find_target

_SPAN = re.compile(r"^\s*([+-]?)\s*(\d{1,6})\s*(min|h|d|w|mo|y)\s*$")
_WORD = re.compile(r"^\s*(today|now|tomorrow|yesterday)\s*(?:([+-])\s*(\d{1,6}\s*(?:min|h|d|w|mo|y)))?\s*$")
_INTERVALS = {
    "min": "to_minutes",
    "h": "to_hours",
    "d": "to_days",
    "w": "to_weeks",
    "mo": "to_months",
    "y": "to_years",
}
_NUMBERS = ("BIGINT", "DECIMAL")
_TIMES = ("DATE", "TIMESTAMPTZ")


@dataclass(frozen=True)
class Columns:
    """What becomes of a record's columns: set to a value, or a list with members added and removed."""

    set: Mapping[str, exp.Expr] = field(default_factory=dict)
    add: Mapping[str, exp.Expr] = field(default_factory=dict)
    remove: Mapping[str, exp.Expr] = field(default_factory=dict)

    @property
    def touched(self) -> tuple[str, ...]:
        """Every column it may change."""
        return tuple(dict.fromkeys([*self.set, *self.add, *self.remove]))


@dataclass(frozen=True)
class Source:
    """Where values come from: rows of a module under an alias, and the instant that relative times begin at."""

    scope: Scope
    occurred_at: exp.Expr

    @property
    def catalog(self) -> Catalog:
        """The definitions."""
        return self.scope.relations.catalog


def compile_values(source: Source, module: str, values: Mapping[str, Any]) -> Columns:
    """Build the columns of a record of `module` from values by field.

    Raises:
        ConditionInvalid: A field is unknown, or its value is of the wrong kind.
        TemplateInvalid: A template cannot be used.
    """
    parts = [
        compile_value(source, find_target(source.catalog, module, slug), given)
        for slug, given in values.items()
    ]
    return Columns(
        {name: tree for part in parts for name, tree in part.set.items()},
        {name: tree for part in parts for name, tree in part.add.items()},
        {name: tree for part in parts for name, tree in part.remove.items()},
    )


def compile_value(source: Source, target: Target, given: Any) -> Columns:
    """Build the columns of one field."""
    if given is None:
        return Columns(
            {name: exp.cast(exp.null(), kind, dialect="duckdb") for name, kind in target.columns.items()}
        )
    if target.reference is not None:
        return Columns(_reference(source, target, target.reference, given))
    if target.is_list:
        return _list(source, target, given)
    if isinstance(target.field, MoneyField):
        return Columns(_money(source, target, given))
    if isinstance(target.field, AddressField):
        return Columns(_address(source, target, given))
    return Columns({target.column: _scalar(source, target, target.column_type, given)})


def _scalar(source: Source, target: Target, kind: str, given: Any) -> exp.Expr:
    if is_template(given):
        return _from_template(source, target, kind, given)
    if kind in _TIMES:
        relative = _relative(given, target)
        if relative is not None:
            return _moment(source, kind, *relative)
    if isinstance(target.field, JsonField):
        return source.scope.relations.params.bind(json.dumps(given, ensure_ascii=False), "JSON")
    if isinstance(given, (dict, list)):
        raise ConditionInvalid(given, f"“{target.slug}” takes one value, not {given!r}")
    try:
        operand = read_operand(given, kind, field=target.slug, now=datetime.now(UTC), zone=source.scope.zone)
    except ConditionInvalid as error:
        raise ConditionInvalid(
            given, f"“{target.slug}” is {target.wants}: {_reason(error, given)}"
        ) from error
    return source.scope.relations.params.bind(operand, None if kind == "VARCHAR" else kind)


def _reason(error: ConditionInvalid, given: Any) -> str:
    """The reason without the words of a comparison, which this is not."""
    return f"{given!r} is none" if "compared" in error.reason else error.reason


def _from_template(source: Source, target: Target, kind: str, template: str) -> exp.Expr:
    path_text = single_path(template)
    if path_text is not None and not path_text.startswith("workspace."):
        path = source.catalog.resolve(source.scope.module, path_text)
        copied = _copied(source, path, path_text, kind)
        if copied is not None:
            return copied
        if kind != "VARCHAR":
            raise ConditionInvalid(template, f"“{target.slug}” is {target.wants}, which “{path_text}” is not")
    if kind != "VARCHAR":
        raise ConditionInvalid(
            template, f"“{target.slug}” is {target.wants}; a text put together cannot be one"
        )
    return function("nullif", compile_template(template, source.scope), exp.Literal.string(""))


def _copied(source: Source, path: Path, path_text: str, kind: str) -> exp.Expr | None:
    """The value of a path as it is, or turned into a kind that loses nothing a person would miss; None if neither."""
    if any(isinstance(step, ToMany) for step in path.steps) and not path.total:
        return None
    value, given = value_expression(path_text, source.scope), path.column_type
    if given == kind and not isinstance(path.field, AddressField):
        return None if kind == "UUID" and isinstance(path.field, Reference) else value
    if given.startswith(_NUMBERS) and kind.startswith(_NUMBERS):
        return exp.TryCast(this=value, to=exp.DataType.build(kind, dialect="duckdb"))
    if given in _TIMES and kind in _TIMES:
        return _as_day(source, value) if kind == "DATE" else _as_instant(source, value)
    return None


def _zone(source: Source) -> exp.Expr:
    return source.scope.relations.params.bind(source.scope.zone.key)


def _as_day(source: Source, instant: exp.Expr) -> exp.Expr:
    return exp.cast(function("timezone", _zone(source), instant), "DATE", dialect="duckdb")


def _as_instant(source: Source, day: exp.Expr) -> exp.Expr:
    return function("timezone", _zone(source), exp.cast(day, "TIMESTAMP", dialect="duckdb"))


def _relative(given: Any, target: Target) -> tuple[str, int, str] | None:
    """`{in: 4h}`, `{today: +3d}`, `{now: -1d}` or the words `today + 3d` as (anchor, number, unit)."""
    if isinstance(given, str):
        word = _WORD.match(given.lower())
        if word is None:
            return None
        if word[1] in ("tomorrow", "yesterday"):
            if word[3]:
                raise ConditionInvalid(given, f"“{target.slug}”: write today + 3d instead of {given!r}")
            return "today", 1 if word[1] == "tomorrow" else -1, "d"
        return (word[1], *_signed(f"{word[2] or '+'}{word[3] or '0d'}", given, target))
    if isinstance(given, Mapping):
        if len(given) != 1 or next(iter(given)) not in ("in", "now", "today"):
            raise ConditionInvalid(
                given, f"“{target.slug}” takes {{in: 4h}}, {{now: -1d}} or {{today: +3d}}, not {given!r}"
            )
        [(anchor, span)] = given.items()
        return ("now" if anchor == "in" else anchor, *_signed(str(span), given, target))
    return None


def _signed(span: str, given: Any, target: Target) -> tuple[int, str]:
    found = _SPAN.match(span)
    if found is None:
        raise ConditionInvalid(
            given, f"“{target.slug}”: {span!r} is no length of time; write {SPAN_EXAMPLES}"
        )
    return int(found[2]) * (-1 if found[1] == "-" else 1), found[3]


def _moment(source: Source, kind: str, anchor: str, number: int, unit: str) -> exp.Expr:
    """Days, weeks, months and years are the calendar's in the workspace's zone; hours and minutes are exact."""
    span = function(_INTERVALS[unit], exp.cast(exp.Literal.string(str(number)), "INTEGER", dialect="duckdb"))
    instant: exp.Expr = source.occurred_at.copy()
    if anchor == "now" and unit in ("h", "min"):
        instant = exp.paren(exp.Add(this=instant, expression=span))
        return _as_day(source, instant) if kind == "DATE" else instant
    local = function("timezone", _zone(source), instant)
    if anchor == "today":
        local = function("date_trunc", exp.Literal.string("day"), local)
    moved = exp.paren(exp.Add(this=local, expression=span))
    return (
        exp.cast(moved, "DATE", dialect="duckdb")
        if kind == "DATE"
        else function("timezone", _zone(source), moved)
    )


def moment_expression(source: Source, span: str) -> exp.Expr:
    """The instant a length of time such as `4h` or `3d` after the event, in UTC; days are the calendar's.

    Raises:
        ConditionInvalid: It is no length of time.
    """
    found = _SPAN.match(span)
    if found is None:
        raise ConditionInvalid(span, f"{span!r} is no length of time; write {SPAN_EXAMPLES}")
    number = int(found[2]) * (-1 if found[1] == "-" else 1)
    return _moment(source, "TIMESTAMPTZ", "now", number, found[3])


def _list(source: Source, target: Target, given: Any) -> Columns:
    name = target.column
    if isinstance(given, Mapping):
        unknown = set(given) - {"add", "remove"}
        if unknown or not given:
            raise ConditionInvalid(
                given, f"“{target.slug}” takes a list, or {{add: […], remove: […]}}, not {given!r}"
            )
        return Columns(
            add={name: _members(source, target, given["add"])} if given.get("add") else {},
            remove={name: _members(source, target, given["remove"])} if given.get("remove") else {},
        )
    return Columns({name: _members(source, target, given)})


def _members(source: Source, target: Target, given: Any) -> exp.Expr:
    """A list of texts, each once and in their order; what is missing or empty is left out.

    A list of the record can be copied whole.
    """
    items = given if isinstance(given, (list, tuple)) else [given]
    if len(items) == 1 and is_template(items[0]):
        path_text = single_path(items[0])
        if path_text is not None:
            path = source.catalog.resolve(source.scope.module, path_text)
            if path.column_type.endswith("[]") and not path.steps:
                return value_expression(path_text, source.scope)
    trees = [_scalar(source, target, "VARCHAR", item) for item in items]
    listed = exp.cast(function("list_value", *trees), "VARCHAR[]", dialect="duckdb")
    return sql(
        "list_filter($listed, lambda x, i: x IS NOT NULL AND list_position($listed, x) = i)", listed=listed
    )


def _money(source: Source, target: Target, given: Any) -> dict[str, exp.Expr]:
    amount, currency = target.columns
    if isinstance(given, Mapping):
        if not given or set(given) - {"amount", "currency"}:
            raise ConditionInvalid(given, f"“{target.slug}” takes {{amount, currency}}, not {given!r}")
        names = {"amount": (amount, target.columns[amount]), "currency": (currency, "VARCHAR")}
        return {
            names[part][0]: _scalar(source, target, names[part][1], value) for part, value in given.items()
        }
    tree = _scalar(source, target, target.columns[amount], given)
    if is_template(given):
        path_text = str(single_path(given)).removesuffix(".amount")
        found = source.catalog.resolve(source.scope.module, path_text)
        if isinstance(found.field, MoneyField):
            return {amount: tree, currency: value_expression(f"{path_text}.currency", source.scope)}
    default = getattr(target.field, "currency", "") or source.catalog.workspace.currency
    return {amount: tree, currency: source.scope.relations.params.bind(default)}


def _address(source: Source, target: Target, given: Any) -> dict[str, exp.Expr]:
    if isinstance(given, Mapping) and given and set(given) <= set(ADDRESS_PARTS):
        return {
            f"{target.slug}__{part}": _scalar(source, target, "VARCHAR", value)
            for part, value in given.items()
        }
    path_text = single_path(given) if is_template(given) else None
    if path_text is not None:
        found = source.catalog.resolve(source.scope.module, path_text)
        if isinstance(found.field, AddressField) and path_text.rpartition(".")[2] == found.field.slug:
            parts = {f"{target.slug}__{part}": f"{path_text}.{part}" for part in ADDRESS_PARTS}
            return {name: value_expression(path, source.scope) for name, path in parts.items()}
    raise ConditionInvalid(
        given, f"“{target.slug}” takes an address, or an object of {', '.join(ADDRESS_PARTS)}"
    )


def _reference(source: Source, target: Target, reference: Reference, given: Any) -> dict[str, exp.Expr]:
    bind = source.scope.relations.params.bind
    if isinstance(given, Mapping):
        if set(given) != {"module", "id"} or given["module"] not in reference.targets:
            allowed = ", ".join(reference.targets)
            raise ConditionInvalid(given, f"“{target.slug}” takes {{module, id}} with a module of {allowed}")
        module, value = str(given["module"]), _id_of(source, target, given["id"])
    elif is_template(given) and single_path(given) == RECORD:
        module, value = source.scope.module, column("id", source.scope.alias)
    elif is_template(given) and (path_text := single_path(given)) is not None:
        path = source.catalog.resolve(source.scope.module, path_text)
        if not isinstance(path.field, Reference):
            module, value = reference.targets[0], _id_of(source, target, given)
        else:
            return _copied_reference(source, target, reference, path, path_text)
    else:
        module, value = reference.targets[0], _id_of(source, target, given)
    if module not in reference.targets:
        allowed = ", ".join(reference.targets)
        raise ConditionInvalid(given, f"“{target.slug}” points to {allowed}, not to {module}")
    return {reference.slug: value} | (
        {reference.module_column: bind(module)} if reference.polymorphic else {}
    )


def _copied_reference(
    source: Source, target: Target, reference: Reference, path: Path, path_text: str
) -> dict[str, exp.Expr]:
    pointed: Reference = path.field  # type: ignore[assignment]
    if not set(pointed.targets) & set(reference.targets):
        allowed = ", ".join(reference.targets)
        raise ConditionInvalid(
            path_text, f"“{target.slug}” points to {allowed}, “{path_text}” to {pointed.targets[0]}"
        )
    value = value_expression(path_text, source.scope)
    module: exp.Expr = source.scope.relations.params.bind(pointed.targets[0])
    if pointed.polymorphic:
        if path.steps:
            raise ConditionInvalid(
                path_text, f"“{path_text}” may lead to several modules; copy it from the record itself"
            )
        module = column(pointed.module_column, source.scope.alias)
        fits = module.copy().isin(*[source.scope.relations.params.bind(slug) for slug in reference.targets])
        value = exp.Case().when(fits, value, copy=False)
        module = exp.Case().when(fits.copy(), module, copy=False)
    return {reference.slug: value} | ({reference.module_column: module} if reference.polymorphic else {})


def _id_of(source: Source, target: Target, given: Any) -> exp.Expr:
    if is_template(given):
        path_text = single_path(given)
        path = source.catalog.resolve(source.scope.module, path_text) if path_text else None
        if path is None or path.column_type != "UUID":
            raise ConditionInvalid(
                given, f"“{target.slug}” needs the id of a record: write {{{{ record }}}} or a link"
            )
        return value_expression(str(path_text), source.scope)
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(given)):
        raise ConditionInvalid(given, f"“{target.slug}” needs the id of a record, not {given!r}")
    return source.scope.relations.params.bind(str(given), "UUID")


def plain_values(values: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """The values that are known before any record is: what a search for cycles can compare with `is`."""
    known = {slug: given for slug, given in values.items() if _is_plain(given)}
    return {slug: frozenset([str(given)]) for slug, given in known.items()}


def _is_plain(given: Any) -> bool:
    return isinstance(given, (str, int, float, bool)) and not is_template(given)


def literals_of(given: Any) -> Iterable[Any]:
    """The plain members of a value: itself, the items of a list, what is added or removed."""
    if isinstance(given, Mapping):
        for part in given.values():
            yield from literals_of(part)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        for part in given:
            yield from literals_of(part)
    elif given is not None and not is_template(given):
        yield given


def is_settable(target: Target) -> bool:
    """Whether an action may set it: an auto-number counts by itself."""
    return not isinstance(target.field, AutoNumberField)
