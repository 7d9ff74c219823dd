"""A report over a module as one statement: its records, by what they are told apart, what is computed of each group.

Each step is a named part of it: `base` has a row a record (lists become a row a value), `top1` and `top2` the places of
the groups; at the end the groups beyond the limit stand together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlglot import exp

from crm_core.conditions import Scope, compile_condition, related_rows, value_expression
from crm_core.model import Reference, Report, ToMany
from crm_core.model.reports import Bucket, Group, Less
from crm_core.reports.paths import Meant, bucket_of, grouped, numeric, single, taken_off
from crm_core.reports.periods import AGES
from crm_core.trees import all_of, coalesce, column, function
from crm_core.values.fragments import sql

ROW = "r"
MOST_DATES = 1000
"""So many buckets of a date are told apart, the newest; those before stand together."""
MOST_SERIES = 8
"""So many groups of the second kind are told apart, so that a chart can have a colour for each."""
_WIDTH = {"BIGINT": "DECIMAL(38, 0)", "DECIMAL(18,6)": "DECIMAL(38, 6)", "DECIMAL(18,4)": "DECIMAL(38, 4)"}
_SECONDS = "DECIMAL(38, 3)"
_WEEK, _FIVE_WEEKS = timedelta(days=7), timedelta(days=35)


@dataclass(frozen=True)
class _Value:
    """What each record has for the measure: the value, its currency when it is money, and the computation.

    Only records that meet the test count.
    """

    value: exp.Expr
    currency: exp.Expr
    computed: str
    test: exp.Expr
    money: bool = False


def report_statement(report: Report, scope: Scope, where: Sequence[exp.Expr]) -> exp.Select:
    """The statement of a report over a module, for the visible live rows `scope.alias` that meet `where`.

    Its columns: `g1`, `o1`, `p1` (the group as text, whether it is the rest, its place), `g2`, `o2`, `p2`, `currency`,
    `value` (as text, so that no digit is lost) and `n` (how many records).
    """
    relations, catalog = scope.relations, scope.relations.catalog
    value = _value(report, scope)
    groups = [group_value(group, scope) for group in report.groups]
    columns = [one.as_(f"g{number}") for number, one in enumerate(groups, start=1)]
    base = (
        exp.select(*columns, value.value.as_("v"), value.currency.as_("c"))
        .from_(relations.table(report.module, ROW))
        .where(all_of([relations.predicate(report.module, ROW), *where, value.test]))
    )
    statement = exp.select()
    source, parts = "base", {"base": base}
    for number, group in enumerate(report.groups, start=1):
        if grouped(catalog, report.module, group.field).listed:
            parts[f"each{number}"] = _one_by_one(source, number, len(groups))
            source = f"each{number}"
    for number in range(1, len(groups) + 1):
        parts[f"top{number}"] = _placed(report, source, number, value, scope)
    statement = _gathered(report, source, value.computed)
    for name, part in parts.items():
        statement = statement.with_(name, as_=part)
    return statement


def group_value(group: Group, scope: Scope) -> exp.Expr:
    """What a record is told apart by, as text, or as a list of texts; a bucket as its first day (ISO 8601)."""
    meant = grouped(scope.relations.catalog, scope.module, group.field)
    value, bucket = value_expression(group.field, scope), bucket_of(group, meant)
    if meant.listed:
        return value
    if bucket:
        value = _bucket(_day(value, meant, scope), bucket, scope)
    return function("nullif", exp.cast(value, "VARCHAR", dialect="duckdb"), exp.Literal.string(""))


def _day(value: exp.Expr, meant: Meant, scope: Scope) -> exp.Expr:
    """The day of a date or an instant in the workspace."""
    if meant.path.column_type == "DATE":
        return value
    zone = scope.relations.params.bind(scope.zone.key)
    return exp.cast(function("timezone", zone, value), "DATE")


def _bucket(day: exp.Expr, bucket: Bucket, scope: Scope) -> exp.Expr:
    if bucket == "age":
        today = scope.relations.params.bind(scope.now.astimezone(scope.zone).date(), "DATE")
        ages = exp.Case()
        for age, (_, _, most) in AGES.items():
            if most is not None:
                late = sql("date_diff('day', $day, $today) <= $most", day=day, today=today,
                           most=exp.Literal.number(most))  # fmt: skip
                ages = ages.when(late, exp.Literal.string(age), copy=False)
        last = exp.Case().when(
            exp.not_(day.copy().is_(exp.null())), exp.Literal.string(list(AGES)[-1]), copy=False
        )
        return ages.else_(last, copy=False)
    if bucket == "week":
        first = exp.Literal.number(scope.relations.catalog.workspace.first_weekday)
        return sql("$day - CAST((isodow($day) - 1 - $first + 7) % 7 AS INTEGER)", day=day, first=first)
    if bucket == "day":
        return day
    return sql("CAST(date_trunc($part, $day) AS DATE)", part=exp.Literal.string(bucket), day=day)


def _value(report: Report, scope: Scope) -> _Value:
    catalog, measure = scope.relations.catalog, report.measure
    nothing = exp.cast(exp.null(), "VARCHAR")
    if measure.kind == "count":
        return _Value(exp.Literal.number(1), nothing, "count(*)", exp.true())
    if measure.kind == "velocity":
        return _velocity(report, scope)
    if measure.until:
        start, end = (_instant(field, scope) for field in (measure.field, measure.until))
        value = sql("(epoch_ms($end) - epoch_ms($start)) / 1000.0", start=start, end=end)
        return _Value(value, nothing, _computed(measure.kind, _SECONDS), _is_set(value))
    meant = numeric(catalog, report.module, measure.field)
    value = value_expression(measure.field, scope)
    currency = value_expression(meant.currency, scope) if meant.money else nothing
    computed = _computed(measure.kind, _WIDTH[meant.path.column_type])
    test = _is_set(value)
    for number, less in enumerate(measure.less):
        taken = coalesce(
            _taken_off(less, scope, currency if meant.money else None, number), exp.Literal.number(0)
        )
        value = exp.Sub(this=value, expression=exp.paren(taken))
    return _Value(value, currency, computed, test, meant.money)


def _computed(kind: str, width: str) -> str:
    if kind == "sum":
        return f"CAST(sum(CAST(v AS {width})) AS {width})"
    called = {"average": "avg", "median": "median"}[kind]
    return f"CAST({called}(CAST(v AS DOUBLE)) AS DECIMAL(38, 6))"


def _velocity(report: Report, scope: Scope) -> _Value:
    when = _instant(report.measure.field, scope)
    bind = scope.relations.params.bind
    begin, week = (bind(scope.now - back, "TIMESTAMPTZ") for back in (_FIVE_WEEKS, _WEEK))
    recent = exp.GT(this=when, expression=week)
    window = exp.and_(
        exp.GT(this=when.copy(), expression=begin),
        exp.LTE(this=when.copy(), expression=bind(scope.now, "TIMESTAMPTZ")),
    )
    # With none in the 28 days before, their quarter counts as one half, as it does where one record has a velocity.
    before = "CASE WHEN count(*) > sum(v) THEN (count(*) - sum(v)) / 4.0 ELSE 0.5 END"
    value = exp.cast(coalesce(recent, exp.false()), "INTEGER")
    return _Value(
        value, exp.cast(exp.null(), "VARCHAR"), f"CAST(sum(v) / ({before}) AS DECIMAL(38, 6))", window
    )


def _instant(field: str, scope: Scope) -> exp.Expr:
    """A date or an instant as an instant; a day begins in the workspace's time zone."""
    meant = single(scope.relations.catalog, scope.module, field)
    value = value_expression(field, scope)
    if meant.path.column_type != "DATE":
        return value
    return function("timezone", scope.relations.params.bind(scope.zone.key), exp.cast(value, "TIMESTAMP"))


def _taken_off(less: Less, scope: Scope, currency: exp.Expr | None, number: int) -> exp.Expr:
    """What is taken off the amount of each row, of the same currency only where there is one."""
    meant = taken_off(scope.relations.catalog, scope.module, less.field)
    if not any(isinstance(step, ToMany) for step in meant.path.steps):
        value = value_expression(less.field, scope)
        tests = [compile_condition(less.when, scope)]
        if currency is not None and meant.money:
            tests.append(value_expression(meant.currency, scope).eq(currency.copy()))
        return exp.Case().when(all_of(tests), value, copy=False)
    step: Reference | ToMany = meant.path.steps[0]
    inner = f"less{number}"
    within = replace(scope, module=meant.path.module, alias=inner, old_alias=None)
    rows = related_rows(step, scope, scope.alias, inner).where(compile_condition(less.when, within))
    if currency is not None and meant.money:
        rows = rows.where(column(f"{meant.path.field.slug}__currency", inner).eq(currency.copy()))
    return rows.select(exp.Sum(this=column(meant.path.column, inner)), append=False).subquery()


def _is_set(value: exp.Expr) -> exp.Expr:
    return exp.not_(exp.paren(value.copy()).is_(exp.null()))


def _one_by_one(source: str, number: int, groups: int) -> exp.Select:
    """A row for each value of a list; one without any stands as none."""
    here = column(f"g{number}")
    values = sql(
        "unnest(CASE WHEN len($list) > 0 THEN $list ELSE [CAST(NULL AS VARCHAR)] END)",
        list=coalesce(here, sql("CAST([] AS VARCHAR[])")),
    )
    others = [column(f"g{other}") for other in range(1, groups + 1) if other != number]
    return exp.select(values.as_(f"g{number}"), *others, "v", "c").from_(source)


def _placed(report: Report, source: str, number: int, value: _Value, scope: Scope) -> exp.Select:
    """The groups with their places: dates the newest first, others by what is computed of them, or by number."""
    here = column(f"g{number}")
    ranked: list[exp.Expr] = []
    if report.groups[number - 1].bucket:
        ranked.append(exp.Ordered(this=here, desc=True, nulls_first=False))
    else:
        down = report.sort != "smallest"
        computed = sql(value.computed)
        if value.money:
            # Amounts of different currencies have no order among them: those of the workspace's own decide.
            own = scope.relations.params.bind(scope.relations.catalog.workspace.currency)
            for part in list(computed.find_all(exp.AggFunc)):
                mine = exp.Where(this=column("c").eq(own.copy()))
                part.replace(exp.Filter(this=part.copy(), expression=mine))
        ranked.append(exp.Ordered(this=computed, desc=down, nulls_first=False))
        ranked.append(exp.Ordered(this=exp.Count(this=exp.Star()), desc=down))
    ranked.append(exp.Ordered(this=here.copy(), desc=False, nulls_first=False))
    place = exp.Window(this=exp.RowNumber(), order=exp.Order(expressions=ranked))
    return exp.select(here.copy(), place.as_("place")).from_(source).group_by(here.copy())


def _gathered(report: Report, source: str, computed: str) -> exp.Select:
    """The groups up to the limit, and the rest as one, each with what is computed of its records."""
    statement = exp.select().from_(exp.to_table(source).as_("b"))
    keys: list[exp.Expr] = []
    for number in (1, 2):
        if number > len(report.groups):
            statement = statement.select(
                f"CAST(NULL AS VARCHAR) AS g{number}", f"FALSE AS o{number}", f"CAST(0 AS BIGINT) AS p{number}",
                dialect="duckdb",
            )  # fmt: skip
            continue
        top = f"t{number}"
        rest = sql(
            "$place > $most",
            place=column("place", top),
            most=exp.Literal.number(most_groups(report, number)),
        )
        here = exp.Case().when(exp.not_(exp.paren(rest.copy())), column(f"g{number}", "b"), copy=False)
        same = exp.NullSafeEQ(this=column(f"g{number}", top), expression=column(f"g{number}", "b"))
        statement = statement.join(exp.to_table(f"top{number}").as_(top), on=same)
        statement = statement.select(
            here.as_(f"g{number}"),
            rest.as_(f"o{number}"),
            exp.Min(this=column("place", top)).as_(f"p{number}"),
        )
        keys += [here.copy(), rest.copy()]
    statement = statement.select(
        "c AS currency",
        f"CAST({computed} AS VARCHAR) AS value",
        "CAST(count(*) AS BIGINT) AS n",
        dialect="duckdb",
    )
    return statement.group_by(*keys, "c").having(
        exp.GT(this=exp.Count(this=exp.Star()), expression=exp.Literal.number(0))
    )


def most_groups(report: Report, number: int) -> int:
    """How many groups of the first or second kind are told apart."""
    if report.groups[number - 1].bucket:
        return MOST_DATES
    return report.limit if number == 1 else min(report.limit, MOST_SERIES)
