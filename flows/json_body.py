"""JSON as expressions: what a webhook says, of plain values, fields and texts with fields in them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlglot import exp

from crm_core.conditions import Scope, value_expression
from crm_core.model.fields import MoneyField
from crm_core.templates import check_template, compile_template, is_template, single_path
from crm_core.trees import amount_text, column, function
from flows.checks import Checks
from flows.targets import RECORD

_INSTANT = "%Y-%m-%dT%H:%M:%S.%gZ"


def json_of(value: Any, scope: Scope) -> exp.Expr:
    """A value as JSON over the rows of the scope: a field alone keeps its kind, texts are put together.

    Raises:
        ConditionInvalid, TemplateInvalid: A field or a text cannot be used.
    """
    if isinstance(value, Mapping):
        parts = [(str(key), json_of(part, scope)) for key, part in value.items()]
        return _object(parts, scope)
    if isinstance(value, (list, tuple)):
        return function("json_array", *[json_of(part, scope) for part in value])
    if not is_template(value):
        written = json.dumps(value, ensure_ascii=False, default=str)
        return exp.cast(scope.relations.params.bind(written), "JSON", dialect="duckdb")
    path = single_path(value)
    if path is None or path.startswith("workspace."):
        return function("to_json", compile_template(value, scope))
    if path == RECORD:
        return function("to_json", exp.cast(column("id", scope.alias), "VARCHAR", dialect="duckdb"))
    kind = scope.relations.catalog.resolve(scope.module, path).column_type
    return _plain(value_expression(path, scope), kind)


def record_as_json(scope: Scope) -> exp.Expr:
    """The record itself, as the API shows it: system columns and fields by their names."""
    catalog = scope.relations.catalog
    kinds = catalog.columns(scope.module)
    amounts = {one.slug for one in catalog.module(scope.module).fields if isinstance(one, MoneyField)}
    parts: list[tuple[str, exp.Expr]] = []
    for name in kinds:
        base, _, part = name.partition("__")
        if part and base in kinds:
            continue
        further = [one for one in kinds if one.startswith(f"{base}__")]
        if part:
            if name == further[0]:
                inner = [(one.partition("__")[2], _of(one, kinds, scope)) for one in further]
                parts.append((base, _object(inner, scope)))
        elif name in amounts:
            parts.append((name, _money(name, scope)))
        elif not further:
            parts.append((name, _of(name, kinds, scope)))
        else:
            parts.append((name, _object(_pair(name, further, kinds, scope), scope)))
    return _object(parts, scope)


def _pair(
    name: str, further: list[str], kinds: Mapping[str, str], scope: Scope
) -> list[tuple[str, exp.Expr]]:
    """A link with the module that it leads to."""
    return [
        ("id", _of(name, kinds, scope)),
        *((one.partition("__")[2], _of(one, kinds, scope)) for one in further),
    ]


def _money(slug: str, scope: Scope) -> exp.Expr:
    """An amount with its currency, as the API shows it; null where there is none."""
    amount, currency = column(slug, scope.alias), column(f"{slug}__currency", scope.alias)
    parts = [
        ("amount", function("to_json", amount_text(amount.copy()))),
        ("currency", function("to_json", currency)),
    ]
    missing = exp.not_(amount.is_(exp.null()))
    return exp.Case().when(missing, _object(parts, scope), copy=False)


def _of(name: str, kinds: Mapping[str, str], scope: Scope) -> exp.Expr:
    return _plain(column(name, scope.alias), kinds[name])


def _plain(value: exp.Expr, kind: str) -> exp.Expr:
    if kind == "TIMESTAMPTZ":
        there = function("timezone", exp.Literal.string("UTC"), value)
        return function("to_json", function("strftime", there, exp.Literal.string(_INSTANT)))
    if kind in ("DATE", "UUID"):
        return function("to_json", exp.cast(value, "VARCHAR", dialect="duckdb"))
    return function("to_json", value)


def _object(parts: list[tuple[str, exp.Expr]], scope: Scope) -> exp.Expr:
    bind = scope.relations.params.bind
    return function("json_object", *[tree for key, value in parts for tree in (bind(key), value)])


def check_body(checks: Checks, value: Any, place: str = "body") -> Iterator[str]:
    """What is wrong with a body for records of a module."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from check_body(checks, part, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from check_body(checks, part, place)
    elif is_template(value) and single_path(value) != RECORD:
        for problem in check_template(checks.catalog, checks.module, value):
            yield f"{place}: {problem}"
