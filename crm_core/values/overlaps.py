"""Records that must not take the same time: one who works at two things at once, a table reserved twice.

Times are half-open: what ends at noon and what begins at noon do not overlap. The check holds only under the writer
lock, looks at the stored records and at those of the same write, and is one statement for any number of rows.
"""

from collections.abc import Sequence

from sqlglot import exp

from crm_core.model import Exclusive, Module
from crm_core.trees import all_of, column, lake_table, union_all
from crm_core.values.checks import Checked
from crm_core.values.fragments import (
    aliased,
    left_join,
    literals,
    named_table,
    nested,
    select_from,
    sql,
)
from crm_core.values.lookups import Runner
from lake import ident

OVERLAP, BACKWARDS = "overlap", "backwards"


def check_overlaps(tx: Runner, module: Module, *, rows: Checked) -> int:
    """Add a problem for each row that takes a time that is taken, or ends before it begins; returns how many.

    What stands in a calendar, or must not take the same time as others, ends no earlier than it begins. Of rows of one
    write that overlap each other, the one that begins first stays. Rules that only warn are not asked.

    Args:
        tx: the transaction that will store the rows.
        module: whose rows they are.
        rows: what is about to be stored; of rows that are there already only those that are moved are judged.
    """
    refusing = [rule for rule in module.exclusive if rule.effect == "refuse"]
    spans = [(rule.start, rule.end) for rule in refusing]
    if module.calendar is not None and module.calendar.ends:
        spans.append((module.calendar.starts, module.calendar.ends))
    backwards = sum(_check_order(tx, start, end, rows) for start, end in dict.fromkeys(spans))
    return backwards + sum(_check(tx, module, rule, rows) for rule in refusing)


def _check_order(tx: Runner, start: str, end: str, rows: Checked) -> int:
    """Note the rows that end before they begin; of rows that are there already those whose begin or end changes."""
    begins, ends = (exp.cast(column(one, "w"), "TIMESTAMPTZ") for one in (start, end))
    tests: list[exp.Expr] = [exp.LT(this=ends, expression=begins)]
    joins = []
    if rows.before is not None:
        joins = [left_join(named_table(rows.before, "b"), column("id", "b").eq(column("id", "w")))]
        tests.append(_differs((start, end)))
    received = aliased(exp.cast(column(end, "w"), "VARCHAR"), "received")
    found = select_from(
        [column("_row", "w"), received], named_table(rows.table, "w"), joins=joins, where=all_of(tests)
    )
    late = f"“{end}”: it would end before it begins (“{start}”); choose a later end"
    return _note(tx, rows, found.sql("duckdb"), end, BACKWARDS, late)


def _check(tx: Runner, module: Module, rule: Exclusive, rows: Checked) -> int:
    # Nearly every write moves nothing: that is cheap to see, and the stored records are then not read.
    moved = select_from([exp.Star()], nested(_given(rule, rows), "g"), where=column("moved"))
    tx.execute(f"CREATE OR REPLACE TEMP TABLE overlap_moved AS {moved.sql('duckdb')}")
    if not tx.read("SELECT count(*) AS n FROM overlap_moved").item():
        return 0
    same = ", ".join(_name_of(module, slug) for slug in rule.per)
    taken = f"“{rule.start}”: this time overlaps another {module.one.lower()} of the same {same}; choose a free one"
    return _note(tx, rows, _taken(module, rule, rows).sql("duckdb"), rule.start, OVERLAP, taken)


def _note(tx: Runner, rows: Checked, found: str, field: str, code: str, words: str) -> int:
    return tx.execute(
        f"INSERT INTO {ident(rows.problems)} SELECT _row, $field, $code, $words, received FROM ({found})",
        {"field": field, "code": code, "words": words},
    )


def _name_of(module: Module, slug: str) -> str:
    field = module.field(slug)
    return (field.name if field else slug.replace("_", " ")).lower()


def span(rule: Exclusive, alias: str) -> tuple[exp.Expr, exp.Expr]:
    """Begin and end of the time that a row takes, as instants; the end is not part of it."""
    begins = exp.cast(column(rule.start, alias), "TIMESTAMPTZ")
    ends = exp.cast(column(rule.end, alias), "TIMESTAMPTZ")
    if rule.missing_end == "endless":
        return begins, sql("coalesce($e, CAST('infinity' AS TIMESTAMPTZ))", e=ends)
    return begins, sql("greatest(coalesce($e, $b), $b + INTERVAL 1 MICROSECOND)", e=ends, b=begins)


def takes_time(rule: Exclusive, alias: str) -> exp.Expr:
    """True for rows that take any time: they begin, belong to something that is taken, and do not stand aside."""
    there: list[exp.Expr] = [
        exp.not_(column(slug, alias).is_(exp.null())) for slug in (rule.start, *rule.per)
    ]
    if rule.ignore:
        aside = sql(
            "coalesce(list_contains($l, $s), false)", l=literals(rule.ignore), s=column("status", alias)
        )
        there.append(exp.not_(aside))
    return all_of(there)


def _given(rule: Exclusive, rows: Checked) -> exp.Select:
    """The rows of the write that take time: `_row, moved, begins, ends, received` and what is taken, `k0`…"""
    begins, ends = span(rule, "w")
    columns = [column("_row", "w"), aliased(_moved(rule, rows), "moved"), aliased(begins, "begins"),
               aliased(ends, "ends"), aliased(exp.cast(column(rule.start, "w"), "VARCHAR"), "received"),
               *_keys(rule, "w")]  # fmt: skip
    joins = []
    if rows.before is not None:
        joins = [left_join(named_table(rows.before, "b"), column("id", "b").eq(column("id", "w")))]
    return select_from(columns, named_table(rows.table, "w"), joins=joins, where=takes_time(rule, "w"))


def _moved(rule: Exclusive, rows: Checked) -> exp.Expr:
    if rows.before is None:
        return exp.true()
    asked = [rule.start, rule.end, *rule.per, *(["status"] if rule.ignore else [])]
    return _differs(asked)


def _differs(columns: Sequence[str]) -> exp.Expr:
    """True for rows in which one of these columns becomes another."""
    differ = [exp.NullSafeNEQ(this=column(key, "w"), expression=column(key, "b")) for key in columns]
    return exp.paren(exp.or_(*differ))


def _keys(rule: Exclusive, alias: str) -> Sequence[exp.Expr]:
    return [
        aliased(exp.cast(column(slug, alias), "VARCHAR"), f"k{place}") for place, slug in enumerate(rule.per)
    ]


def _stored(module: Module, rule: Exclusive, rows: Checked) -> exp.Select:
    """The records there are that are not of this write, of what the moved rows take; in the same columns."""
    begins, ends = span(rule, "o")
    columns = [sql("CAST(NULL AS BIGINT) AS _row"), aliased(exp.false(), "moved"), aliased(begins, "begins"),
               aliased(ends, "ends"), sql("CAST(NULL AS VARCHAR) AS received"), *_keys(rule, "o")]  # fmt: skip
    keys = ", ".join(f"k{place}" for place in range(len(rule.per)))
    own = exp.Tuple(expressions=[exp.cast(column(slug, "o"), "VARCHAR") for slug in rule.per])
    asked = own.isin(query=sql(f"SELECT ({keys}) FROM overlap_moved"))
    if len(rule.per) == 1:
        asked = own.expressions[0].isin(query=sql("SELECT k0 FROM overlap_moved"))
    where = all_of(
        [
            sql(f"o.deleted_at IS NULL AND o.id NOT IN (SELECT id FROM {ident(rows.table)})"),
            takes_time(rule, "o"),
            asked,
            sql("$e > (SELECT min(begins) FROM overlap_moved)", e=ends),
            sql("$b < (SELECT max(ends) FROM overlap_moved)", b=begins),
        ]
    )
    return select_from(columns, lake_table(module.slug, alias="o"), where=where)


def _taken(module: Module, rule: Exclusive, rows: Checked) -> exp.Expr:
    """`_row, received` of moved rows that overlap a record that stays, or a moved row that begins before."""
    keys = ", ".join(f"k{place}" for place in range(len(rule.per)))
    over = f"PARTITION BY {keys} ORDER BY begins, moved, _row"
    before = f"OVER ({over} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    after = f"OVER ({over} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
    every = union_all([_given(rule, rows), _stored(module, rule, rows)]).subquery("e")
    last_end = aliased(sql(f"max(ends) {before}"), "last_end")
    next_begin = aliased(sql(f"min(begins) FILTER (WHERE NOT moved) {after}"), "next_begin")
    windows = select_from([exp.Star(), last_end, next_begin], every, where=sql("ends > begins"))
    overlaps = sql("moved AND (coalesce(last_end > begins, false) OR coalesce(next_begin < ends, false))")
    return select_from([column("_row"), column("received")], nested(windows, "x"), where=overlaps)
