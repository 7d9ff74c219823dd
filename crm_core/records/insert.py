"""New records: made ready outside the lock, checked and stored under it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.errors import Problem
from crm_core.model import Module
from crm_core.params import Params
from crm_core.records.contact_points import insert_points, settle_points
from crm_core.records.counters import give_numbers
from crm_core.records.defaults import default_values
from crm_core.records.hooks import Event, tell
from crm_core.records.writer import Statuses, Writer, with_owner
from crm_core.trees import column, name, text
from crm_core.values.checks import Checked, check_set
from crm_core.values.fragments import sql
from crm_core.values.lookups import Runner
from crm_core.values.messages import message
from crm_core.values.normalise import Typed, collect_problems, staged_types
from crm_core.values.plan import writable
from crm_core.values.rules import ROW, is_missing, judge_rows
from lake import Transaction, ident, table

_STAMPED = ("created_at", "updated_at", "change_id", "version")


@dataclass(frozen=True)
class Ready:
    """Rows that can be stored as they are, once the checks under the lock have passed.

    Attributes:
        module: whose rows they are.
        table: a temp table with `_row`, every column of the module, and what the staged one carried along.
        typed: where the values came from; takes further problems.
        staged: the relation with what came in.
    """

    module: Module
    table: str
    typed: Typed
    staged: str


def prepare_insert(
    s: Runner, writer: Writer, *, module: str, typed: Typed, staged: str = "staged", ready: str = "ready"
) -> Ready:
    """Make typed values whole rows: ids, defaults, folder, status, owner and workers; and judge each row.

    A row may carry `_id` (its UUID; else it gets one), `_change_id` (the change that it is recorded under), and
    `_given` (the slugs it gives values for: a NULL of one of them is meant, and no default takes its place).

    Args:
        s: a session or transaction.
        writer: on whose behalf.
        module: of which module.
        typed: the values; problems are added to its table.
        staged: the relation that was typed, for what came in.
        ready: the name of the temp table to make.
    """
    own = writer.catalog.module(module)
    values = default_values(s, writer, own)
    carried = [key for key in staged_types(s, typed.table) if key.startswith("_")]
    tree, params = _ready_select(writer, own, typed, carried, values)
    bound = {"owner": writer.person, "door": writer.door} | params
    named = {place.this for place in tree.find_all(exp.Placeholder)}
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(ready)} AS {text(tree)}",
        {key: value for key, value in bound.items() if key in named} or None,
    )
    made = Ready(own, ready, typed, staged)
    _judge(s, writer, made)
    return made


def _ready_select(
    writer: Writer, module: Module, typed: Typed, carried: list[str], defaults: Mapping[str, Any]
) -> tuple[exp.Select, dict[str, Any]]:
    params = Params("i")
    first = exp.select(*[column(key, "t") for key in carried if key != "_id"])
    for key, kind in writer.catalog.columns(module.slug).items():
        first = first.select(_value(key, kind, typed, carried, defaults, params).as_(key, quoted=True))
    for slug in _set_aside(typed):
        first = first.select(column(f"{slug}__problem", "t"))
    first = first.from_(exp.Table(this=name(typed.table), alias=exp.TableAlias(this=name("t"))))
    statuses = Statuses(module, params)
    folder, status = column("folder"), column("status")
    kept = sql(
        "CASE WHEN $s IS NULL THEN $start ELSE $named END",
        s=status,
        start=statuses.start(folder),
        named=statuses.named(folder, status),
    )
    wrong = sql(
        "CASE WHEN $s IS NOT NULL AND $named IS NULL THEN 'status' END",
        s=status,
        named=statuses.named(folder, status),
    )
    workers = with_owner(column("owner"), column("workers"))
    changed = exp.Star(**{"replace": [kept.as_("status", quoted=True), workers.as_("workers", quoted=True)]})
    last = exp.select(changed, wrong.as_("status__wrong", quoted=True)).from_(first.subquery("f"))
    return last, params.values


def _value(
    key: str, kind: str, typed: Typed, carried: list[str], defaults: Mapping[str, Any], params: Params
) -> exp.Expr:
    """What a column of a new row is before folder, status and workers are settled."""
    here = column(key, "t")
    nothing = exp.cast(exp.null(), kind, dialect="duckdb")
    if key == "id":
        return (
            sql("coalesce(CAST($id AS UUID), uuidv7())", id=column("_id", "t"))
            if "_id" in carried
            else sql("uuidv7()")
        )
    if key in ("updated_at", "deleted_at", "change_id", "version"):
        return nothing
    if key == "owner":
        given = here if key in typed.columns else nothing
        return _unless_given(given, exp.Placeholder(this="owner"), "owner", carried)
    if key == "source":
        given = here if key in typed.columns else nothing
        return exp.Coalesce(this=given, expressions=[exp.Placeholder(this="door")])
    if key not in defaults:
        return here if key in typed.columns else nothing
    slug = key.partition("__")[0]
    value = params.bind(defaults[key], kind)
    if key not in typed.columns:
        return value
    tree = (
        _unless_given(here, value, slug, carried)
        if key != "folder"
        else exp.Coalesce(this=here, expressions=[value])
    )
    if slug in _set_aside(typed):
        aside = exp.not_(column(f"{slug}__problem", "t").is_(exp.null()))
        return sql("CASE WHEN $aside THEN $here ELSE $tree END", aside=aside, here=here, tree=tree)
    return tree


def _unless_given(given: exp.Expr, value: exp.Expr, slug: str, carried: list[str]) -> exp.Expr:
    if "_given" not in carried:
        return exp.Coalesce(this=given, expressions=[value])
    meant = sql("list_contains($given, $slug)", given=column("_given", "t"), slug=exp.Literal.string(slug))
    return sql(
        "CASE WHEN $meant THEN $value ELSE coalesce($value, $other) END",
        meant=meant,
        value=given,
        other=value,
    )


def _set_aside(typed: Typed) -> list[str]:
    """The fields whose values can have been wrong, so that they have a column that says so."""
    return list(typed.judged)


def _judge(s: Runner, writer: Writer, ready: Ready) -> None:
    """Add the problems of whole rows: the status of another folder, what is required, what dependencies say."""
    fields = writable(writer.catalog, ready.module.slug)
    given = {slug: exp.not_(exp.paren(is_missing(fields[slug], ROW))) for slug in ready.typed.fields}
    judged = judge_rows(
        s, writer.catalog, ready.module, actor=writer.actor, rows=ready.table, into=f"{ready.table}__rules",
        given=given, trusted=writer.trusted, set_aside=_set_aside(ready.typed),
    )  # fmt: skip
    known = Typed(ready.typed.table, ready.typed.problems, ready.typed.columns, fields)
    if judged:
        collect_problems(
            s,
            known,
            judged=judged,
            staged=ready.staged,
            received=ready.typed.received,
            within=f"{ready.table}__rules",
        )
    if "status" in ready.typed.columns:
        s.execute(
            f"INSERT INTO {ident(ready.typed.problems)} SELECT r._row, 'status', 'option', "
            "replace($words, '{value}', left(t.status, 120)), t.status "
            f"FROM {ident(ready.table)} r JOIN {ident(ready.typed.table)} t ON t._row = r._row "
            "WHERE r.status__wrong IS NOT NULL",
            {"words": message(fields["status"], "status")},
        )


def check_insert(tx: Transaction, writer: Writer, ready: Ready) -> int:
    """Add the problems that only the records there are can tell; returns how many. To be called under the lock."""
    rows = Checked(ready.table, ready.typed.problems)
    slugs = [*ready.typed.fields, *[key.partition("__")[0] for key in ready.module.columns]]
    return check_set(
        tx,
        writer.catalog,
        module=ready.module.slug,
        actor=writer.actor,
        rows=rows,
        fields=list(dict.fromkeys(slugs)),
    )


def write_insert(tx: Transaction, writer: Writer, ready: Ready, *, points: bool = True) -> int:
    """Store ready rows, with their numbers and contact points; returns how many.

    Rows that shall not be stored have been deleted from `ready.table` before.
    """
    give_numbers(tx, ready.module, ready.table)
    if points:
        settle_points(tx, writer, ready.module, rows=ready.table, before=None)
    columns = list(writer.catalog.columns(ready.module.slug))
    carried = staged_types(tx, ready.table)
    change = (
        "coalesce(CAST(_change_id AS UUID), CAST($change AS UUID))"
        if "_change_id" in carried
        else "CAST($change AS UUID)"
    )
    stamps = {
        "created_at": "coalesce(created_at, $now)",
        "updated_at": "coalesce(created_at, $now)",
        "change_id": change,
        "version": "$version",
    }
    chosen = ", ".join(stamps.get(key, ident(key)) for key in columns)
    count = tx.execute(
        f"INSERT INTO {table('crm', ready.module.slug)} ({', '.join(map(ident, columns))}) "
        f"SELECT {chosen} FROM {ident(ready.table)}",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )
    if points:
        insert_points(tx, writer, ready.module, rows=ready.table)
    tell(tx, writer.catalog, Event(ready.module.slug, "insert", ready.table))
    return count


def read_problems(s: Runner, typed: Typed, rows: Sequence[Mapping[str, Any]] | None = None) -> list[Problem]:
    """The problems found so far, by row and field; `received` as it was given when the given rows are handed in."""
    found = s.read(f"SELECT DISTINCT * FROM {ident(typed.problems)} ORDER BY _row, field, code")
    problems = []
    for row, slug, code, words, received in found.iter_rows():
        if rows is not None and row < len(rows) and slug in rows[row]:
            received = rows[row][slug]
        problems.append(Problem(slug, code, words, received, row))
    return problems
