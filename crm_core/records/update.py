"""Changed records: the rows as they are and as they would be, judged and stored as a set."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from crm_core.model import Module
from crm_core.model.fields import MoneyField
from crm_core.params import Params
from crm_core.records.contact_points import follow_profiles, holdings, settle_points
from crm_core.records.hooks import Event, tell
from crm_core.records.insert import carried_columns
from crm_core.records.writer import Statuses, Writer, with_owner
from crm_core.relations import Relations
from crm_core.trees import any_of, column, name
from crm_core.values.checks import Checked, check_set
from crm_core.values.circles import check_circles
from crm_core.values.fragments import (
    Statement,
    aliased,
    compiled,
    inner_join,
    named_table,
    nested,
    select_from,
    sql,
)
from crm_core.values.lookups import Runner
from crm_core.values.messages import message
from crm_core.values.normalise import Typed, collect_problems
from crm_core.values.overlaps import check_overlaps
from crm_core.values.plan import writable
from crm_core.values.rules import judge_rows, refusals
from lake import Transaction, ident, table

_BOOKKEEPING = ("created_at", "updated_at", "deleted_at", "change_id", "version")


@dataclass(frozen=True)
class Merged:
    """Rows as they would be after a change.

    Attributes:
        module: whose rows they are.
        table: a temp table with `_row`, every column of the module, `_differs` (whether anything does), and
            `<slug>__differs` for every field that was given.
        before: a temp table with the rows as they are.
        typed: where the values came from; takes further problems.
        staged: the relation with what came in.
        columns: the columns that may differ.
        missing: ids of the change that are no live record that the actor sees.
    """

    module: Module
    table: str
    before: str
    typed: Typed
    staged: str
    columns: tuple[str, ...]
    missing: tuple[str, ...]


def prepare_update(
    s: Runner,
    writer: Writer,
    *,
    module: str,
    typed: Typed,
    staged: str = "staged",
    merged: str = "merged",
    keep_empty: bool = False,
    everybody: bool = False,
) -> Merged:
    """Merge typed values with the rows there are, and judge each row; to be called under the lock.

    A typed row carries `_id` (the record), and may carry `_change_id` (the change that it is recorded under) and
    `_given` (the slugs it gives values for; all without it). No id may stand there twice.

    Args:
        s: a transaction, or a session for a dry run.
        writer: on whose behalf.
        module: of which module.
        typed: the values; problems are added to its table.
        staged: the relation that was typed, for what came in.
        merged: the name of the temp table to make; `<merged>__before` is made beside it.
        keep_empty: a missing value keeps the stored one, instead of clearing it.
        everybody: whether rows that the actor does not see may be changed too.
    """
    own = writer.catalog.module(module)
    before, memo = f"{merged}__before", writer.catalog.memo
    key = ("before", module, typed.table, None if everybody else writer.actor)
    reading = memo.of(key, lambda: _before(writer, own, typed, everybody))
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(before)} AS {reading.sql}", reading.values())
    carried = carried_columns(s, typed)
    shape = (tuple(typed.columns), tuple(typed.fields), typed.judged, carried)
    how = ("merged", module, typed.table, shape, before, keep_empty)
    merging = memo.of(how, lambda: _merge(writer, own, typed, carried, before, keep_empty))
    s.execute(f"CREATE OR REPLACE TEMP TABLE {ident(merged)} AS {merging.sql}", merging.values())
    missing = s.read(
        f"SELECT CAST(_id AS VARCHAR) AS id FROM {ident(typed.table)} WHERE _id NOT IN (SELECT id FROM {ident(before)})"
    )
    made = Merged(own, merged, before, typed, staged, tuple(_written(typed)), tuple(missing["id"].to_list()))
    _judge(s, writer, made)
    return made


def _before(writer: Writer, module: Module, typed: Typed, everybody: bool) -> Statement:
    relations = Relations(writer.catalog, writer.actor, Params("b"))
    live = column("deleted_at", "r").is_(exp.null())
    predicate = live if everybody else relations.predicate(module.slug, "r")
    ids = select_from([column("_id")], named_table(typed.table))
    columns = [column(key, "r") for key in writer.catalog.columns(module.slug)]
    where = exp.and_(predicate, column("id", "r").isin(query=ids))
    return compiled(
        select_from(columns, relations.table(module.slug, "r"), where=where), relations.params.values
    )


def _written(typed: Typed) -> list[str]:
    """The columns that a change of these values may write: folder moves the status, the owner joins the workers."""
    more = [key for key in ("status",) if "folder" in typed.columns]
    more += [key for key in ("workers",) if "owner" in typed.columns]
    return list(dict.fromkeys([*typed.columns, *more]))


def _merge(
    writer: Writer, module: Module, typed: Typed, carried: tuple[str, ...], before: str, keep_empty: bool
) -> Statement:
    """Three selects within each other: given or stored, folder and status and workers settled, compared."""
    params = Params("u")
    new = {key: _new(key, writer, typed, carried, keep_empty, params) for key in typed.columns}
    if "folder" in typed.columns:
        default = params.bind(module.default_folder.slug)
        new["folder"] = exp.Coalesce(this=new["folder"], expressions=[default])
    columns: list[exp.Expr] = [column(key, "t") for key in carried if key != "_id"]
    columns += [aliased(new.get(key, column(key, "b")), key) for key in writer.catalog.columns(module.slug)]
    columns += [aliased(column("status", "b"), "_status_was"), aliased(column("folder", "b"), "_folder_was")]
    fields = {slug: [key for key in one.columns if key in typed.columns] or [slug]
              for slug, one in typed.fields.items()}  # fmt: skip
    written = _written(typed)
    asked = dict.fromkeys([*written, *(key for own in fields.values() for key in own)])
    was = [aliased(column(key, "b"), _was(key)) for key in asked]
    stored = inner_join(named_table(before, "b"), column("id", "b").eq(column("_id", "t")))
    first = select_from([*columns, *was], named_table(typed.table, "t"), joins=[stored])
    settled: list[exp.Expr] = [_with_status(module, typed, params)]
    if "status" in typed.columns:
        settled.append(aliased(_wrong_status(module, params), "_status_wrong"))
    second = select_from(settled, nested(first, "f"))
    compared: list[exp.Expr] = [exp.Star(except_=[name(_was(key)) for key in asked])]
    compared += [aliased(_any_differs(own), f"{slug}__differs") for slug, own in fields.items()]
    compared.append(aliased(_any_differs(written), "_differs"))
    return compiled(select_from(compared, nested(second, "m")), params.values)


def _was(key: str) -> str:
    """The stored value beside the one that a column would have."""
    return f"_was__{key}"


def _new(
    key: str, writer: Writer, typed: Typed, carried: tuple[str, ...], keep_empty: bool, params: Params
) -> exp.Expr:
    """What a column is after the change: the given value, or the stored one where none is given."""
    slug = key.partition("__")[0]
    value: exp.Expr = column(key, "t")
    stored = column(key, "b")
    field = typed.fields.get(slug)
    if isinstance(field, MoneyField) and key != slug:
        value = _currency(writer, field, key, typed, params)
    tests: list[exp.Expr] = []
    if "_given" in carried:
        tests.append(
            sql("list_contains($given, $slug)", given=column("_given", "t"), slug=exp.Literal.string(slug))
        )
    if keep_empty:
        tests.append(exp.not_(value.is_(exp.null())))
    if slug in typed.judged:
        tests.append(column(f"{slug}__problem", "t").is_(exp.null()))
    if not tests:
        return value
    return sql(
        "CASE WHEN $taken THEN $value ELSE $stored END", taken=exp.and_(*tests), value=value, stored=stored
    )


def _currency(writer: Writer, field: MoneyField, key: str, typed: Typed, params: Params) -> exp.Expr:
    """An amount without a currency keeps the one there is."""
    default = params.bind(field.currency or writer.catalog.workspace.currency)
    return sql(
        "CASE WHEN $amount IS NOT NULL THEN coalesce($given, $stored, $default) END",
        amount=column(field.slug, "t"),
        given=column(key, "t"),
        stored=column(key, "b"),
        default=default,
    )


def _with_status(module: Module, typed: Typed, params: Params) -> exp.Star:
    """The star of the merged row with folder, status and workers settled."""
    settled = []
    if "status" in typed.columns or "folder" in typed.columns:
        settled.append(_settled_status(module, params).as_("status", quoted=True))
    if "owner" in typed.columns or "workers" in typed.columns:
        settled.append(with_owner(column("owner"), column("workers")).as_("workers", quoted=True))
    return exp.Star(**{"replace": settled}) if settled else exp.Star()


def _settled_status(module: Module, params: Params) -> exp.Expr:
    """The same status stays where the folder has it; else a new record's, when nobody says otherwise."""
    statuses = Statuses(module, params)
    return sql(
        "CASE WHEN $status IS NOT NULL "
        "AND ($status IS DISTINCT FROM _status_was OR $folder IS NOT DISTINCT FROM _folder_was) "
        "THEN coalesce($named, CASE WHEN $folder IS DISTINCT FROM _folder_was THEN $start ELSE _status_was END) "
        "ELSE coalesce($named, $start) END",
        status=column("status"),
        folder=column("folder"),
        named=statuses.named(column("folder"), column("status")),
        start=statuses.start(column("folder")),
    )


def _wrong_status(module: Module, params: Params) -> exp.Expr:
    """True where a status was asked for that the folder does not have."""
    named = Statuses(module, params).named(column("folder"), column("status"))
    return sql(
        "coalesce($status IS DISTINCT FROM _status_was AND $status IS NOT NULL AND $named IS NULL, false)",
        status=column("status"),
        named=named,
    )


def _any_differs(keys: Sequence[str]) -> exp.Expr:
    return any_of([exp.NullSafeNEQ(this=column(key), expression=column(_was(key))) for key in keys])


def _judge(s: Runner, writer: Writer, made: Merged) -> None:
    fields = writable(writer.catalog, made.module.slug)
    rules = f"{made.table}__rules"
    judged = judge_rows(
        s, writer.catalog, made.module, actor=writer.actor, rows=made.table, into=rules,
        given=tuple(made.typed.fields), compared=True, trusted=writer.trusted,
    )  # fmt: skip
    if judged:
        known = replace(made.typed, fields=fields)
        collect_problems(
            s,
            known,
            judged=judged,
            staged=made.staged,
            received=made.typed.received,
            within=rules,
            told=refusals(made.module),
        )
    if "status" in made.typed.columns:
        s.execute(
            f"INSERT INTO {ident(made.typed.problems)} SELECT m._row, 'status', 'option', "
            "replace($words, '{value}', left(t.status, 120)), t.status "
            f"FROM {ident(made.table)} m JOIN {ident(made.typed.table)} t ON t._row = m._row WHERE m._status_wrong",
            {"words": message(fields["status"], "status")},
        )


def check_update(tx: Transaction, writer: Writer, made: Merged) -> int:
    """Add the problems that only the records there are can tell; returns how many. To be called under the lock."""
    rows = Checked(made.table, made.typed.problems, made.before)
    found = check_set(
        tx,
        writer.catalog,
        module=made.module.slug,
        actor=writer.actor,
        rows=rows,
        fields=list(made.typed.fields),
    )
    found += check_circles(tx, writer.catalog, made.module.slug, rows=rows)
    return found + check_overlaps(tx, made.module, rows=rows)


def write_update(tx: Transaction, writer: Writer, made: Merged) -> int:
    """Store the merged rows that differ from what is there; returns how many.

    Rows that shall stay as they are have been deleted from `made.table` before.
    """
    tx.execute(f"DELETE FROM {ident(made.table)} WHERE NOT _differs")
    if not tx.read(f"SELECT count(*) AS n FROM {ident(made.table)}").item():
        return 0
    settle_points(tx, writer, made.module, rows=made.table, before=made.before)
    columns = dict.fromkeys([*made.columns, *_derived(writer, made)])
    place, carried = table("crm", made.module.slug), carried_columns(tx, made.typed)
    change = (
        "coalesce(CAST(m._change_id AS UUID), CAST($change AS UUID))"
        if "_change_id" in carried
        else "CAST($change AS UUID)"
    )
    sets = [f"{ident(key)} = m.{ident(key)}" for key in columns]
    count = tx.execute(
        f"UPDATE {place} SET {', '.join(sets)}, updated_at = $now, change_id = {change}, version = $version "
        f"FROM {ident(made.table)} m WHERE m.id = {place}.id",
        {"now": tx.occurred_at, "change": tx.change_id, "version": tx.snapshot},
    )
    follow_profiles(tx, writer, made.module, rows=made.table)
    tell(tx, writer.catalog, Event(made.module.slug, "update", made.table))
    return count


def _derived(writer: Writer, made: Merged) -> list[str]:
    """Columns that are worked out from others when the module holds contact points."""
    holds = any(True for _ in holdings(writer.catalog, made.module.slug))
    return ["standardised", "invalid", "primary"] if holds else []
