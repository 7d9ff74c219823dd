"""Statements compiled once and run for every window: the snapshot is bound, and related records are looked up once.

Reading a table of the lake costs a statement some ten milliseconds, however few its rows. Conditions and templates
of many flows read the same related records over and over; each distinct look-up becomes one column instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from crm_core.params import Params
from crm_core.trees import column, text, with_sets
from flows.statements import Runner

AT = 9_007_199_254_740_991
"""Stands for the snapshot in what is compiled before it is known; `$at` takes its place."""


@dataclass(frozen=True)
class Statement:
    """A statement and the values that are known when it is compiled; others are bound when it runs."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict)
    names: frozenset[str] = frozenset()

    def execute(self, runner: Runner, **more: Any) -> int:
        """Run it; of `more` only what it names is bound."""
        return runner.execute(self.sql, self._bound(more))

    def _bound(self, more: Mapping[str, Any]) -> dict[str, Any] | None:
        bound = {**self.values, **{key: value for key, value in more.items() if key in self.names}}
        return bound or None


def compile_statement(tree: exp.Expr, *params: Params) -> Statement:
    """The statement of a tree, with the values of its placeholders, wherever they were collected."""
    tree = with_sets(tree.transform(_bind_snapshot, copy=False))
    names = frozenset(one.name for one in tree.find_all(exp.Placeholder))
    known = {key: value for one in params for key, value in one.values.items() if key in names}
    return Statement(text(tree), known, names)


def _bind_snapshot(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal) and node.this == str(AT):
        return exp.Placeholder(this="at")
    return node


class Lookups:
    """Collects the look-ups of related records in some trees; each distinct one becomes a column of the relation."""

    def __init__(self, alias: str) -> None:
        self.params = Params("q")
        self._alias = alias
        self._found: dict[str, tuple[str, exp.Expr]] = {}

    def hoist(self, tree: exp.Expr, params: Params) -> exp.Expr:
        """The tree with a column in the place of every look-up."""

        def replace(node: exp.Expr) -> exp.Expr:
            if isinstance(node, (exp.Subquery, exp.Exists)) and reads_the_lake(node):
                return self._column(node, params)
            return node

        return tree.transform(replace)

    def columns(self) -> list[exp.Expr]:
        """The look-ups as columns, to be selected where their relation is read."""
        return [tree.copy().as_(name, quoted=True) for name, tree in self._found.values()]

    def _column(self, node: exp.Expr, params: Params) -> exp.Expr:
        key = _told(node, params)
        if key not in self._found:
            own = node.copy().transform(lambda part: self._rebound(part, params))
            self._found[key] = (f"_q{len(self._found)}", own)
        return column(self._found[key][0], self._alias)

    def _rebound(self, node: exp.Expr, params: Params) -> exp.Expr:
        if isinstance(node, exp.Placeholder) and node.name in params.values:
            return self.params.bind(params.values[node.name])
        return node


def reads_the_lake(node: exp.Expr) -> bool:
    """Whether an expression reads tables of the lake beside the row it stands over."""
    return any(table.catalog == "lake" for table in node.find_all(exp.Table))


def _told(node: exp.Expr, params: Params) -> str:
    """The look-up as text with its values in it: two that say the same are the same."""

    def told(part: exp.Expr) -> exp.Expr:
        if isinstance(part, exp.Placeholder):
            return exp.Literal.string(repr(params.values.get(part.name)))
        return part

    return text(node.copy().transform(told))


def all_hoisted(lookups: Lookups, trees: Iterable[tuple[exp.Expr, Params]]) -> list[exp.Expr]:
    """Every tree with its look-ups as columns."""
    return [lookups.hoist(tree, params) for tree, params in trees]
