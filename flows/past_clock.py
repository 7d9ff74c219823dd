"""What a flow of the clock would have matched in the past: records as they were at each of its moments.

A record's states follow each other, each with the snapshots in which it stood. A `schedule` meets, at every moment at
which it fires, all states that stood then; a `date` meets those that stood at the moment that they name themselves.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import polars as pl
from sqlglot import exp

from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.trees import any_of, column, function, lake_table, union_all
from flows.active import ActiveFlow
from flows.compiler import ROW
from flows.cron import next_firing
from flows.due_records import date_column, near_moments
from flows.errors import CommandInvalid
from flows.past import read_commits, stretches
from flows.past_questions import Asker, begin_matches, count_matches
from flows.past_span import TIMELINE, Found, Progress, Span
from flows.provenance import feed_table
from flows.staging import feed_columns, no_provenance, show_records
from flows.statements import create_temp, run, temp
from lake import Lake, Session, ident

MOST_MOMENTS = 1000
"""Moments of a schedule that are looked back over at once."""

MOST_PAIRS = 5_000_000
"""States of records, each at each moment, that are asked about in one statement, unless one moment has more."""

_VERSIONS = "flow_past_versions"
_DUE = "flow_past_due"
_FIRINGS = "flow_past_firings"
_FOREVER = 2**62


def stage_clock_matches(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    span: Span,
    *,
    progress: Progress | None = None,
) -> Found:
    """Put every record and moment of a span at which the flow would have been set off into `MATCHES`.

    `_snapshot` is that of the commit that was the last one then, `_occurred` the moment.

    Args:
        session: where it is staged, with `TIMELINE`; nothing of the lake is written.
        lake: the lake.
        catalog: the definitions as they are now; what was not there yet is NULL.
        flow: a flow with a `schedule` or a `date`.
        span: its snapshots and instants.
        progress: told a phase, how many moments or stretches are done, and of how many.

    Raises:
        CommandInvalid: The schedule fires too often within the span.
    """
    begin_matches(session)
    search = _ClockSearch(session, lake, catalog, flow, span)
    windows = list(_windows(session, lake, catalog, flow, span))
    looked = 0
    for number, window in enumerate(windows, start=1):
        looked += search.look(window, last=number == len(windows), share=1 / len(windows))
        if progress is not None:
            progress("reading", number, len(windows))
    return Found(looked, count_matches(session), search.asker.notes())


def stage_clock_records(
    session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, span: Span, *, moments: str, only: str
) -> None:
    """Prepare records as they were at some moments, in the place of changes; all that a record has is told.

    Args:
        session: where it is staged.
        lake: the lake.
        catalog: the definitions.
        flow: the flow.
        span: the first and the last snapshot of these moments.
        moments: the temp table of the records and moments: `_id`, `_snapshot`, `_occurred`, and `_key`, which stands
            for the snapshot.
        only: the temp table with the `_id` of the records.
    """
    module = flow.definition.module
    stage_versions(session, lake, catalog, module, span, only=only)
    stood = exp.and_(column("_id", "m").eq(column("_id", ROW)), _stood("m"))
    rows = _rows(catalog.columns(module), moments, stood, column("_key", "m"), flow.definition.trigger.event)
    run(session, create_temp(feed_table(module), rows), Params())
    show_records(session, module)


def stage_versions(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    module: str,
    span: Span,
    *,
    columns: Collection[str] | None = None,
    only: str | None = None,
) -> int:
    """Stage the states of live records within `[after, until]`, with the snapshots `[_since, _until)` of each.

    Returns:
        How many states there are.
    """
    wanted = None if columns is None else {*columns, "deleted_at"}
    lake.feed.stage(
        session, "crm", module, after=span.after, until=span.until, into=feed_table(module), columns=wanted,
        only=only,
    )  # fmt: skip
    known, kinds = feed_columns(session, module), catalog.columns(module)
    told = {name: kind for name, kind in kinds.items() if wanted is None or name in wanted}
    fed = temp(feed_table(module), "f")
    until = exp.Window(
        this=function("lead", column("_snapshot", "f"), exp.Literal.number(1), exp.Literal.number(_FOREVER)),
        partition_by=[column("_id", "f")], order=_by_snapshot(),
    )  # fmt: skip
    kind = column("_kind", "f")
    later = exp.select(
        column("_id", "f"), column("_snapshot", "f").as_("_since"), until.as_("_until"),
        _is_there(kind.neq(exp.Literal.string("delete")), "deleted_at"), *_told(told, known),
    ).from_(fed)  # fmt: skip
    first = exp.Window(this=exp.RowNumber(), partition_by=[column("_id", "f")], order=_by_snapshot())
    before = exp.select(
        column("_id", "f"), _number(0).as_("_since"), column("_snapshot", "f").as_("_until"),
        _is_there(kind.copy().neq(exp.Literal.string("insert")), "old__deleted_at"),
        *_told(told, known, prefix="old__"),
    ).from_(fed.copy()).qualify(first.eq(exp.Literal.number(1)))  # fmt: skip
    changed = exp.select(column("_id")).from_(temp(feed_table(module)))
    resting = exp.select(
        column("id", "f").as_("_id"), _number(0).as_("_since"), _number(_FOREVER).as_("_until"),
        _is_there(exp.true(), "deleted_at"), *_told(told, known),
    ).from_(lake_table(module, alias="f", at=span.until))  # fmt: skip
    resting = resting.where(exp.not_(column("id", "f").isin(query=changed)))
    if only is not None:
        some = exp.select(column("_id")).from_(temp(only))
        resting = resting.where(column("id", "f").isin(query=some))
    states = union_all([later, before, resting]).subquery("v")
    tree = exp.select("*").from_(states).where(column("_there", "v"))
    return run(session, create_temp(_VERSIONS, tree), Params())


class _ClockSearch:
    """One flow looked for in one stretch of the past after another."""

    def __init__(self, session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, span: Span) -> None:
        assert span.begins is not None and span.ends is not None
        self._session, self._lake, self._catalog, self._flow = session, lake, catalog, flow
        self._begins, self._ends = span.begins, span.ends
        self._module, self._dated = flow.definition.module, flow.definition.trigger.event == "date"
        self.asker = Asker(session, catalog, flow, key="_occurred")
        self._columns = set(self.asker.question.columns)
        if self._dated:
            self._columns.add(date_column(catalog, flow)[0])
        else:
            self._know_firings()

    def look(self, window: Span, *, last: bool, share: float) -> int:
        """Add the matches of a stretch; returns the number of states of records that were read."""
        states = stage_versions(
            self._session, self._lake, self._catalog, self._module, window, columns=self._columns
        )
        end = window.until + 1 if last else window.until
        if self._dated:
            self._find_due(window.after, end)
            same = exp.and_(
                column("_id", "m").eq(column("_id", ROW)), column("_since", "m").eq(column("_since", ROW))
            )
            self.asker.ask_of(self._rows(_DUE, same), share=share)
            return states
        moments = self._session.read(
            f"SELECT _occurred FROM {ident(_DUE)} WHERE _snapshot >= $first AND _snapshot < $last ORDER BY 1",
            {"first": window.after, "last": end},
        )["_occurred"].to_list()
        size = max(1, MOST_PAIRS // max(states, 1))
        for first in range(0, len(moments), size):
            some = moments[first : first + size]
            bounds = (exp.Placeholder(this="begin"), exp.Placeholder(this="end"))
            then = column("_occurred", "m").between(*bounds)
            rows = self._rows(_DUE, exp.and_(_stood("m"), then))
            part = share * len(some) / len(moments)
            self.asker.ask_of(rows, share=part, begin=some[0], end=some[-1])
        return states

    def _rows(self, moments: str, same: exp.Expr) -> exp.Select:
        kinds = {
            name: kind for name, kind in self._catalog.columns(self._module).items() if name in self._columns
        }
        return _rows(kinds, moments, same, column("_snapshot", "m"), self._flow.definition.trigger.event)

    def _know_firings(self) -> None:
        """The moments of the schedule, each with the snapshot that was the last one then."""
        fired = self._firings()
        times = pl.Series(fired, dtype=pl.Datetime("us", "UTC"))
        self._session.register(_FIRINGS, pl.DataFrame({"_occurred": times}))
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {ident(_DUE)} AS SELECT f._occurred, t._snapshot "
            f"FROM {ident(_FIRINGS)} f ASOF JOIN {ident(TIMELINE)} t ON f._occurred >= t._from"
        )
        self.asker.know({moment: moment for moment in fired})

    def _firings(self) -> list[datetime]:
        trigger, found, here = self._flow.definition.trigger, list[datetime](), self._begins
        zone = ZoneInfo(trigger.time_zone or self._catalog.workspace.time_zone)
        while (after := next_firing(trigger.cron, here, zone)) is not None and after <= self._ends:
            if len(found) == MOST_MOMENTS:
                first, last = (one.astimezone(zone).isoformat(timespec="minutes") for one in (found[0], here))
                raise CommandInvalid(
                    trigger.cron,
                    f"“{trigger.cron}” fires more than {MOST_MOMENTS:,} times in this span, and no more can be looked "
                    f"back over at once: from {first} it has done so by {last}; choose a shorter span",
                )
            found.append(after)
            here = after
        return found

    def _find_due(self, first: int, end: int) -> None:
        """The records of a stretch that stood as they were when the moment came that they name themselves."""
        params, begins, ends = Params("d"), self._begins, self._ends
        near = near_moments(self._catalog, self._flow, params, begins, ends)
        moments = [exp.Case().when(is_near.copy(), moment, copy=False) for is_near, moment in near]
        each = function("unnest", function("list_value", *moments)).as_("_occurred")
        named = (
            exp.select(*[column(name, ROW) for name in ("_id", "_since", "_until")], each)
            .from_(temp(_VERSIONS, ROW))
            .where(any_of([is_near for is_near, _ in near]))
        )
        came = exp.GTE(this=column("_occurred", "n"), expression=column("_from", "m"))
        within = (
            exp.GT(this=column("_occurred", "n"), expression=params.bind(begins)),
            exp.LTE(this=column("_occurred", "n"), expression=params.bind(ends)),
            exp.GTE(this=column("_snapshot", "m"), expression=_number(first)),
            exp.LT(this=column("_snapshot", "m"), expression=_number(end)),
            _stood("m", of="n"),
        )
        tree = (
            exp.select(
                column("_id", "n"), column("_since", "n"), column("_occurred", "n"), column("_snapshot", "m")
            )
            .from_(named.subquery("n"))
            .join(temp(TIMELINE, "m"), on=came, join_type="asof")
            .where(*within)
        )
        run(self._session, create_temp(_DUE, tree), params)
        if self.asker.reads_the_clock:
            times = self._session.read(f"SELECT DISTINCT _occurred FROM {ident(_DUE)}")["_occurred"].to_list()
            self.asker.know({moment: moment for moment in times})


def _windows(session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, span: Span) -> Iterator[Span]:
    """The span in stretches of bounded size; each begins with what the one before it ended with."""
    ends = [stretch[-1][0] for stretch in stretches(read_commits(session, lake, catalog, flow, span))]
    after = span.after
    for end in [*ends[:-1], span.until]:
        yield Span(after, end)
        after = end


def _rows(
    kinds: Mapping[str, str], moments: str, same: exp.Expr, snapshot: exp.Expr, event: str
) -> exp.Select:
    """States of records at moments, as changes that changed nothing."""
    values: list[exp.Expr] = []
    for name in kinds:
        values += [column(name, ROW), column(name, ROW).as_(f"old__{name}", quoted=True)]
    told = no_provenance(column("_occurred", "m"), event)
    select = exp.select(column("_id", ROW), snapshot.as_("_snapshot"), *told, *values)
    return select.from_(temp(_VERSIONS, ROW)).join(temp(moments, "m"), on=same)


def _stood(moments: str, *, of: str = ROW) -> exp.Expr:
    """Whether a state is the one that stood at a moment's snapshot."""
    then = column("_snapshot", moments)
    return exp.and_(
        exp.GTE(this=then, expression=column("_since", of)),
        exp.LT(this=then.copy(), expression=column("_until", of)),
    )


def _told(kinds: Mapping[str, str], known: Collection[str], *, prefix: str = "") -> list[exp.Expr]:
    """The columns of a state; one that was not there yet is NULL."""
    found = []
    for name, kind in kinds.items():
        missing = exp.cast(exp.null(), kind, dialect="duckdb")
        value = column(f"{prefix}{name}", "f") if name in known else missing
        found.append(value.as_(name, quoted=True))
    return found


def _is_there(row: exp.Expr, deleted_at: str) -> exp.Expr:
    return exp.and_(row, column(deleted_at, "f").is_(exp.null())).as_("_there")


def _by_snapshot() -> exp.Order:
    return exp.Order(expressions=[exp.Ordered(this=column("_snapshot", "f"))])


def _number(value: int) -> exp.Expr:
    return exp.cast(exp.Literal.number(value), "BIGINT", dialect="duckdb")
