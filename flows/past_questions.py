"""What a flow asks, of whatever stands for a change in the past: compiled once, asked of many moments at once.

What it asks of the record itself is one statement; what it asks of related records is asked commit by commit, as of the
commit. Relative dates count from each moment: what they come to is worked out for every moment, and looked up by it.
"""

from collections.abc import Iterable, Mapping, Sequence
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
from flows.compiler import META, ROW, change_scope, in_folders, trigger_tree
from flows.lookups import AT, Lookups, Statement, compile_statement, reads_the_lake
from flows.statements import create_temp, insert_by_name, temp
from flows.triggers import OF_THE_FEED
from lake import Session, ident
from lake.errors import StatementError

MATCHES = "flow_past_matches"
"""The temp table of what would have set the flow off, with the columns of `META`."""

MATCH_COLUMNS = {
    "_id": "UUID", "_snapshot": "BIGINT", "_change": "UUID", "_load": "UUID", "_depth": "INTEGER",
    "_chain": "VARCHAR[]", "_occurred": "TIMESTAMPTZ", "_event": "VARCHAR",
}  # fmt: skip

MOST_PARTS = 300
"""Stretches of the whole span at most for which related records are read as of their end."""

_MOMENTS = 2000
_STEPS = (0.0, 60.0, 3600.0, 86400.0)
"""Seconds within which moments may count as one for relative dates: none, unless there are too many."""

_CANDIDATES = "flow_past_candidates"
_CLOCK = "flow_past_clock"
_FAR_OFF = (datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2013, 11, 29, 18, 41, 7, tzinfo=UTC))


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


def ask(catalog: Catalog, flow: ActiveFlow, now: datetime) -> Question:
    """Compile what a flow asks of a change, for one moment; `$at` is the snapshot of related records.

    A flow of the clock asks nothing of the change itself.
    """
    params, lookups = Params("c"), Lookups(ROW)
    module, when = flow.definition.module, flow.definition.when
    scope = change_scope(catalog, module, params=params, at=AT, now=now)
    conditions = when.all if isinstance(when, All) else (when,)
    fires = [trigger_tree(flow, scope)]
    if flow.definition.trigger.event not in OF_THE_FEED:
        fires = in_folders(flow.definition, scope)
    trees = [*fires, *(compile_condition(one, scope) for one in conditions)]
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


def begin_matches(session: Session) -> None:
    """An empty table of matches."""
    kinds = ", ".join(f"{ident(name)} {kind}" for name, kind in MATCH_COLUMNS.items())
    session.execute(f"CREATE OR REPLACE TEMP TABLE {ident(MATCHES)} ({kinds})")


def count_matches(session: Session) -> int:
    """How many there are."""
    return int(session.read(f"SELECT count(*) AS n FROM {ident(MATCHES)}")["n"][0])


class Asker:
    """Asks one flow's question of one relation after another; what holds is added to `MATCHES`.

    Args:
        session: where the relations are staged.
        catalog: the definitions.
        flow: the flow.
        key: the column that tells one moment from another: `_snapshot`, or `_occurred`.
    """

    def __init__(self, session: Session, catalog: Catalog, flow: ActiveFlow, *, key: str) -> None:
        self._session, self._catalog, self._flow, self._key = session, catalog, flow, key
        self.question, other = (ask(catalog, flow, moment) for moment in _FAR_OFF)
        here = self.question.values
        self._varying = frozenset(name for name in here if here[name] != other.values.get(name))
        self._coarse, self._step, self._refused = 0, 0.0, dict[str, int]()

    @property
    def reads_the_clock(self) -> bool:
        """Whether the answer depends on the moment."""
        return bool(self._varying)

    def know(self, moments: Mapping[Any, datetime]) -> None:
        """Work out what depends on the moment, for each value of the key."""
        if self._varying:
            self._session.register(_CLOCK, self._clock(moments))

    def ask_of(self, rows: exp.Select, *, share: float, **bound: Any) -> None:
        """Add those of some prepared changes for which the question holds.

        Args:
            rows: the changes, with the columns of `META` and those that the question reads.
            share: which part of the whole span they are; so much of it may be spent on related records.
            **bound: the values of placeholders in `rows`.
        """
        self._own_statement(rows).execute(self._session, **bound)
        if self.question.related is not None:
            self._ask_related(share)

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
            same = column("_at", "k").eq(column(self._key, ROW))
            rows = exp.select("*").from_(rows.subquery(ROW)).join(temp(_CLOCK, "k"), on=same)
        tree = exp.select("*").from_(rows.subquery(ROW)).where(self._clocked(self.question.own))
        if self.question.related is not None:
            return self._statement(create_temp(_CANDIDATES, tree))
        meta = exp.select(*[column(name, ROW) for name in META]).from_(tree.subquery(ROW))
        return self._statement(insert_by_name(MATCHES, meta))

    def _ask_related(self, share: float) -> None:
        """Ask the candidates about related records, those of each commit as of that commit."""
        found = self._session.read(f"SELECT DISTINCT _snapshot FROM {ident(_CANDIDATES)} ORDER BY _snapshot")
        there = found["_snapshot"].to_list()
        most = max(1, int(MOST_PARTS * share))
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
        assert self.question.related is not None
        first, last = exp.Placeholder(this="first"), exp.Placeholder(this="last")
        lookups = [self._clocked(tree) for tree in self.question.lookups]
        inner = (
            exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(ROW)), *lookups)
            .from_(temp(_CANDIDATES, ROW))
            .where(exp.Between(this=column("_snapshot", ROW), low=first, high=last))
        )
        tree = exp.select(*[column(name, ROW) for name in META]).from_(inner.subquery(ROW))
        tree = tree.where(self._clocked(self.question.related))
        return self._statement(insert_by_name(MATCHES, tree))

    def _statement(self, tree: exp.Expr) -> Statement:
        params = Params()
        params.values = dict(self.question.values)
        return compile_statement(tree, params)

    def _clocked(self, tree: exp.Expr) -> exp.Expr:
        """The same, with what depends on the moment looked up by the commit."""

        def replace(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.Placeholder) and node.name in self._varying:
                return column(f"_clock_{node.name}", ROW)
            return node

        return tree.copy().transform(replace)

    def _clock(self, moments: Mapping[Any, datetime]) -> pl.DataFrame:
        """For each key the values that depend on its moment."""
        step = next((one for one in _STEPS if len(_rounded(moments.values(), one)) <= _MOMENTS), _STEPS[-1])
        self._step = max(self._step, step)
        known: dict[datetime, Mapping[str, Any]] = {}
        rows = []
        for key, moment in moments.items():
            there = _floor(moment, step)
            if there not in known:
                known[there] = ask(self._catalog, self._flow, there).values
            values = known[there]
            rows.append({"_at": key} | {f"_clock_{name}": values[name] for name in self._varying})
        return pl.DataFrame(rows, infer_schema_length=None)


def _rounded(moments: Iterable[datetime], step: float) -> set[datetime]:
    return {_floor(moment, step) for moment in moments}


def _floor(moment: datetime, step: float) -> datetime:
    if not step:
        return moment
    return datetime.fromtimestamp(moment.timestamp() // step * step, UTC)
