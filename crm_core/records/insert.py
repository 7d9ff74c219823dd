"""New records: made ready outside the lock, checked and stored under it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from crm_core.model import Module
from crm_core.params import Params
from crm_core.records.contact_points import insert_points, settle_points
from crm_core.records.counters import give_numbers
from crm_core.records.hooks import Event, tell
from crm_core.records.writer import Statuses, Writer, with_owner
from crm_core.trees import column, text
from crm_core.values.checks import Checked, check_set
from crm_core.values.circles import check_circles
from crm_core.values.defaults import default_values
from crm_core.values.fragments import (
    aliased,
    compiled,
    constant,
    fill,
    literal,
    named_table,
    nested,
    select_from,
    sql,
)
from crm_core.values.lookups import Runner
from crm_core.values.messages import message
from crm_core.values.normalise import Typed, collect_problems, staged_types
from crm_core.values.overlaps import check_overlaps
from crm_core.values.plan import writable
from crm_core.values.rules import judge_rows, refusals
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
        carried: the columns that came along, which begin with `_`.
        empty: columns that are NULL in every row so far, since nothing gives them a value.
    """

    module: Module
    table: str
    typed: Typed
    staged: str
    carried: tuple[str, ...] = ()
    empty: frozenset[str] = frozenset()


def prepare_insert(
    s: Runner,
    writer: Writer,
    *,
    module: str,
    typed: Typed,
    staged: str = "staged",
    ready: str = "ready",
    view: bool = False,
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
        view: make a view instead, which costs nothing to make: for rows that all carry an `_id`, and are only read.
    """
    own = writer.catalog.module(module)
    defaults = default_values(s, writer.catalog, own, writer.directory)
    carried = carried_columns(s, typed)
    known = {"owner": writer.person, "door": writer.door}
    known |= {f"default__{key}": value for key, value in defaults.items()}
    if view:
        tree, bound = _ready(writer, own, typed, carried, defaults)
        shown = fill(tree, {key: constant(value) for key, value in {**bound, **known}.items()})
        s.execute(f"CREATE OR REPLACE TEMP VIEW {ident(ready)} AS {text(shown)}")
    else:
        key = ("ready", module, typed.table, tuple(typed.columns), carried, typed.judged, frozenset(defaults))
        statement = writer.catalog.memo.of(
            key, lambda: compiled(*_ready(writer, own, typed, carried, defaults))
        )
        s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(ready)} AS {statement.sql}", statement.values(known))
    made = Ready(
        own, ready, typed, staged, tuple(key for key in carried if key != "_id"),
        frozenset(_empty(writer, own, typed, defaults)),
    )  # fmt: skip
    _judge(s, writer, made)
    return made


def _empty(writer: Writer, module: Module, typed: Typed, defaults: Mapping[str, Any]) -> Iterator[str]:
    """The columns that nothing gives a value; the status is left to its folder."""
    given = {*typed.columns, *defaults, "id", "source", "status"}
    if writer.person is not None or "owner" in given:
        given |= {"owner", "workers"}
    yield from (key for key in writer.catalog.columns(module.slug) if key not in given)


def carried_columns(s: Runner, typed: Typed) -> tuple[str, ...]:
    """The columns of a typed table that begin with `_`: what it carries along."""
    if typed.carried is not None:
        return typed.carried
    return tuple(key for key in staged_types(s, typed.table) if key.startswith("_"))


def _ready(
    writer: Writer, module: Module, typed: Typed, carried: tuple[str, ...], defaults: Mapping[str, Any]
) -> tuple[exp.Select, dict[str, Any]]:
    """The rows as they will be, and what the statement binds beside the defaults, the owner and the door."""
    params = Params("i")
    columns: list[exp.Expr] = [column(key, "t") for key in carried if key != "_id"]
    for key, kind in writer.catalog.columns(module.slug).items():
        columns.append(aliased(_value(key, kind, typed, carried, defaults), key))
    columns += [column(f"{slug}__problem", "t") for slug in typed.judged]
    first = select_from(columns, named_table(typed.table, "t"))
    statuses = Statuses(module, params)
    folder, status = column("folder"), column("status")
    named = statuses.named(folder, status)
    kept = sql(
        "CASE WHEN $s IS NULL THEN $start ELSE $named END",
        s=status,
        start=statuses.start(folder),
        named=named,
    )
    wrong = sql("CASE WHEN $s IS NOT NULL AND $named IS NULL THEN 'status' END", s=status, named=named)
    workers = with_owner(column("owner"), column("workers"))
    changed = exp.Star(**{"replace": [aliased(kept, "status"), aliased(workers, "workers")]})
    last = select_from([changed, aliased(wrong, "status__wrong")], nested(first, "f"))
    return last, params.values


def _value(
    key: str, kind: str, typed: Typed, carried: tuple[str, ...], defaults: Mapping[str, Any]
) -> exp.Expr:
    """What a column of a new row is before folder, status and workers are settled."""
    nothing = exp.cast(exp.null(), kind, dialect="duckdb")
    here = column(key, "t") if key in typed.columns else nothing
    match key:
        case "id":
            given = sql("CAST($id AS UUID)", id=column("_id", "t")) if "_id" in carried else nothing
            return sql("coalesce($given, uuidv7())", given=given)
        case "updated_at" | "deleted_at" | "change_id" | "version":
            return nothing
        case "owner":
            return _unless_given(here, exp.Placeholder(this="owner"), "owner", carried)
        case "source":
            return exp.Coalesce(this=here, expressions=[exp.Placeholder(this="door")])
    if key not in defaults:
        return here
    value = exp.cast(exp.Placeholder(this=f"default__{key}"), kind, dialect="duckdb")
    if key == "folder":
        return exp.Coalesce(this=here, expressions=[value])
    slug = key.partition("__")[0]
    tree = _unless_given(here, value, slug, carried)
    if slug not in typed.judged:
        return tree
    # A value that was set aside is missing because it was wrong, which no default mends.
    right = column(f"{slug}__problem", "t").is_(exp.null())
    return sql("CASE WHEN $right THEN $tree ELSE $here END", right=right, here=here, tree=tree)


def _unless_given(given: exp.Expr, value: exp.Expr, slug: str, carried: tuple[str, ...]) -> exp.Expr:
    if "_given" not in carried:
        return exp.Coalesce(this=given, expressions=[value])
    return sql(
        "CASE WHEN list_contains($given, $slug) THEN $here ELSE coalesce($here, $value) END",
        given=column("_given", "t"),
        slug=literal(slug),
        here=given,
        value=value,
    )


def _judge(s: Runner, writer: Writer, ready: Ready) -> None:
    """Add the problems of whole rows: the status of another folder, what is required, what dependencies say."""
    fields = writable(writer.catalog, ready.module.slug)
    judged = judge_rows(
        s, writer.catalog, ready.module, actor=writer.actor, rows=ready.table, into=f"{ready.table}__rules",
        given=tuple(ready.typed.fields), trusted=writer.trusted, set_aside=ready.typed.judged,
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
            told=refusals(ready.module),
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
    found = check_set(
        tx,
        writer.catalog,
        module=ready.module.slug,
        actor=writer.actor,
        rows=rows,
        fields=list(dict.fromkeys(slugs)),
    )
    found += check_circles(tx, writer.catalog, ready.module.slug, rows=rows)
    return found + check_overlaps(tx, ready.module, rows=rows)


def write_insert(tx: Transaction, writer: Writer, ready: Ready, *, points: bool = True) -> int:
    """Store ready rows, with their numbers and contact points; returns how many.

    Rows that shall not be stored have been deleted from `ready.table` before.
    """
    give_numbers(tx, ready.module, ready.table)
    if points:
        settle_points(tx, writer, ready.module, rows=ready.table, before=None)
    columns = list(writer.catalog.columns(ready.module.slug))
    change = "CAST($change AS UUID)"
    if "_change_id" in ready.carried:
        change = f"coalesce(CAST(_change_id AS UUID), {change})"
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
        insert_points(tx, writer, ready.module, rows=ready.table, carried=ready.carried)
    tell(tx, writer.catalog, Event(ready.module.slug, "insert", ready.table))
    return count
