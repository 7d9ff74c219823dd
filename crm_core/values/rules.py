"""Rules that look at a whole row: required, and what dependencies say of visibility, change and options.

They run over a relation with every column of the module, so that a row to be, a changed row and a form on the
screen are judged by the same statement.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition, compile_dependency
from crm_core.model import Catalog, Dependency, Module, Reference
from crm_core.model.fields import Field, MultiSelectField
from crm_core.params import Params
from crm_core.relations import Relations
from crm_core.trees import all_of, any_of, column
from crm_core.values.fragments import (
    Statement,
    aliased,
    case,
    compiled,
    literal,
    named_table,
    nested,
    select_from,
    sql,
)
from crm_core.values.lookups import Runner
from crm_core.values.plan import writable
from lake import ident

ROW = "r"


@dataclass(frozen=True)
class RowRules:
    """What is asked of the rows of one module.

    Attributes:
        hidden: slug → true where the field is not in use.
        required: slug → true where a value must be there.
        frozen: slug → true where the value may not be changed.
        limits: slug → (true where it holds, the values then allowed).
        refused: slug → (true where the row must not come to be, the code of why).
    """

    hidden: dict[str, exp.Expr] = field(default_factory=dict)
    required: dict[str, exp.Expr] = field(default_factory=dict)
    frozen: dict[str, exp.Expr] = field(default_factory=dict)
    limits: dict[str, list[tuple[exp.Expr, tuple[str, ...]]]] = field(default_factory=dict)
    refused: dict[str, list[tuple[exp.Expr, str]]] = field(default_factory=dict)

    @property
    def slugs(self) -> tuple[str, ...]:
        """Everything that any rule is about."""
        return tuple(dict.fromkeys([*self.required, *self.hidden, *self.frozen, *self.limits, *self.refused]))


def row_rules(
    catalog: Catalog,
    module: Module,
    scope: Scope,
    *,
    touched: Iterable[str] | None = None,
    idle: Collection[int] = (),
) -> RowRules:
    """Compile the rules of a module over the rows of `scope.alias`.

    Args:
        catalog: the definitions.
        module: whose rows they are.
        scope: the relation, and whose eyes conditions see related records with.
        touched: slugs that a change gives values for; only what they bear on is asked. None asks everything.
        idle: places of dependencies in the module's list that hold for no row.
    """
    names = None if touched is None else set(touched)
    rules = RowRules()
    for slug, one in writable(catalog, module.slug).items():
        if names is not None and slug not in names:
            continue
        if one.required:
            rules.required[slug] = exp.true()
        if slug == "created_at" or (not isinstance(one, Reference) and one.read_only):
            rules.frozen[slug] = exp.true()
    shown: dict[str, list[exp.Expr]] = {}
    for place, dependency in enumerate(module.dependencies):
        if names is not None and not names & _bears_on(dependency):
            continue
        holds = exp.false() if place in idle else compile_dependency(dependency, scope)
        for slug in dependency.fields:
            match dependency.effect:
                case "visible":
                    shown.setdefault(slug, []).append(holds)
                case "required":
                    rules.required[slug] = _either(rules.required.get(slug), holds)
                case "read_only":
                    rules.frozen[slug] = _either(rules.frozen.get(slug), holds)
                case "options":
                    values = tuple(option.value for option in dependency.options)
                    rules.limits.setdefault(slug, []).append((holds, values))
                case "refuse":
                    rules.refused.setdefault(slug, []).append((holds, refusal_code(place)))
    for slug, ways in shown.items():
        rules.hidden[slug] = exp.not_(exp.paren(any_of(ways)))
    return rules


def refusal_code(place: int) -> str:
    """The code of what the dependency at a place of the module's list refuses."""
    return f"refused_{place}"


def refusals(module: Module) -> dict[str, str]:
    """Code → what is said when a dependency of the module refuses a row."""
    return {
        refusal_code(place): one.words
        for place, one in enumerate(module.dependencies)
        if one.effect == "refuse"
    }


def _bears_on(dependency: Dependency) -> set[str]:
    if dependency.effect == "refuse":
        # A move to another folder may give another status.
        return set(dependency.fields) | ({"folder"} if "status" in dependency.fields else set())
    return {*dependency.fields, *dependency.asked}


def _either(known: exp.Expr | None, other: exp.Expr) -> exp.Expr:
    return other if known is None else exp.or_(known, other)


def is_missing(one: Field | Reference, relation: str) -> exp.Expr:
    """True where a row has no value for a field: none of an address's parts, no item of a list."""
    columns = list(one.columns) if isinstance(one, Reference) or one.kind != "address" else []
    if columns:
        value = column(columns[0], relation)
        return sql("coalesce(len($v), 0) = 0", v=value) if _is_list(one) else value.is_(exp.null())
    return all_of([column(part, relation).is_(exp.null()) for part in one.columns])


def _is_list(one: Field | Reference) -> bool:
    return not isinstance(one, Reference) and next(iter(one.columns.values())).endswith("[]")


def rule_codes(
    catalog: Catalog,
    module: Module,
    rules: RowRules,
    *,
    given: Mapping[str, exp.Expr],
    params: Params,
    set_aside: Iterable[str] = (),
    comes: Mapping[str, exp.Expr] | None = None,
) -> dict[str, exp.Expr]:
    """Slug → the code of what is wrong with it in a row, or NULL.

    Args:
        catalog: the definitions.
        module: whose rows they are.
        rules: what is asked.
        given: slug → true where this write brings a value that differs from the one there was.
        params: takes the values that the expressions bind.
        set_aside: slugs with a column `<slug>__problem`: what is wrong already is not missing as well.
        comes: slug → true where a row that was there has come to another value; None for rows that are new.
    """
    fields = writable(catalog, module.slug)
    aside = set(set_aside)
    codes: dict[str, exp.Expr] = {}
    for slug in rules.slugs:
        one = fields.get(slug)
        if one is None:
            continue
        missing, brings = is_missing(one, ROW), given.get(slug, exp.false())
        hidden = rules.hidden.get(slug, exp.false())
        branches = [(all_of([hidden, brings, exp.not_(exp.paren(missing))]), literal("hidden"))]
        if slug in rules.required:
            tests: list[exp.Expr] = [
                exp.paren(rules.required[slug]),
                exp.paren(missing.copy()),
                exp.not_(exp.paren(hidden.copy())),
            ]
            if slug in aside:
                tests.append(column(f"{slug}__problem", ROW).is_(exp.null()))
            branches.append((all_of(tests), literal("required")))
        if slug in rules.frozen:
            branches.append((all_of([exp.paren(rules.frozen[slug]), brings.copy()]), literal("read_only")))
        for holds, values in rules.limits.get(slug, []):
            outside = _outside(one, params.bind(list(values), "VARCHAR[]"))
            branches.append((all_of([exp.paren(holds), brings.copy(), outside]), literal("option")))
        for holds, code in rules.refused.get(slug, []):
            moved = exp.not_(exp.paren(missing.copy())) if comes is None else comes.get(slug, exp.false())
            branches.append((all_of([moved.copy(), exp.paren(holds.copy())]), literal(code)))
        codes[slug] = case(branches)
    return codes


def _outside(one: Field | Reference, allowed: exp.Expr) -> exp.Expr:
    value = column(next(iter(one.columns)), ROW)
    if isinstance(one, MultiSelectField):
        return sql("NOT list_has_all($allowed, coalesce($v, []))", allowed=allowed, v=value)
    return sql("$v IS NOT NULL AND NOT list_contains($allowed, $v)", allowed=allowed, v=value)


def judge_rows(
    s: Runner,
    catalog: Catalog,
    module: Module,
    *,
    actor: Actor,
    rows: str,
    into: str,
    given: Sequence[str],
    compared: bool = False,
    trusted: bool = False,
    set_aside: Sequence[str] = (),
    refusing: bool = True,
) -> tuple[str, ...]:
    """Make a temp table `into` of the rows that break a rule; returns the slugs judged.

    Beside `_row` it has a column `<slug>__problem` for each of them.

    Args:
        s: a session or transaction.
        catalog: the definitions.
        module: whose rows they are.
        actor: whose eyes conditions over related records see with.
        rows: the temp table with every column of the module, and `_row`.
        into: the temp table to make; it is not made when there is no rule.
        given: the slugs that the write gives values for.
        compared: whether the rows are there already: they have a column `<slug>__differs` for each given one, and
            only what the change bears on is asked.
        trusted: whether what may not be changed may be set all the same.
        set_aside: slugs with a column `<slug>__problem`: what is wrong already is not missing as well.
        refusing: whether rows must not come to be what a dependency refuses; rows that are so already are let be.
    """

    touched = given if compared else None

    def make(idle: Collection[int] = ()) -> tuple[Statement | None, tuple[str, ...]]:
        params = Params("d")
        scope = Scope(module.slug, ROW, Relations(catalog, actor, params))
        rules = row_rules(catalog, module, scope, touched=touched, idle=idle)
        if trusted:
            rules.frozen.clear()
        if not refusing:
            rules.refused.clear()
        brings, comes = _brought(writable(catalog, module.slug), given, compared)
        codes = rule_codes(
            catalog, module, rules, given=brings, params=params, set_aside=set_aside, comes=comes
        )
        if not codes:
            return None, ()
        return _breaking(codes, rows, params), tuple(codes)

    if module.dependencies:
        # Conditions hold what the time is and whom they are read for.
        statement, judged = make(_idle(s, catalog, module, actor=actor, rows=rows, touched=touched))
    else:
        key = ("rules", module.slug, rows, tuple(given), compared, trusted, tuple(set_aside))
        statement, judged = catalog.memo.of(key, make)
    if statement is not None:
        s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(into)} AS {statement.sql}", statement.values())
    return judged


def _idle(
    s: Runner, catalog: Catalog, module: Module, *, actor: Actor, rows: str, touched: Sequence[str] | None
) -> frozenset[int]:
    """The dependencies over related records whose condition on the row itself none meets.

    To ask for related records takes longer than everything else that a row is judged by, and is mostly not needed.
    """
    params = Params("d")
    scope = Scope(module.slug, ROW, Relations(catalog, actor, params))
    asked = {
        place: compile_condition(one.when, scope)
        for place, one in enumerate(module.dependencies)
        if one.related is not None and (touched is None or _bears_on(one) & set(touched))
    }
    if not asked:
        return frozenset()
    met = [aliased(sql("coalesce(bool_or($w), false)", w=when), f"d{place}") for place, when in asked.items()]
    statement = compiled(select_from(met, named_table(rows, ROW)), params.values)
    [found] = s.read_arrow(statement.sql, statement.values()).to_pylist()
    return frozenset(place for place in asked if not found[f"d{place}"])


def _brought(
    fields: Mapping[str, Field | Reference], given: Sequence[str], compared: bool
) -> tuple[dict[str, exp.Expr], dict[str, exp.Expr] | None]:
    """Slug → true where the write brings another value; and the same of what it changes without bringing it."""
    if not compared:
        return {slug: exp.not_(exp.paren(is_missing(fields[slug], ROW))) for slug in given}, None
    brings: dict[str, exp.Expr] = {slug: column(f"{slug}__differs", ROW) for slug in given}
    comes = dict(brings)
    if "folder" in given and "status" not in given:
        was = column("_status_was", ROW)
        comes["status"] = exp.NullSafeNEQ(this=column("status", ROW), expression=was)
    return brings, comes


def _breaking(codes: Mapping[str, exp.Expr], rows: str, params: Params) -> Statement:
    """The rows that break any of the rules."""
    columns = [aliased(code, f"{slug}__problem") for slug, code in codes.items()]
    judged = select_from([column("_row", ROW), *columns], named_table(rows, ROW))
    wrong = any_of([exp.not_(column(f"{slug}__problem").is_(exp.null())) for slug in codes])
    return compiled(select_from([exp.Star()], nested(judged, "j"), where=wrong), params.values)
