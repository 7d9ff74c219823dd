"""Changes prepared for flows: the staged feed with who made each change, how deep in a chain, and what it was.

Everything here is temp tables and views of one session; nothing of the lake is written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import column, lake_table, text
from flows.lookups import Statement, compile_statement
from flows.provenance import SILENT_DOORS, feed_table, provenance, told_values
from flows.statements import create_temp, run, temp
from flows.triggers import LINKS
from lake import Lake, Session, Transaction

WANTED = "flow_wanted_ids"


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
    """Let `picked_view` show the changes whose `record_id`, `snapshot` and `event` a select gives.

    The few are found before the many are read: over a million changes that is what takes the time.
    """
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_quoted(picked_table(module))} AS "
        f"SELECT m.* FROM {_quoted(meta_table(module))} m "
        f"SEMI JOIN ({wanted}) w ON w.record_id = m._id AND w.snapshot = m._snapshot AND w.event = m._event",
        list(params) or None,
    )


def matched_table(module: str) -> str:
    """The temp table of the changes that set off at least one flow, with what was looked up for them."""
    return f"flow_matched__{module}"


def meta_table(module: str) -> str:
    """Who made each of the staged changes, and what it was: the key is `_id`, `_snapshot` and `_event`."""
    return f"flow_meta__{module}"


def stage_changes(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    module: str,
    window: Window,
    *,
    silent: Sequence[str] = SILENT_DOORS,
    only: str | None = None,
    even_none: bool = False,
    by_flows: bool = True,
) -> int:
    """Stage what changed in a module within the window, and put the prepared view over it.

    Args:
        session: where it is staged.
        lake: the lake.
        catalog: the definitions.
        module: whose changes they are.
        window: which of them.
        silent: the doors whose changes count for nothing.
        only: a temp table of the session with the `_id` of the records that count alone.
        even_none: whether the view shall be there though nothing changed.
        by_flows: whether flows may have written anything within the window.

    Returns:
        The number of changes that can set off flows: one for each record and commit.
    """
    if not stage_feed(session, lake, module, window, only=only) and not even_none:
        return 0
    count = stage_provenance(session, catalog, module, window, silent=silent, by_flows=by_flows)
    pick(session, module, "SELECT NULL::UUID AS record_id, 0 AS snapshot, '' AS event LIMIT 0", ())
    known = feed_columns(session, module)
    for view, over in ((rows_view(module), meta_table(module)), (picked_view(module), picked_table(module))):
        rows = catalog.memo.of(
            ("flow rows", module, known, over), partial(prepared_sql, catalog, module, known, over)
        )
        session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(view)} AS {rows}")
    return count


def flows_wrote(changed: Collection[tuple[str, str]]) -> bool:
    """Whether flows may have written anything where these tables changed.

    Before the first of them ran, their tables may not even be there to be asked.
    """
    return ("ops", "flow_runs") in changed


def stage_feed(session: Session, lake: Lake, table: str, window: Window, *, only: str | None = None) -> int:
    """Stage the change feed of a table of the schema `crm`, as `feed_table` names it; returns its rows."""
    return lake.feed.stage(
        session, "crm", table, after=window.after, until=window.until, into=feed_table(table), only=only
    )


def feed_columns(session: Session, table: str) -> frozenset[str]:
    """The columns of a staged feed."""
    return frozenset(session.read(f"DESCRIBE {_quoted(feed_table(table))}")["column_name"])


def stage_provenance(
    session: Session,
    catalog: Catalog,
    table: str,
    window: Window,
    *,
    silent: Sequence[str] = SILENT_DOORS,
    by_flows: bool = True,
) -> int:
    """Stage who made each change of a staged feed and what it was, as `meta_table` names it; returns how many count."""
    replays = window.load_id is not None
    meta = catalog.memo.of(
        ("flow meta", table, replays, tuple(silent), by_flows),
        lambda: _meta_statement(table, replays=replays, silent=silent, by_flows=by_flows),
    )
    return meta.execute(session, **_bounds(window))


def _meta_statement(
    module: str, *, replays: bool = False, silent: Sequence[str] = SILENT_DOORS, by_flows: bool = True
) -> Statement:
    tree = provenance(module, replays=replays, silent=silent, by_flows=by_flows)
    return compile_statement(create_temp(meta_table(module), tree))


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
    ids: Sequence[str] | None,
    window: Window,
    event: str,
    now_there: bool = False,
) -> int:
    """Stage records as they are at the window's end, as if each had just had the event; returns how many.

    With `now_there` they are read as the session sees them, what it has not committed yet included. Without `ids` they
    stand in the temp table `WANTED` already, in its column `id`.
    """
    if ids is not None:
        session.register(WANTED, pl.DataFrame({"id": list(ids)}, schema={"id": pl.String}))
    columns: list[exp.Expr] = [
        column("id", "f").as_("_id"),
        exp.Literal.number(window.until).as_("_snapshot"),
    ]
    columns += no_provenance(_instant(window.now), event)
    for name in catalog.columns(module):
        columns += [column(name, "f"), column(name, "f").as_(f"old__{name}", quoted=True)]
    rows = (
        exp.select(*columns)
        .from_(lake_table(module, alias="f", at=None if now_there else window.until))
        .where(column("id", "f").isin(query=_wanted_ids()))
        .where(column("deleted_at", "f").is_(exp.null()))
    )
    count = session.execute(text(create_temp(feed_table(module), rows)))
    show_records(session, module)
    return count


def show_records(session: Session | Transaction, module: str) -> None:
    """Put the prepared views over rows that stand in `feed_table` whole, with all that is told of a change."""
    keys = "SELECT _id, _snapshot, _event"
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE {_quoted(meta_table(module))} AS {keys} FROM {_quoted(feed_table(module))}"
    )
    for view, over in ((rows_view(module), None), (picked_view(module), picked_table(module))):
        select = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier("f"))).from_(
            temp(feed_table(module), "f")
        )
        if over is not None:
            session.execute(
                f"CREATE OR REPLACE TEMP TABLE {_quoted(over)} AS {keys} FROM {_quoted(meta_table(module))}"
            )
            select = select.join(
                temp(over, "m"), on=column("_id", "m").eq(column("_id", "f")), join_type="semi"
            )
        session.execute(f"CREATE OR REPLACE TEMP VIEW {_quoted(view)} AS {text(select)}")


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
    run(session, create_temp(feed_table(module), select), params)
    _meta_statement(module, silent=()).execute(session, **_bounds(window))
    view = _rows(catalog, module, frozenset(columns), meta_table(module))
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
    return exp.select(exp.TryCast(this=column("id"), to=exp.DataType.build("UUID"))).from_(temp(WANTED))


def no_provenance(occurred: exp.Expr, event: str) -> list[exp.Expr]:
    """What is told of a record that nobody changed: an event, and when it occurred."""
    nothing = {"_change": "UUID", "_load": "UUID", "_flow": "VARCHAR"}
    lists = {"_chain": "VARCHAR[]", "_own": "VARCHAR[]", "_links": "VARCHAR[]"}
    return [
        *[exp.cast(exp.null(), kind, dialect="duckdb").as_(name) for name, kind in nothing.items()],
        *[
            exp.cast(exp.Array(expressions=[]), kind, dialect="duckdb").as_(name)
            for name, kind in lists.items()
        ],
        exp.Literal.number(0).as_("_depth"),
        occurred.as_("_occurred"),
        exp.Literal.string(event).as_("_event"),
    ]


def _instant(moment: datetime) -> exp.Expr:
    return exp.cast(exp.Literal.string(moment.isoformat()), "TIMESTAMPTZ", dialect="duckdb")


def prepared_sql(catalog: Catalog, module: str, known: frozenset[str], meta: str) -> str:
    """The prepared changes as a select: a staged feed with the provenance that stands in the temp table `meta`."""
    return text(_rows(catalog, module, known, meta))


def _rows(catalog: Catalog, module: str, known: frozenset[str], meta: str) -> exp.Select:
    """The feed and the provenance of its changes as one relation; a row that vanished shows the values that it had."""
    values = told_values(catalog.columns(module), known)
    # A change of links has the same key and values of its own.
    own = exp.not_(column("_event", "m").isin(*[exp.Literal.string(event) for event in sorted(LINKS)]))
    same = exp.and_(
        column("_id", "m").eq(column("_id", "f")), column("_snapshot", "m").eq(column("_snapshot", "f")), own
    )
    everything = exp.Column(this=exp.Star(), table=exp.to_identifier("m"))
    return (
        exp.select(everything, *values, copy=False)
        .from_(temp(feed_table(module), "f"))
        .join(temp(meta, "m"), on=same)
    )


def _quoted(text_name: str) -> str:
    return exp.to_identifier(text_name, quoted=True).sql("duckdb")
