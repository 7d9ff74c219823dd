"""Changes prepared for flows: the staged feed with who made each change, how deep in a chain, and what it was.

Everything here is temp tables and views of one session; nothing of the lake is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import coalesce, column, function, lake_table, text
from flows.lookups import AT, Statement, compile_statement
from flows.statements import create_temp, run, temp
from lake import Lake, Session, Transaction

SILENT_DOORS = ("load:silent", "undo", "undo:load", "definitions", "bootstrap", "maintenance", "demo")
"""Doors whose changes set off nothing: what they do is mended, undone, or replayed on purpose."""

LOAD_SILENT = "load:silent"


@dataclass(frozen=True)
class Window:
    """The snapshots `(after, until]` of one reading; `load_id` narrows it to the rows of one load, for a replay.

    Related records are read as of `at`. `now` is the aware instant at which relative dates begin.
    """

    after: int
    until: int
    at: int
    now: datetime
    load_id: str | None = None


def rows_view(module: str) -> str:
    """The view of a module's prepared changes: the feed with the provenance of each change."""
    return f"flow_rows__{module}"


def picked_view(module: str) -> str:
    """As `rows_view`, of the changes alone that stand in `picked_table`."""
    return f"flow_picked_rows__{module}"


def picked_table(module: str) -> str:
    """The provenance of the changes that are looked at once more, a few of all: filled by `pick`."""
    return f"flow_picked__{module}"


def pick(session: Session | Transaction, module: str, wanted: str, params: Sequence[object]) -> None:
    """Let `picked_view` show the changes whose `record_id` and `snapshot` a select gives.

    The few are found before the many are read: over a million changes that is what takes the time.
    """
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_quoted(picked_table(module))} AS SELECT m.* FROM {_quoted(_meta(module))} m "
        f"SEMI JOIN ({wanted}) w ON w.record_id = m._id AND w.snapshot = m._snapshot",
        list(params) or None,
    )


def matched_table(module: str) -> str:
    """The temp table of the changes that set off at least one flow, with what was looked up for them."""
    return f"flow_matched__{module}"


def _feed(module: str) -> str:
    return f"flow_feed__{module}"


def _meta(module: str) -> str:
    return f"flow_meta__{module}"


def stage_changes(session: Session, lake: Lake, catalog: Catalog, module: str, window: Window) -> int:
    """Stage what changed in a module within the window, and put the prepared view over it.

    Returns:
        The number of changes that can set off flows: one for each record and commit.
    """
    feed = _feed(module)
    if not lake.feed.stage(session, "crm", module, after=window.after, until=window.until, into=feed):
        return 0
    known = frozenset(session.read(f"DESCRIBE {_quoted(feed)}")["column_name"])
    replays = window.load_id is not None
    meta = catalog.memo.of(("flow meta", module, replays), lambda: _meta_statement(module, replays=replays))
    count = meta.execute(session, **_bounds(window))
    pick(session, module, "SELECT NULL::UUID AS record_id, 0 AS snapshot LIMIT 0", ())
    for view, over in ((rows_view(module), _meta(module)), (picked_view(module), picked_table(module))):
        rows = catalog.memo.of(
            ("flow rows", module, known, over), partial(_rows_sql, catalog, module, known, over)
        )
        session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(view)} AS {rows}")
    return count


def _bounds(window: Window) -> dict[str, object]:
    return {
        "after": window.after,
        "until": window.until,
        "at": window.at,
        "now": window.now,
        "load": window.load_id,
    }


def stage_records(
    session: Session | Transaction,
    catalog: Catalog,
    module: str,
    *,
    ids: Sequence[str],
    window: Window,
    event: str,
    now_there: bool = False,
) -> int:
    """Stage records as they are at the window's end, as if each had just had the event; returns how many.

    With `now_there` they are read as the session sees them, what it has not committed yet included.
    """
    session.register("flow_wanted_ids", pl.DataFrame({"id": list(ids)}, schema={"id": pl.String}))
    columns: list[exp.Expr] = [
        column("id", "f").as_("_id"),
        exp.Literal.number(window.until).as_("_snapshot"),
    ]
    columns += _no_provenance(window, event)
    for name in catalog.columns(module):
        columns += [column(name, "f"), column(name, "f").as_(f"old__{name}", quoted=True)]
    rows = (
        exp.select(*columns)
        .from_(lake_table(module, alias="f", at=None if now_there else window.until))
        .where(column("id", "f").isin(query=_wanted_ids()))
        .where(column("deleted_at", "f").is_(exp.null()))
    )
    count = session.execute(text(create_temp(_feed(module), rows)))
    keys = "SELECT _id, _snapshot"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_quoted(_meta(module))} AS {keys} FROM {_quoted(_feed(module))}"
    )
    for view, over in ((rows_view(module), None), (picked_view(module), picked_table(module))):
        select = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("f"))).from_(
            temp(_feed(module), "f")
        )
        if over is not None:
            session.execute(
                f"CREATE OR REPLACE TEMP TABLE {_quoted(over)} AS {keys} FROM {_quoted(_meta(module))}"
            )
            select = select.join(
                temp(over, "m"), on=column("_id", "m").eq(column("_id", "f")), join_type="semi"
            )
        session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(view)} AS {text(select)}")
    return count


def stage_last_change(
    session: Session, catalog: Catalog, module: str, *, record_id: str, window: Window
) -> tuple[str, tuple[str, ...]]:
    """Stage the last change of one record: as it was at the window's beginning, and at its end.

    Returns:
        The event that it was, and the columns that changed.
    """
    sides = (("n", window.until), ("o", window.after))
    params = Params()
    this = {alias: _one_record(module, alias, at, record_id, params) for alias, at in sides if at > 0}
    columns = catalog.columns(module)
    values = [column(name, "n") for name in columns]
    if "o" in this:
        olds: list[exp.Expr] = [column(name, "o").as_(f"old__{name}", quoted=True) for name in columns]
        was_there = exp.Case().when(
            column("id", "o").is_(exp.null()), exp.Literal.string("insert"), copy=False
        )
        kind: exp.Expr = was_there.else_(exp.Literal.string("update"), copy=False)
    else:
        olds = [
            exp.cast(exp.null(), of, dialect="duckdb").as_(f"old__{name}", quoted=True)
            for name, of in columns.items()
        ]
        kind = exp.Literal.string("insert")
    select = exp.select(
        column("id", "n").as_("_id"), exp.Literal.number(window.until).as_("_snapshot"), kind.as_("_kind"),
        *values, *olds,
    ).from_(this["n"].subquery("n"))  # fmt: skip
    if "o" in this:
        select = select.join(
            this["o"].subquery("o"), on=column("id", "o").eq(column("id", "n")), join_type="left"
        )
    run(session, create_temp(_feed(module), select), params)
    _meta_statement(module, silent=()).execute(session, **_bounds(window))
    view = _rows(catalog, module, frozenset(columns), _meta(module))
    session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(rows_view(module))} AS {text(view)}")
    return _told(session, module, list(columns))


def _one_record(module: str, alias: str, at: int, record_id: str, params: Params) -> exp.Select:
    is_it = exp.TryCast(this=params.bind(record_id), to=exp.DataType.build("UUID"))
    return exp.select("*").from_(lake_table(module, alias=alias, at=at)).where(column("id", alias).eq(is_it))


def _told(session: Session, module: str, columns: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    row = session.read(f"SELECT * FROM {_quoted(rows_view(module))}").row(0, named=True)
    unseen = ("updated_at", "version", "change_id", "id", "created_at")
    changed = [name for name in columns if name not in unseen and row[name] != row[f"old__{name}"]]
    return row["_event"], tuple(changed if row["_event"] == "updated" else ())


def _wanted_ids() -> exp.Select:
    return exp.select(exp.TryCast(this=column("id"), to=exp.DataType.build("UUID"))).from_(
        temp("flow_wanted_ids")
    )


def _no_provenance(window: Window, event: str) -> list[exp.Expr]:
    nothing = {"_change": "UUID", "_load": "UUID", "_flow": "VARCHAR"}
    lists = {"_chain": "VARCHAR[]", "_own": "VARCHAR[]"}
    return [
        *[exp.cast(exp.null(), kind, dialect="duckdb").as_(name) for name, kind in nothing.items()],
        *[
            exp.cast(exp.Array(expressions=[]), kind, dialect="duckdb").as_(name)
            for name, kind in lists.items()
        ],
        exp.Literal.number(0).as_("_depth"),
        _instant(window.now).as_("_occurred"),
        exp.Literal.string(event).as_("_event"),
    ]


def _instant(moment: datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(moment.isoformat()), "TIMESTAMPTZ", dialect="duckdb")


def _rows_sql(catalog: Catalog, module: str, known: frozenset[str], meta: str) -> str:
    return text(_rows(catalog, module, known, meta))


def _rows(catalog: Catalog, module: str, known: frozenset[str], meta: str) -> exp.Select:
    """The feed and the provenance of its changes as one relation; a row that vanished shows the values that it had."""
    values: list[exp.Expr] = []
    vanished = column("_kind", "f").eq(exp.Literal.string("delete"))
    for name, kind in catalog.columns(module).items():
        old = f"old__{name}"
        if name in known:
            now = exp.Case().when(vanished.copy(), column(old, "f"), copy=False)
            values += [
                now.else_(column(name, "f"), copy=False).as_(name, quoted=True),
                column(old, "f"),
            ]
        else:
            # The definitions are newer than the window: the column was not there yet.
            missing = exp.cast(exp.null(), kind, dialect="duckdb")
            values += [missing.as_(name, quoted=True), missing.copy().as_(old, quoted=True)]
    same = exp.and_(
        column("_id", "m").eq(column("_id", "f")), column("_snapshot", "m").eq(column("_snapshot", "f"))
    )
    everything = exp.Column(this=exp.Star(), table=exp.to_identifier("m"))
    return (
        exp.select(everything, *values, copy=False)
        .from_(temp(_feed(module), "f"))
        .join(temp(meta, "m"), on=same)
    )


def _meta_statement(module: str, *, replays: bool = False, silent: Sequence[str] = SILENT_DOORS) -> Statement:
    """Who made each change, through which door, how deep in a chain, and what it was to the record.

    Binds `$after`, `$until`, `$at` and `$now`; a replay also `$load`, and lets relative times begin now.
    """
    own_commit = exp.and_(
        column("id", "c").eq(column("change_id", "f")), column("snapshot", "c").eq(column("_snapshot", "f"))
    )
    own_writes = exp.and_(
        column("record_id", "o").eq(column("_id", "f")), column("committed", "o").eq(column("_snapshot", "f"))
    )
    nothing = exp.cast(exp.Array(expressions=[]), "VARCHAR[]", dialect="duckdb")
    now = exp.cast(exp.Placeholder(this="now"), "TIMESTAMPTZ", dialect="duckdb")
    occurred = now if replays else coalesce(column("occurred_at", "c"), column("updated_at", "f"), now)
    meta = (
        exp.select(
            column("_id", "f"), column("_snapshot", "f"), column("id", "c").as_("_change"),
            column("load_id", "c").as_("_load"), column("flow_id", "r").as_("_flow"),
            coalesce(column("chain", "r"), nothing).as_("_chain"), column("columns", "o").as_("_own"),
            coalesce(column("depth", "c"), exp.Literal.number(0)).as_("_depth"),
            occurred.as_("_occurred"), _event().as_("_event"), copy=False,
        )
        .from_(temp(_feed(module), "f"))
        .join(_changes().subquery("c"), on=own_commit, join_type="left")
        .join(_runs().subquery("r"), on=column("id", "r").eq(column("flow_run_id", "c")), join_type="left")
        .join(_own(module).subquery("o"), on=own_writes, join_type="left")
        .where(_counts(replays, silent))
    )  # fmt: skip
    tree = exp.select("*").from_(meta.subquery("x")).where(column("_event").neq(exp.Literal.string("none")))
    return compile_statement(create_temp(_meta(module), tree))


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
        .where(*_within("committed"))
    )


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


def _quoted(text_name: str) -> str:
    return exp.to_identifier(text_name, quoted=True).sql("duckdb")
