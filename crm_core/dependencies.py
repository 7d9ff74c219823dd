"""Field dependencies of one record: what its values hide, require, lock, or limit.

The conditions run where all conditions run: over a relation, here of one row, so that a form and a set of a million
rows can never disagree.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_dependency
from crm_core.model import Catalog, Module, Option
from crm_core.params import Params
from crm_core.relations import Relations, relations_for
from crm_core.trees import text
from lake import Lake

_ROW = "r"
_TWO_TIMES = datetime(2000, 1, 1, tzinfo=UTC), datetime(2031, 7, 16, 12, 34, 56, tzinfo=UTC)


@dataclass(frozen=True)
class FieldStates:
    """What the dependencies of a module say of its fields, for the values of one record."""

    hidden: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    options: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    """Slug → why the values, as they are, could not be saved by a change of that field."""

    def allowed(self, slug: str, value: Any) -> Any:
        """The value of a field as far as it can be chosen: what is not among its options is missing."""
        if slug not in self.options:
            return value
        known = {option.value for option in self.options[slug]}
        if isinstance(value, list | tuple):
            return [one for one in value if one in known]
        return value if value in known else None


def read_states(
    lake: Lake, catalog: Catalog, *, module: str, record: Mapping[str, Any], actor: Actor
) -> FieldStates:
    """The states of the fields for a record, saved or not, in the shape that `shape_record` gives.

    What is half typed and cannot be read as its kind yet counts as missing.
    A field with several `visible` dependencies is visible while one of them holds.
    """
    dependencies = catalog.module(module).dependencies
    if not dependencies:
        return FieldStates()
    statement = _compiled(relations_for(lake, catalog, actor), module)
    values = columns_of(catalog, module, record)
    truths = lake.read(statement.sql, statement.about(values)).row(0)
    return _states(catalog, module, truths)


@dataclass(frozen=True)
class _Column:
    """Stands for the value of a column, until there is a record."""

    name: str


@dataclass(frozen=True)
class _Compiled:
    """The statement with one truth for each dependency, of no record yet."""

    sql: str
    values: Mapping[str, Any]

    def about(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The values to bind, for the columns of a record."""
        bound = self.values.items()
        return {name: record.get(one.name) if isinstance(one, _Column) else one for name, one in bound}


def _compiled(relations: Relations, module: str) -> _Compiled:
    """What tests the dependencies of a module; kept for the next record, unless it depends on the time of asking."""

    def kept() -> _Compiled | bool:
        first, second = (_compile(replace(relations, params=Params()), module, now) for now in _TWO_TIMES)
        return first if first == second else False

    known = relations.catalog.memo.of(("states", module, relations.actor, relations.serving), kept)
    return known if isinstance(known, _Compiled) else _compile(relations, module, datetime.now(UTC))


def _compile(relations: Relations, module: str, now: datetime) -> _Compiled:
    scope = Scope(module, _ROW, relations, now)
    dependencies = relations.catalog.module(module).dependencies
    tests = [compile_dependency(dependency, scope).as_(f"d{i}") for i, dependency in enumerate(dependencies)]
    # A row of what is asked about only: a record has dozens of columns, the conditions name a handful.
    asked = {found.name for test in tests for found in test.find_all(exp.Column) if found.table == _ROW}
    row = row_of(relations, module, {name: _Column(name) for name in asked}, asked)
    return _Compiled(text(exp.select(*tests).from_(row.subquery(_ROW))), relations.params.values)


def as_begun(module: Module, folder: str | None = None) -> dict[str, Any]:
    """A new record in a folder (the module's first) before anything is entered: defaults, folder and start status."""
    own = module.folder(folder or "") or module.default_folder
    defaults = {one.slug: one.default for one in module.fields if one.default is not None}
    return {**defaults, "folder": own.slug, "status": own.start_status}


def read_settled(
    lake: Lake,
    catalog: Catalog,
    *,
    module: str,
    record: Mapping[str, Any],
    chosen: Mapping[str, Any],
    actor: Actor,
) -> tuple[FieldStates, frozenset[str]]:
    """The states of the fields while a record is entered, and which of the chosen values no longer stand.

    What another value has hidden, or no more allows, decides nothing any more.

    Args:
        lake: the lake that is asked.
        catalog: the definitions.
        module: the record's.
        record: what it has by itself, in the shape that `shape_record` gives.
        chosen: what was entered so far.
        actor: who enters it.
    """
    left = dict(chosen)
    while True:
        states = read_states(lake, catalog, module=module, record={**record, **left}, actor=actor)
        dropped = [slug for slug, value in left.items() if not _stands(slug, value, states)]
        if not dropped:
            return states, frozenset(chosen.keys() - left.keys())
        for slug in dropped:
            del left[slug]


def _stands(slug: str, value: Any, states: FieldStates) -> bool:
    return value is None or (slug not in states.hidden and states.allowed(slug, value) == value)


def deciding(module: Module) -> frozenset[str]:
    """The names whose values decide about other fields of a record while it is typed.

    What is refused is told when it is saved.
    """
    return frozenset(name for one in module.dependencies if one.effect != "refuse" for name in one.asked)


def revealed(module: Module, names: Collection[str]) -> frozenset[str]:
    """The fields that come and go with values of some of these names."""
    return frozenset(
        slug
        for one in module.dependencies
        if one.effect == "visible" and not one.asked.isdisjoint(names)
        for slug in one.fields
    )


def row_of(
    relations: Relations, module: str, values: Mapping[str, Any], columns: Collection[str]
) -> exp.Select:
    """A relation of one row: some columns, of those that `columns_of` gives; what is not of its kind is missing."""
    return exp.select(
        *[
            _typed(relations.params.bind(values.get(name)), kind).as_(exp.to_identifier(name, quoted=True))
            for name, kind in relations.catalog.columns(module).items()
            if name in columns
        ]
        or [exp.null().as_("nothing")]
    )


def _typed(value: exp.Expr, kind: str) -> exp.Expr:
    return exp.TryCast(this=value, to=exp.DataType.build(kind, dialect="duckdb"))


def _states(catalog: Catalog, module: str, truths: tuple[bool, ...]) -> FieldStates:
    shown: set[str] = set()
    named: dict[str, set[str]] = {"visible": set(), "required": set(), "read_only": set()}
    options: dict[str, tuple[Option, ...]] = {}
    refused: dict[str, str] = {}
    for dependency, holds in zip(catalog.module(module).dependencies, truths, strict=True):
        if dependency.effect == "visible":
            named["visible"] |= set(dependency.fields)
            shown |= set(dependency.fields) if holds else set()
        elif dependency.effect == "options":
            options |= dict.fromkeys(dependency.fields, dependency.options) if holds else {}
        elif dependency.effect == "refuse":
            refused |= dict.fromkeys(dependency.fields, dependency.words) if holds else {}
        elif holds:
            named[dependency.effect] |= set(dependency.fields)
    return FieldStates(
        frozenset(named["visible"] - shown),
        frozenset(named["required"]),
        frozenset(named["read_only"]),
        options,
        refused,
    )


def columns_of(catalog: Catalog, module: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """A record as `shape_record` gives it, saved or not, as the columns of its table."""
    known = catalog.columns(module)
    values: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and set(value) == {"amount", "currency"}:
            values |= {name: value["amount"], f"{name}__currency": value["currency"]}
        elif isinstance(value, dict) and set(value) == {"module", "id"}:
            values |= {name: value["id"], f"{name}__module": value["module"]}
        elif isinstance(value, dict) and name not in known:
            values |= {f"{name}__{part}": piece for part, piece in value.items()}
        else:
            values[name] = str(value) if known.get(name) == "JSON" and value is not None else value
    return values
