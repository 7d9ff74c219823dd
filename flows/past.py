"""What a flow would have matched in the past: its trigger and condition asked of the changes of a span.

The changes are read in stretches of bounded size, with the few columns that are asked for. What a flow asks of the
record itself is one statement a stretch; what it asks of related records is asked commit by commit, as of the commit.
Relative dates count from each commit: what they come to is worked out for every commit, and looked up by it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import polars as pl
from sqlglot import exp

from crm_core.conditions import compile_condition
from crm_core.model import All, Catalog
from crm_core.params import Params
from crm_core.trees import all_of, column
from flows.active import ActiveFlow
from flows.compiler import META, ROW, change_scope, trigger_tree
from flows.link_changes import awaited_links, changed_links, stage_link_changes
from flows.lookups import AT, Lookups, Statement, compile_statement, reads_the_lake
from flows.provenance import SILENT_DOORS, feed_table, provenance, told_values
from flows.staging import Window, rows_view, stage_changes
from flows.statements import create_temp, insert_by_name, temp
from flows.triggers import LINKS
from lake import Lake, Session, ident, table
from lake.catalog import all_snapshots_sql
from lake.errors import StatementError

MATCHES = "flow_past_matches"
"""The temp table of the changes that would have set the flow off, with the columns of `META`."""

MATCH_COLUMNS = {
    "_id": "UUID", "_snapshot": "BIGINT", "_change": "UUID", "_load": "UUID", "_depth": "INTEGER",
    "_chain": "VARCHAR[]", "_occurred": "TIMESTAMPTZ", "_event": "VARCHAR",
}  # fmt: skip

SILENT_IN_THE_PAST = tuple(door for door in SILENT_DOORS if door != "demo")
"""Doors whose changes set off nothing; the demo's history is there to try flows on."""

MOST_ROWS = 3_000_000
"""Rows of one stretch, unless a single commit has more."""

MOST_PARTS = 300
"""Stretches of the whole span at most for which related records are read as of their end."""

_MOMENTS = 2000
_STEPS = (0.0, 60.0, 3600.0, 86400.0)
"""Seconds within which commits of a stretch may count as one for relative dates: none, unless there are too many."""

_CANDIDATES = "flow_past_candidates"
_CLOCK = "flow_past_clock"
_ALWAYS = ("deleted_at", "change_id", "updated_at")
_FAR_OFF = (datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2013, 11, 29, 18, 41, 7, tzinfo=UTC))

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Span:
    """The snapshots `(after, until]` of the past."""

    after: int
    until: int


@dataclass(frozen=True)
class Found:
    """How many changes were read, how many of them matched, and what of it is less than exact, in words."""

    changes: int
    matched: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Question:
    """What a flow asks of a change, at one moment.

    `own` reads the change alone, `related` the lake as well, over the columns that `lookups` gives; `values` are those
    of the placeholders, and `columns` the columns of the module that are read.
    """

    own: exp.Expr
    related: exp.Expr | None
    lookups: tuple[exp.Expr, ...]
    values: Mapping[str, Any]
    columns: frozenset[str]


def stage_matches(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    span: Span,
    *,
    progress: Progress | None = None,
) -> Found:
    """Put every change of a span that would have set the flow off into the temp table `MATCHES`.

    Args:
        session: where it is staged; nothing of the lake is written.
        lake: the lake.
        catalog: the definitions as they are now; what was not there yet is NULL.
        flow: the flow, as its id is known: what it did itself does not set it off.
        span: the snapshots.
        progress: told a phase, how many commits are done, and of how many.
    """
    kinds = ", ".join(f"{ident(name)} {kind}" for name, kind in MATCH_COLUMNS.items())
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(MATCHES)} ({kinds})")
    commits = _commits(session, lake, catalog, flow, span)
    search = _Search(session, lake, catalog, flow, len(commits))
    changes = done = 0
    for stretch in _stretches(commits):
        window = Span(span.after if not done else commits[done - 1][0], stretch[-1][0])
        changes += search.look(window, [snapshot for snapshot, _ in stretch])
        done += len(stretch)
        if progress is not None:
            progress("reading", done, len(commits))
    matched = int(session.read(f"SELECT count(*) AS n FROM {ident(MATCHES)}")["n"][0])
    return Found(changes, matched, search.notes())


def _commits(
    session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, span: Span
) -> list[tuple[int, int]]:
    """The commits that may have set the flow off, in order, each with the number of rows that it wrote."""
    changed = lake.feed.tables_changed(span.after, span.until)
    links = changed_links(awaited_links(catalog, [flow.definition]).get(flow.definition.module, {}), changed)
    tables = {flow.definition.module, *(str(link.link_table) for link in links.values())}
    counts: dict[int, int] = {}
    for name in tables:
        if ("crm", name) in changed:
            for snapshot, rows in lake.feed.commits(session, "crm", name, after=span.after, until=span.until):
                counts[snapshot] = counts.get(snapshot, 0) + rows
    return sorted(counts.items())


def stage_past(
    session: Session,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    window: Window,
    *,
    only: str | None = None,
) -> int:
    """Stage all that can be told of the changes that a flow waits for, as the prepared view; returns how many."""
    module, silent = flow.definition.module, SILENT_IN_THE_PAST
    links = awaited_links(catalog, [flow.definition]).get(module, {})
    found = stage_changes(
        session, lake, catalog, module, window, silent=silent, only=only, even_none=bool(links)
    )
    if links:
        changed = lake.feed.tables_changed(window.after, window.until)
        found += stage_link_changes(
            session, lake, catalog, module, window, links=links, changed=changed, silent=silent, only=only
        )  # fmt: skip
    return found


def _stretches(commits: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    stretch: list[tuple[int, int]] = []
    for commit in commits:
        if stretch and sum(rows for _, rows in stretch) + commit[1] > MOST_ROWS:
            yield stretch
            stretch = []
        stretch.append(commit)
    if stretch:
        yield stretch


def ask(catalog: Catalog, flow: ActiveFlow, now: datetime) -> Question:
    """Compile what a flow asks of a change, for one moment; `$at` is the snapshot of related records."""
    params, lookups = Params("c"), Lookups(ROW)
    module, when = flow.definition.module, flow.definition.when
    scope = change_scope(catalog, module, params=params, at=AT, now=now)
    conditions = when.all if isinstance(when, All) else (when,)
    trees = [trigger_tree(flow, scope), *(compile_condition(one, scope) for one in conditions)]
    own = [tree for tree in trees if not reads_the_lake(tree)]
    related = [lookups.hoist(tree, params) for tree in trees if reads_the_lake(tree)]
    columns = _read_columns([*own, *related, *lookups.columns()], catalog.columns(module))
    return Question(
        all_of(own),
        all_of(related) if related else None,
        tuple(lookups.columns()),
        params.values | lookups.params.values,
        columns,
    )


def _read_columns(trees: Sequence[exp.Expr], known: Mapping[str, str]) -> frozenset[str]:
    found = {one.name for tree in trees for one in tree.find_all(exp.Column) if one.table == ROW}
    return frozenset({one.removeprefix("old__") for one in found} & set(known))


class _Search:
    """One flow looked for in one stretch after another."""

    def __init__(
        self, session: Session, lake: Lake, catalog: Catalog, flow: ActiveFlow, commits: int
    ) -> None:
        self._session, self._lake, self._catalog, self._flow = session, lake, catalog, flow
        self._module, self._commits = flow.definition.module, commits
        self._question, other = (ask(catalog, flow, moment) for moment in _FAR_OFF)
        here = self._question.values
        self._varying = frozenset(name for name in here if here[name] != other.values.get(name))
        self._links = flow.definition.trigger.event in LINKS
        self._coarse, self._step, self._refused = 0, 0.0, dict[str, int]()

    def look(self, window: Span, commits: Sequence[int]) -> int:
        """Add the matches of a stretch; returns the number of changes that were read."""
        moments = self._moments(window)
        now = moments[commits[-1]]
        changes, rows = self._of_links(window, now) if self._links else self._of_records(window)
        if not changes:
            return 0
        if self._varying:
            self._session.register(_CLOCK, self._clock({one: moments[one] for one in commits}))
        self._own_statement(rows).execute(
            self._session, at=window.until, after=window.after, until=window.until, now=now
        )
        if self._question.related is not None:
            self._ask_related(len(commits))
        return changes

    def _of_records(self, window: Span) -> tuple[int, exp.Select]:
        """The changes of records with the few columns that are asked for, and how many they are."""
        feed = feed_table(self._module)
        changes = self._lake.feed.stage(
            self._session, "crm", self._module, after=window.after, until=window.until, into=feed,
            columns={*self._question.columns, *_ALWAYS},
        )  # fmt: skip
        known = self._session.read(f"DESCRIBE {ident(feed)}")["column_name"].to_list()
        kinds = self._catalog.columns(self._module)
        read = {name: kinds[name] for name in kinds if name in self._question.columns}
        return changes, provenance(self._module, *told_values(read, known), silent=SILENT_IN_THE_PAST)

    def _of_links(self, window: Span, now: datetime) -> tuple[int, exp.Select]:
        """The changes of links beside those of records, which are read in full."""
        staged = Window(window.after, window.until, window.until, now)
        changes = stage_past(self._session, self._lake, self._catalog, self._flow, staged)
        return changes, exp.select("*").from_(temp(rows_view(self._module)))

    def notes(self) -> tuple[str, ...]:
        """What of the search was less than exact."""
        told = []
        if self._coarse:
            told.append(
                f"Related records were read as of {MOST_PARTS} moments of the span at most, not of every change."
            )
        if self._step:
            told.append(f"Relative dates count from within {self._step / 60:.0f} minutes of each change.")
        for reason, commits in self._refused.items():
            told.append(
                f"{commits} commits could not be asked about, since what the flow reads was not there yet: {reason}"
            )
        return tuple(told)

    def _own_statement(self, rows: exp.Select) -> Statement:
        """Puts the changes for which all that reads them alone holds where they belong."""
        if self._varying:
            same = column("_at", "k").eq(column("_snapshot", ROW))
            rows = exp.select("*").from_(rows.subquery(ROW)).join(temp(_CLOCK, "k"), on=same)
        tree = exp.select("*").from_(rows.subquery(ROW)).where(self._clocked(self._question.own))
        if self._question.related is not None:
            return self._statement(create_temp(_CANDIDATES, tree))
        meta = exp.select(*[column(name, ROW) for name in META]).from_(tree.subquery(ROW))
        return self._statement(insert_by_name(MATCHES, meta))

    def _ask_related(self, commits: int) -> None:
        """Ask the candidates about related records, those of each commit as of that commit."""
        found = self._session.read(f"SELECT DISTINCT _snapshot FROM {ident(_CANDIDATES)} ORDER BY _snapshot")
        there = found["_snapshot"].to_list()
        most = max(1, MOST_PARTS * commits // max(self._commits, 1))
        size = -(-len(there) // most) if there else 1
        self._coarse += size > 1
        statement = self._related_statement()
        for first in range(0, len(there), size):
            part = there[first : first + size]
            try:
                statement.execute(self._session, first=part[0], last=part[-1], at=part[-1])
            except StatementError as error:
                reason = str(error).splitlines()[0]
                self._refused[reason] = self._refused.get(reason, 0) + len(part)

    def _related_statement(self) -> Statement:
        assert self._question.related is not None
        first, last = exp.Placeholder(this="first"), exp.Placeholder(this="last")
        lookups = [self._clocked(tree) for tree in self._question.lookups]
        inner = (
            exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(ROW)), *lookups)
            .from_(temp(_CANDIDATES, ROW))
            .where(exp.Between(this=column("_snapshot", ROW), low=first, high=last))
        )
        tree = exp.select(*[column(name, ROW) for name in META]).from_(inner.subquery(ROW))
        tree = tree.where(self._clocked(self._question.related))
        return self._statement(insert_by_name(MATCHES, tree))

    def _statement(self, tree: exp.Expr) -> Statement:
        params = Params()
        params.values = dict(self._question.values)
        return compile_statement(tree, params)

    def _clocked(self, tree: exp.Expr) -> exp.Expr:
        """The same, with what depends on the moment looked up by the commit."""

        def replace(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Placeholder) and node.name in self._varying:
                return column(f"_clock_{node.name}", ROW)
            return node

        return tree.copy().transform(replace)

    def _moments(self, window: Span) -> dict[int, datetime]:
        """When each snapshot of a stretch counts for."""
        rows = self._lake.read(
            f"SELECT s.snapshot_id, coalesce(max(c.occurred_at), any_value(s.snapshot_time)) AS moment "
            f"FROM {all_snapshots_sql(self._lake.config.kind)} s LEFT JOIN {table('ops', 'changes')} c "
            "ON c.snapshot = s.snapshot_id WHERE s.snapshot_id > $after AND s.snapshot_id <= $until "
            "GROUP BY s.snapshot_id ORDER BY s.snapshot_id",
            {"after": window.after, "until": window.until},
        )
        return dict(rows.iter_rows())

    def _clock(self, moments: Mapping[int, datetime]) -> pl.DataFrame:
        """For each commit the values that depend on its moment."""
        step = next((one for one in _STEPS if len(_rounded(moments, one)) <= _MOMENTS), _STEPS[-1])
        self._step = max(self._step, step)
        known: dict[datetime, Mapping[str, Any]] = {}
        rows = []
        for snapshot, moment in moments.items():
            there = _floor(moment, step)
            if there not in known:
                known[there] = ask(self._catalog, self._flow, there).values
            values = known[there]
            rows.append({"_at": snapshot} | {f"_clock_{name}": values[name] for name in self._varying})
        return pl.DataFrame(rows, infer_schema_length=None)


def _rounded(moments: Mapping[int, datetime], step: float) -> set[datetime]:
    return {_floor(moment, step) for moment in moments.values()}


def _floor(moment: datetime, step: float) -> datetime:
    if not step:
        return moment
    return datetime.fromtimestamp(moment.timestamp() // step * step, UTC)
