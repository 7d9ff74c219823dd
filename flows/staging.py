"""Changes prepared for flows: the staged feed with who made each change, how deep in a chain, and what it was.

Everything here is temp tables and views of one session; nothing of the lake is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import coalesce, column, function, lake_table, text
from flows.statements import create_temp, run, temp
from lake import Lake, Session

SILENT_DOORS = ("load:silent", "undo", "undo:load", "definitions", "bootstrap", "maintenance")
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
    """The view of a module's prepared changes."""
    return f"flow_rows__{module}"


def matched_table(module: str) -> str:
    """The temp table of the changes that set off at least one flow."""
    return f"flow_matched__{module}"


def stage_changes(session: Session, lake: Lake, catalog: Catalog, module: str, window: Window) -> int:
    """Stage what changed in a module within the window, and put the prepared view over it.

    Returns:
        The number of changes: one for each record and commit.
    """
    feed = f"flow_feed__{module}"
    staged = lake.feed.stage(session, "crm", module, after=window.after, until=window.until, into=feed)
    known = set(session.read(f'DESCRIBE "{feed}"')["column_name"])
    view = _prepared(catalog, module, feed, known, window)
    session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(rows_view(module))} AS {text(view)}")
    return staged


def stage_records(
    session: Session, catalog: Catalog, module: str, *, ids: Sequence[str], window: Window, event: str
) -> int:
    """Stage records as they are at the window's end, as if each had just had the event; returns how many."""
    session.register("flow_wanted_ids", pl.DataFrame({"id": list(ids)}, schema={"id": pl.String}))
    columns: list[exp.Expression] = [
        column("id", "f").as_("_id"),
        exp.Literal.number(window.until).as_("_snapshot"),
    ]
    columns += _no_provenance(window, event)
    for name in catalog.columns(module):
        columns += [column(name, "f"), column(name, "f").as_(f"old__{name}", quoted=True)]
    rows = (
        exp.select(*columns)
        .from_(lake_table(module, alias="f", at=window.until))
        .where(column("id", "f").isin(query=_wanted_ids()))
        .where(column("deleted_at", "f").is_(exp.null()))
    )
    count = session.execute(text(create_temp(f"flow_feed__{module}", rows)))
    view = exp.select("*").from_(temp(f"flow_feed__{module}"))
    session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(rows_view(module))} AS {text(view)}")
    return count


def stage_last_change(
    session: Session, catalog: Catalog, module: str, *, record_id: str, window: Window
) -> tuple[str, tuple[str, ...]]:
    """Stage the last change of one record: as it was at the window's beginning, and at its end.

    Returns:
        The event that it was, and the columns that changed.
    """
    feed = f"flow_feed__{module}"
    sides = (("n", window.until), ("o", window.after))
    params = Params()
    this = {alias: _one_record(module, alias, at, record_id, params) for alias, at in sides if at > 0}
    columns = catalog.columns(module)
    values = [column(name, "n") for name in columns]
    if "o" in this:
        olds: list[exp.Expression] = [column(name, "o").as_(f"old__{name}", quoted=True) for name in columns]
        kind = exp.Case().when(column("id", "o").is_(exp.null()), exp.Literal.string("insert"), copy=False)
        kind = kind.else_(exp.Literal.string("update"), copy=False)
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
    run(session, create_temp(feed, select), params)
    view = _prepared(catalog, module, feed, set(columns), replace(window, load_id=None), silent=())
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


def _no_provenance(window: Window, event: str) -> list[exp.Expression]:
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


def _instant(moment: datetime) -> exp.Expression:
    return exp.cast(exp.Literal.string(moment.isoformat()), "TIMESTAMPTZ", dialect="duckdb")


def _prepared(
    catalog: Catalog,
    module: str,
    feed: str,
    known: set[str],
    window: Window,
    silent: Sequence[str] = SILENT_DOORS,
) -> exp.Select:
    """The feed with the provenance of each change; a row that vanished shows the values that it had."""
    values: list[exp.Expression] = []
    vanished = column("_kind", "f").eq(exp.Literal.string("delete"))
    for name, kind in catalog.columns(module).items():
        old = f"old__{name}"
        if name in known:
            now = (
                exp.Case()
                .when(vanished.copy(), column(old, "f"), copy=False)
                .else_(column(name, "f"), copy=False)
            )
            values += [now.as_(name, quoted=True), column(old, "f")]
        else:
            # The definitions are newer than the window: the column was not there yet.
            missing = exp.cast(exp.null(), kind, dialect="duckdb")
            values += [missing.as_(name, quoted=True), missing.copy().as_(old, quoted=True)]
    occurred = coalesce(column("occurred_at", "c"), column("updated_at", "f"), _instant(window.now))
    return (
        exp.select(
            column("_id", "f"), column("_snapshot", "f"), column("id", "c").as_("_change"),
            column("load_id", "c").as_("_load"), column("flow_id", "r").as_("_flow"),
            coalesce(column("chain", "r"), exp.cast(exp.Array(expressions=[]), "VARCHAR[]", dialect="duckdb"))
            .as_("_chain"),
            column("columns", "o").as_("_own"), coalesce(column("depth", "c"), exp.Literal.number(0)).as_("_depth"),
            occurred.as_("_occurred"), _event().as_("_event"), *values, copy=False,
        )
        .from_(temp(feed, "f"))
        .join(_changes(window).subquery("c"), on=exp.and_(
            column("id", "c").eq(column("change_id", "f")), column("snapshot", "c").eq(column("_snapshot", "f"))),
            join_type="left")
        .join(_runs(window).subquery("r"), on=column("id", "r").eq(column("flow_run_id", "c")), join_type="left")
        .join(_own(module, window).subquery("o"), on=exp.and_(
            column("record_id", "o").eq(column("_id", "f")), column("committed", "o").eq(column("_snapshot", "f"))),
            join_type="left")
        .where(_counts(window, silent))
    )  # fmt: skip


def _counts(window: Window, silent: Sequence[str]) -> exp.Expression:
    """Whether a change may set off flows at all; one from outside the door always may."""
    if window.load_id is not None:
        return column("load_id", "c").eq(
            exp.cast(exp.Literal.string(window.load_id), "UUID", dialect="duckdb")
        )
    if not silent:
        return exp.true()
    door = coalesce(column("door", "c"), exp.Literal.string(""))
    return exp.not_(door.isin(*[exp.Literal.string(one) for one in silent]))


def _event() -> exp.Expression:
    kind, gone, was_gone = column("_kind", "f"), column("deleted_at", "f"), column("old__deleted_at", "f")
    null = exp.null()
    there, was_there = gone.copy().is_(null), was_gone.copy().is_(null)
    case = exp.Case()
    branches: list[tuple[exp.Expression, str]] = [
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


def _changes(window: Window) -> exp.Select:
    wanted = ("id", "door", "load_id", "flow_run_id", "depth", "occurred_at", "snapshot")
    return (
        exp.select(*[column(name) for name in wanted])
        .from_(lake_table("changes", schema="ops", at=window.at))
        .where(*_within("snapshot", window))
    )


def _runs(window: Window) -> exp.Select:
    return (
        exp.select(column("id"), column("flow_id"), column("chain"))
        .from_(lake_table("flow_runs", schema="ops", at=window.at))
        .where(*_within("committed", window))
    )


def _own(module: str, window: Window) -> exp.Select:
    """For each record and snapshot, what flows wrote themselves: `<flow id> <column>` each."""
    written = (
        exp.select(column("record_id"), column("committed"), function("concat_ws", exp.Literal.string(" "),
                   column("flow_id"), function("unnest", column("fields"))).as_("one"))
        .from_(lake_table("flow_effects", schema="ops", at=window.at))
        .where(column("module").eq(exp.Literal.string(module)), *_within("committed", window))
    )  # fmt: skip
    return (
        exp.select(column("record_id"), column("committed"), function("list", column("one")).as_("columns"))
        .from_(written.subquery("w"))
        .group_by(column("record_id"), column("committed"))
    )


def _within(name: str, window: Window) -> tuple[exp.Expression, exp.Expression]:
    first, last = exp.Literal.number(window.after), exp.Literal.number(window.until)
    return exp.GT(this=column(name), expression=first), exp.LTE(this=column(name), expression=last)


def _quoted(text_name: str) -> str:
    return exp.to_identifier(text_name, quoted=True).sql("duckdb")


def column_types(session: Session, relation: str) -> Mapping[str, str]:
    """Column name → DuckDB type of a temp table or view."""
    return dict(
        session.read(f"DESCRIBE {_quoted(relation)}").select("column_name", "column_type").iter_rows()
    )
