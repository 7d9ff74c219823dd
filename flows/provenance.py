"""Who made each staged change: through which door, how deep in a chain of flows, by which flow, and what it was."""

from collections.abc import Collection, Mapping, Sequence

from sqlglot import exp

from crm_core.trees import coalesce, column, function, lake_table, no_rows
from flows.lookups import AT
from flows.statements import temp

SILENT_DOORS = ("load:silent", "undo", "undo:load", "definitions", "bootstrap", "maintenance", "demo")
"""Doors whose changes set off nothing: what they do is mended, undone, or replayed on purpose."""


def feed_table(module: str) -> str:
    """The temp table of a module's staged changes, as the feed gives them."""
    return f"flow_feed__{module}"


def provenance(
    module: str,
    *further: exp.Expr,
    replays: bool = False,
    silent: Sequence[str] = SILENT_DOORS,
    by_flows: bool = True,
) -> exp.Select:
    """Every staged change that can set off flows: who made it, through which door, how deep, and what it was.

    Binds `$after`, `$until`, `$at` and `$now`; a replay also `$load`, and lets relative times begin now.

    Args:
        module: whose staged changes they are.
        further: what else of a change is selected, over the feed as `f`.
        replays: whether the rows of one load are looked at again.
        silent: the doors whose changes set off nothing.
        by_flows: whether flows may have written anything within the window; looking for it costs.
    """
    own_commit = exp.and_(
        column("id", "c").eq(column("change_id", "f")), column("snapshot", "c").eq(column("_snapshot", "f"))
    )
    own_writes = exp.and_(
        column("record_id", "o").eq(column("_id", "f")), column("committed", "o").eq(column("_snapshot", "f"))
    )
    nothing = exp.cast(exp.Array(expressions=[]), "VARCHAR[]", dialect="duckdb")
    now = exp.cast(exp.Placeholder(this="now"), "TIMESTAMPTZ", dialect="duckdb")
    runs, own = (_runs(), _own(module)) if by_flows else (_no_runs(), _no_own())
    occurred = now if replays else coalesce(column("occurred_at", "c"), column("updated_at", "f"), now)
    meta = (
        exp.select(
            column("_id", "f"), column("_snapshot", "f"), column("id", "c").as_("_change"),
            column("load_id", "c").as_("_load"), column("flow_id", "r").as_("_flow"),
            coalesce(column("chain", "r"), nothing).as_("_chain"), column("columns", "o").as_("_own"),
            coalesce(column("depth", "c"), exp.Literal.number(0)).as_("_depth"),
            occurred.as_("_occurred"), _event().as_("_event"), nothing.copy().as_("_links"),
            *further, copy=False,
        )
        .from_(temp(feed_table(module), "f"))
        .join(_changes().subquery("c"), on=own_commit, join_type="left")
        .join(runs.subquery("r"), on=column("id", "r").eq(column("flow_run_id", "c")), join_type="left")
        .join(own.subquery("o"), on=own_writes, join_type="left")
        .where(_counts(replays, silent))
    )  # fmt: skip
    return exp.select("*").from_(meta.subquery("x")).where(column("_event").neq(exp.Literal.string("none")))


def told_values(kinds: Mapping[str, str], known: Collection[str]) -> list[exp.Expr]:
    """Columns of the feed `f`, each with its value and the one before; a row that vanished shows those that it had.

    Args:
        kinds: the columns and their DuckDB types.
        known: those that the staged feed has; any other was not there yet, and is NULL.
    """
    values: list[exp.Expr] = []
    vanished = column("_kind", "f").eq(exp.Literal.string("delete"))
    for name, kind in kinds.items():
        old = f"old__{name}"
        if name in known:
            now = exp.Case().when(vanished.copy(), column(old, "f"), copy=False)
            values += [
                now.else_(column(name, "f"), copy=False).as_(name, quoted=True),
                column(old, "f"),
            ]
        else:
            missing = exp.cast(exp.null(), kind, dialect="duckdb")
            values += [missing.as_(name, quoted=True), missing.copy().as_(old, quoted=True)]
    return values


def _counts(replays: bool, silent: Sequence[str]) -> exp.Expr:
    """Whether a change may set off flows at all; one from outside the door always may."""
    if replays:
        load = exp.cast(exp.Placeholder(this="load"), "UUID", dialect="duckdb")
        return exp.and_(column("load_id", "c").eq(load), column("flow_run_id", "c").is_(exp.null()))
    if not silent:
        return exp.true()
    door = coalesce(column("door", "c"), exp.Literal.string(""))
    return exp.not_(door.isin(*[exp.Literal.string(one) for one in silent]))


def _event() -> exp.Expr:
    kind, gone, was_gone = column("_kind", "f"), column("deleted_at", "f"), column("old__deleted_at", "f")
    null = exp.null()
    there, was_there = gone.copy().is_(null), was_gone.copy().is_(null)
    case = exp.Case()
    branches: list[tuple[exp.Expr, str]] = [
        (exp.and_(kind.eq(exp.Literal.string("delete")), was_there), "deleted"),
        (exp.and_(kind.copy().eq(exp.Literal.string("insert")), there), "created"),
        (kind.copy().neq(exp.Literal.string("update")), "none"),
        (exp.and_(there.copy(), was_there.copy()), "updated"),
        (there.copy(), "restored"),
        (was_there.copy(), "deleted"),
    ]
    for test, event in branches:
        case = case.when(test, exp.Literal.string(event), copy=False)
    return case.else_(exp.Literal.string("none"), copy=False)


def _changes() -> exp.Select:
    wanted = ("id", "door", "load_id", "flow_run_id", "depth", "occurred_at", "snapshot")
    return (
        exp.select(*[column(name) for name in wanted])
        .from_(lake_table("changes", schema="ops", at=AT))
        .where(*_within("snapshot"))
    )


def _runs() -> exp.Select:
    return (
        exp.select(column("id"), column("flow_id"), column("chain"))
        .from_(lake_table("flow_runs", schema="ops", at=AT))
        # A run that waited is committed again, maybe after the window.
        .where(_within("committed")[0])
    )


def _no_runs() -> exp.Select:
    return no_rows({"id": "UUID", "flow_id": "VARCHAR", "chain": "VARCHAR[]"})


def _no_own() -> exp.Select:
    return no_rows({"record_id": "UUID", "committed": "BIGINT", "columns": "VARCHAR[]"})


def _own(module: str) -> exp.Select:
    """For each record and snapshot, what flows wrote themselves: `<flow id> <column>` each."""
    each = function("unnest", column("fields"))
    told = function("concat_ws", exp.Literal.string(" "), column("flow_id"), each).as_("one")
    written = (
        exp.select(column("record_id"), column("committed"), told)
        .from_(lake_table("flow_effects", schema="ops", at=AT))
        .where(column("module").eq(exp.Literal.string(module)), *_within("committed"))
    )
    return (
        exp.select(column("record_id"), column("committed"), function("list", column("one")).as_("columns"))
        .from_(written.subquery("w"))
        .group_by(column("record_id"), column("committed"))
    )


def _within(name: str) -> tuple[exp.Expr, exp.Expr]:
    first, last = exp.Placeholder(this="after"), exp.Placeholder(this="until")
    return exp.GT(this=column(name), expression=first), exp.LTE(this=column(name), expression=last)
