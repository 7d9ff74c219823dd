"""From a staged table of any types to typed columns and problems: a few statements, however many rows."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from crm_core.directory import Directory
from crm_core.errors import Problem
from crm_core.model import Catalog, Reference
from crm_core.model.fields import Field
from crm_core.params import Params
from crm_core.trees import column, name, text
from crm_core.values.formats import Reading
from crm_core.values.fragments import (
    Statement,
    aliased,
    compiled,
    left_join,
    literal,
    named_table,
    nested,
    select_from,
    sql,
)
from crm_core.values.lookups import KNOWN, Question, Runner, look_up
from crm_core.values.messages import message
from crm_core.values.plan import given_fields, steps_of, writable
from crm_core.values.steps import Context, Steps, cleaned, parsed
from lake import ident

PROBLEM_COLUMNS = "_row BIGINT, field VARCHAR, code VARCHAR, message VARCHAR, received VARCHAR"
_SHORTENED = 120
FEW = 200
"""Up to so many rows the libraries are asked about every value."""
_Fields = Mapping[str, Field | Reference]


@dataclass(frozen=True)
class Typed:
    """A temp table of typed values.

    Attributes:
        table: its name; it has `_row`, every other staged column that begins with `_`, and `columns`.
        problems: the temp table with what is wrong: `_row, field, code, message, received`.
        columns: column of the module's table → DuckDB type.
        fields: slug → field of everything that was given.
        found: how many problems there are.
        judged: slugs of which any value is wrong: those with a column `<slug>__problem`, the code of what is.
        received: slug → the SQL over the staged table of what came in, as text.
        carried: the columns that begin with `_`, where they are known.
    """

    table: str
    problems: str
    columns: dict[str, str]
    fields: dict[str, Field | Reference]
    found: int = 0
    judged: tuple[str, ...] = ()
    received: Mapping[str, str] = dataclasses.field(default_factory=dict)
    carried: tuple[str, ...] | None = None


@dataclass(frozen=True)
class _Late:
    """A column whose values a library is asked only where the short way in SQL gave nothing."""

    column: str
    slug: str
    kind: str
    region: str

    @property
    def asked(self) -> str:
        """The column of the typed table with the texts to ask."""
        return f"_ask__{self.column}"


@dataclass(frozen=True)
class _Compiled:
    statement: Statement
    questions: tuple[Question, ...]
    late: tuple[_Late, ...]
    judged: tuple[str, ...]
    columns: dict[str, str]
    carried: tuple[str, ...]
    fields: dict[str, Field | Reference]
    received: dict[str, str]


def normalise(
    s: Runner,
    catalog: Catalog,
    *,
    module: str,
    directory: Directory,
    staged: str = "staged",
    typed: str = "typed",
    problems: str = "problems",
    reading: Reading | None = None,
    fields: Mapping[str, Field | Reference] | None = None,
    few: bool = False,
) -> Typed:
    """Read every staged value as what its field is, and judge each by itself.

    Judged are type, options, limits, length, pattern and currency; not what depends on other values or rows.
    A value that is wrong is NULL in the typed table and stands among the problems.

    Args:
        s: a session or transaction.
        catalog: the definitions.
        module: the module the rows are of.
        directory: the users there are.
        staged: a temp table or view with `_row` (unique, ascending) and a column, of any type, for each
            given column of the module's table or, for money and addresses, for the field. Columns of other
            names are ignored; names that begin with `_` are carried along.
        typed: the name of the temp table to make.
        problems: the name of the temp table of problems to make.
        reading: how text is read; the workspace's way by default.
        fields: the fields the columns are of, when they are not those of the module: a link's own.
        few: whether the rows are but a handful, of which a library may be asked value by value.
    """
    types = staged_types(s, staged)
    plan = _compiled(catalog, module, types, staged, reading or Reading.of(catalog), fields, few)
    if plan.questions:
        look_up(s, plan.questions)
    people = {"user_names": list(directory.by_any_name), "user_slugs": list(directory.by_any_name.values())}
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(typed)} AS {plan.statement.sql}",
        plan.statement.values(people),
    )
    _ask_the_rest(s, typed, plan.late)
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(problems)} ({PROBLEM_COLUMNS})")
    made = Typed(
        typed,
        problems,
        dict(plan.columns),
        plan.fields,
        judged=plan.judged,
        received=plan.received,
        carried=plan.carried,
    )
    found = collect_problems(s, made, judged=plan.judged, staged=staged, received=plan.received)
    # What nothing is wrong with needs no look any more, by none of those who take the values from here.
    return replace(made, judged=tuple(found), found=sum(found.values()))


def _ask_the_rest(s: Runner, typed: str, late: Sequence[_Late]) -> None:
    """Standardise by their libraries what the short ways gave nothing for, and drop the columns with the questions."""
    if not late:
        return
    counts = ", ".join(f"count({ident(one.asked)})" for one in late)
    open_ones = [
        one
        for one, count in zip(late, s.read(f"SELECT {counts} FROM {ident(typed)}").row(0), strict=True)
        if count
    ]
    if open_ones:
        look_up(
            s,
            [
                Question(o.kind, o.region, f"SELECT {ident(o.asked)} AS given FROM {ident(typed)}")
                for o in open_ones
            ],
        )
    for one in open_ones:
        s.execute(
            f"UPDATE {ident(typed)} SET {ident(one.column)} = k.value, {ident(_problem(one.slug))} = "
            f"CASE WHEN k.value IS NULL THEN 'type' END FROM {KNOWN} k WHERE k.given = {ident(typed, one.asked)} "
            "AND k.kind = $kind AND k.region = $region",
            {"kind": one.kind, "region": one.region},
        )
    for one in late:
        s.execute(f"ALTER TABLE {ident(typed)} DROP COLUMN {ident(one.asked)}")


def staged_types(s: Runner, staged: str) -> dict[str, str]:
    """Column → DuckDB type of a temp table or view, short names."""
    rows = s.read(f"SELECT column_name, column_type FROM (DESCRIBE {ident(staged)})")
    return {
        column: kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") for column, kind in rows.iter_rows()
    }


def collect_problems(
    s: Runner,
    typed: Typed,
    *,
    judged: tuple[str, ...],
    staged: str,
    received: Mapping[str, str],
    within: str | None = None,
    told: Mapping[str, str] | None = None,
) -> dict[str, int]:
    """Move what the columns `<field>__problem` say into the table of problems; returns how many of which field.

    Only fields that have any problem are looked at row by row.

    Args:
        s: a session or transaction.
        typed: where the problems go.
        judged: the slugs whose columns there are.
        staged: the table with what came in.
        received: slug → the expression over `staged` of what came in, as text.
        within: the table with the columns; the typed one by default.
        told: code → the words of a rule that has its own.
    """
    if not judged:
        return {}
    place = ident(within or typed.table)
    counts = ", ".join(f"count({ident(_problem(slug))}) AS {ident(slug)}" for slug in judged)
    counted = s.read(f"SELECT {counts} FROM {place}").row(0, named=True)
    found = {slug: int(count) for slug, count in counted.items() if count}
    for slug in found:
        codes = s.read(
            f"SELECT DISTINCT {ident(_problem(slug))} AS code FROM {place} WHERE {ident(_problem(slug))} IS NOT NULL"
        )
        for code in codes["code"].to_list():
            words = (told or {}).get(code) or message(typed.fields[slug], code)
            shown = "refused" if code in (told or {}) else code.removesuffix("_in_set")
            came_in = received.get(slug, "CAST(NULL AS VARCHAR)")
            s.execute(
                f"INSERT INTO {ident(typed.problems)} SELECT t._row, $field, $shown, "
                f"replace($words, '{{value}}', left(coalesce(r.came_in, ''), {_SHORTENED})), r.came_in "
                f"FROM {place} t JOIN (SELECT _row, {came_in} AS came_in FROM {ident(staged)}) r "
                f"ON r._row = t._row WHERE t.{ident(_problem(slug))} = $code",
                {"field": slug, "shown": shown, "words": words, "code": code},
            )
    return found


def read_problems(s: Runner, typed: Typed, rows: Sequence[Mapping[str, Any]] | None = None) -> list[Problem]:
    """The problems found so far, by row and field; `received` as it was given when the given rows are handed in."""
    found = s.read(f"SELECT DISTINCT * FROM {ident(typed.problems)} ORDER BY _row, field, code")
    problems = []
    for row, slug, code, words, received in found.iter_rows():
        if rows is not None and row < len(rows) and slug in rows[row]:
            received = rows[row][slug]
        problems.append(Problem(slug, code, words, received, row))
    return problems


def as_given(slug: str) -> str:
    """The column of a typed table with what stood for an address or number before it was standardised."""
    return f"_given__{slug}"


def _problem(slug: str) -> str:
    return f"{slug}__problem"


def _compiled(
    catalog: Catalog,
    module: str,
    types: Mapping[str, str],
    staged: str,
    reading: Reading,
    fields: _Fields | None,
    few: bool,
) -> _Compiled:
    key = ("normalise", module, tuple(types.items()), staged, reading, few)
    known = writable(catalog, module) if fields is None else fields
    return catalog.memo.of(
        key, lambda: _compile(catalog, module, Context(types, reading, Params("v"), few), staged, known)
    )


def _compile(catalog: Catalog, module: str, ctx: Context, staged: str, known: _Fields) -> _Compiled:
    types = ctx.staged
    fields = given_fields(known, types)
    every = [steps_of(ctx, one) for one in fields.values()]
    carried = [column(key) for key in types if key.startswith("_")]
    given = [
        aliased(cleaned(slug), as_given(slug)) for slug in _contact_fields(catalog, module) if slug in types
    ]
    late = tuple(
        _Late(key, steps.field.slug, lookup.kind, lookup.region)
        for steps in every
        for key, lookup in steps.lookups.items()
        if lookup.shortcut is not None
    )
    asked = [
        aliased(
            sql("CASE WHEN $v IS NULL THEN $t END", v=parsed(one.column), t=cleaned(one.column)), one.asked
        )
        for one in late
    ]
    return _Compiled(
        statement=compiled(_typed_select(every, [*carried, *given, *asked], staged), ctx.params.values),
        late=late,
        questions=tuple(_questions(every, staged)),
        judged=tuple(steps.field.slug for steps in every if steps.codes),
        columns={key: steps.columns[key] for steps in every for key in steps.parse if key in steps.columns},
        carried=tuple(one.output_name for one in [*carried, *given]),
        fields=fields,
        received={steps.field.slug: text(steps.received) for steps in every if steps.received is not None},
    )


def _contact_fields(catalog: Catalog, module: str) -> tuple[str, ...]:
    points = catalog.modules[module].contact_points if module in catalog.modules else None
    return (points.email, points.phone) if points is not None else ()


def _typed_select(every: list[Steps], carried: list[exp.Expr], staged: str) -> exp.Select:
    """Four selects within each other: clean, look up and parse, judge, take what is right."""
    star, slugs = exp.Star(), [steps for steps in every if steps.code is not None]
    clean = [aliased(tree, f"{key}__t") for steps in every for key, tree in steps.clean.items()]
    parse = [aliased(tree, f"{key}__v") for steps in every for key, tree in steps.parse.items()]
    judge = [aliased(steps.code, _problem(steps.field.slug)) for steps in slugs if steps.code is not None]
    taken = [aliased(_taken(steps, key), key) for steps in every for key in steps.parse]
    joins = [
        _join_known(key, steps)
        for steps in every
        for key, one in steps.lookups.items()
        if one.shortcut is None
    ]
    first = select_from([star, *clean], named_table(staged))
    second = select_from(
        [exp.Column(this=exp.Star(), table=name("c")), *parse], nested(first, "c"), joins=joins
    )
    third = select_from([star, *judge], nested(second, "p"))
    codes = [column(_problem(steps.field.slug)) for steps in slugs]
    return select_from([*carried, *codes, *taken], nested(third, "j"))


def _taken(steps: Steps, key: str) -> exp.Expr:
    value = steps.final.get(key, parsed(key))
    if steps.code is None:
        return value
    right = column(_problem(steps.field.slug)).is_(exp.null())
    return sql("CASE WHEN $right THEN $value END", right=right, value=value)


def _join_known(key: str, steps: Steps) -> exp.Join:
    lookup = steps.lookups[key]
    known = sql(
        f"SELECT given, value FROM {KNOWN} WHERE kind = $kind AND region = $region",
        kind=literal(lookup.kind),
        region=literal(lookup.region),
    )
    alias = f"{key}__known"
    on = column("given", alias).eq(column(lookup.cleaned, "c"))
    return left_join(exp.Subquery(this=known, alias=exp.TableAlias(this=name(alias))), on)


def _questions(every: list[Steps], staged: str) -> list[Question]:
    """What is to be asked before the values are read: of kinds without a short way."""
    found = []
    for steps in every:
        for key, lookup in steps.lookups.items():
            if lookup.shortcut is None:
                # No WHERE: a filter would be pushed down and work the cleaned text out again at each mention.
                inner = select_from([aliased(steps.clean[key], lookup.cleaned)], named_table(staged))
                select = select_from([aliased(column(lookup.cleaned), "given")], nested(inner, "c"))
                found.append(Question(lookup.kind, lookup.region, text(select)))
    return found
