"""From a staged table of any types to typed columns and problems: a few statements, however many rows."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from crm_core.model import Catalog, Reference
from crm_core.model.fields import Field
from crm_core.params import Params
from crm_core.people import Directory
from crm_core.trees import column, name, text
from crm_core.values.formats import Reading
from crm_core.values.fragments import sql
from crm_core.values.lookups import KNOWN, Question, Runner, look_up
from crm_core.values.messages import message
from crm_core.values.plan import given_fields, steps_of, writable
from crm_core.values.steps import Context, Steps, cleaned, parsed
from lake import ident

PROBLEM_COLUMNS = "_row BIGINT, field VARCHAR, code VARCHAR, message VARCHAR, received VARCHAR"
_SHORTENED = 120
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
        judged: slugs with a column `<slug>__problem`, the code of what is wrong with the value.
        received: slug → the SQL over the staged table of what came in, as text.
    """

    table: str
    problems: str
    columns: dict[str, str]
    fields: dict[str, Field | Reference]
    found: int = 0
    judged: tuple[str, ...] = ()
    received: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class _Compiled:
    typed_sql: str
    params: dict[str, object]
    questions: tuple[Question, ...]
    needs_users: bool
    judged: tuple[str, ...]
    columns: dict[str, str]
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
    """
    types = staged_types(s, staged)
    compiled = _compiled(catalog, module, types, staged, reading or Reading.of(catalog), fields)
    params = dict(compiled.params)
    if compiled.needs_users:
        params["user_names"] = list(directory.by_any_name)
        params["user_slugs"] = list(directory.by_any_name.values())
    if compiled.questions:
        look_up(s, compiled.questions)
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(typed)} AS {compiled.typed_sql}", params or None)
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(problems)} ({PROBLEM_COLUMNS})")
    made = Typed(
        typed,
        problems,
        dict(compiled.columns),
        compiled.fields,
        judged=compiled.judged,
        received=compiled.received,
    )
    found = collect_problems(s, made, judged=compiled.judged, staged=staged, received=compiled.received)
    return replace(made, found=found)


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
) -> int:
    """Move what the columns `<field>__problem` say into the table of problems; returns how many.

    Only fields that have any problem are looked at row by row.

    Args:
        s: a session or transaction.
        typed: where the problems go.
        judged: the slugs whose columns there are.
        staged: the table with what came in.
        received: slug → the expression over `staged` of what came in, as text.
        within: the table with the columns; the typed one by default.
    """
    if not judged:
        return 0
    place = ident(within or typed.table)
    counts = ", ".join(f"count({ident(_problem(slug))}) AS {ident(slug)}" for slug in judged)
    found = s.read(f"SELECT {counts} FROM {place}").row(0, named=True)
    for slug, count in found.items():
        if not count:
            continue
        codes = s.read(f"SELECT DISTINCT {ident(_problem(slug))} AS code FROM {place} WHERE code IS NOT NULL")
        for code in codes["code"].to_list():
            words = message(typed.fields[slug], code)
            came_in = received.get(slug, "CAST(NULL AS VARCHAR)")
            s.execute(
                f"INSERT INTO {ident(typed.problems)} SELECT t._row, $field, $shown, "
                f"replace($words, '{{value}}', left(coalesce(r.came_in, ''), {_SHORTENED})), r.came_in "
                f"FROM {place} t JOIN (SELECT _row, {came_in} AS came_in FROM {ident(staged)}) r "
                f"ON r._row = t._row WHERE t.{ident(_problem(slug))} = $code",
                {"field": slug, "shown": code.removesuffix("_in_set"), "words": words, "code": code},
            )
    return sum(found.values())


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
) -> _Compiled:
    key = ("normalise", module, tuple(types.items()), staged, reading)
    kept: _Compiled | None = catalog.memo.get(key)
    if kept is None:
        known = writable(catalog, module) if fields is None else fields
        kept = catalog.memo.put(key, _compile(catalog, module, types, staged, reading, known))
    return kept


def _compile(
    catalog: Catalog, module: str, types: Mapping[str, str], staged: str, reading: Reading, known: _Fields
) -> _Compiled:
    params = Params("v")
    ctx = Context(types, reading, params)
    fields = given_fields(known, types)
    every = [steps_of(ctx, one) for one in fields.values()]
    tree = _typed_select(every, [column for column in types if column.startswith("_")], staged)
    points = catalog.modules[module].contact_points if module in catalog.modules else None
    for slug in (points.email, points.phone) if points else ():
        if slug in types:
            tree = tree.select(cleaned(slug).as_(as_given(slug), quoted=True))
    sql_text = text(tree)
    # The driver refuses values that a statement does not name.
    named = {place.this for place in tree.find_all(exp.Placeholder)}
    return _Compiled(
        typed_sql=sql_text,
        params={key: value for key, value in params.values.items() if key in named},
        questions=tuple(_questions(every, staged)),
        needs_users="user_names" in named,
        judged=tuple(steps.field.slug for steps in every if steps.codes),
        columns={
            column: steps.columns[column]
            for steps in every
            for column in steps.parse
            if column in steps.columns
        },
        fields=fields,
        received={steps.field.slug: text(steps.received) for steps in every if steps.received is not None},
    )


def _typed_select(every: list[Steps], carried: list[str], staged: str) -> exp.Select:
    """Four selects within each other: clean, look up and parse, judge, take what is right."""
    clean = exp.select("*").from_(exp.Table(this=name(staged)))
    for steps in every:
        clean = clean.select(*[value.as_(f"{key}__t", quoted=True) for key, value in steps.clean.items()])
    parse = exp.select(exp.Column(this=exp.Star(), table=name("c"))).from_(clean.subquery("c"))
    for steps in every:
        for key in steps.lookups:
            parse = _join_known(parse, key, steps)
        parse = parse.select(*[value.as_(f"{key}__v", quoted=True) for key, value in steps.parse.items()])
    judge = exp.select("*").from_(parse.subquery("p"))
    last = exp.select(*[column(key) for key in carried])
    for steps in every:
        slug = steps.field.slug
        if steps.code is not None:
            judge = judge.select(steps.code.as_(_problem(slug), quoted=True))
            last = last.select(column(_problem(slug)))
        last = last.select(*[_taken(steps, key).as_(key, quoted=True) for key in steps.parse])
    return last.from_(judge.subquery("j"))


def _taken(steps: Steps, key: str) -> exp.Expr:
    value = steps.final.get(key, parsed(key))
    if steps.code is None:
        return value
    right = column(_problem(steps.field.slug)).is_(exp.null())
    return sql("CASE WHEN $right THEN $value END", right=right, value=value)


def _join_known(select: exp.Select, key: str, steps: Steps) -> exp.Select:
    lookup = steps.lookups[key]
    known = sql(
        f"SELECT given, value FROM {KNOWN} WHERE kind = $kind AND region = $region",
        kind=exp.Literal.string(lookup.kind),
        region=exp.Literal.string(lookup.region),
    )
    alias = f"{key}__known"
    on = column("given", alias).eq(column(lookup.cleaned, "c"))
    return select.join(
        exp.Subquery(this=known, alias=exp.TableAlias(this=name(alias))), on=on, join_type="left"
    )


def _questions(every: list[Steps], staged: str) -> list[Question]:
    found = []
    for steps in every:
        for key, lookup in steps.lookups.items():
            clean = steps.clean[key].as_(lookup.cleaned, quoted=True)
            # No WHERE: a filter would be pushed down and work the cleaned text out again at each mention.
            given: exp.Expr = column(lookup.cleaned)
            if lookup.shortcut is not None:
                unsettled = lookup.shortcut.is_(exp.null())
                given = sql("CASE WHEN $unsettled THEN $given END", unsettled=unsettled, given=given)
            inner = exp.select(clean).from_(exp.Table(this=name(staged))).subquery("c")
            found.append(
                Question(lookup.kind, lookup.region, text(exp.select(given.as_("given")).from_(inner)))
            )
    return found
