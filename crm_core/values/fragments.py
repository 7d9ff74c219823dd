"""SQL written as text where that is clearer, and still a tree: parsed once, and filled by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from crm_core.trees import name, text, with_sets


@lru_cache(maxsize=512)
def _parsed(sql: str) -> exp.Expr:
    return sqlglot.parse_one(sql, dialect="duckdb")


def sql(fragment: str, /, **parts: exp.Expr) -> exp.Expr:
    """A fragment of DuckDB's SQL as a tree; `$name` stands for the part of that name.

    Names and values that depend on definitions or people come in as parts, never inside the text.
    """
    return fill(_parsed(fragment).copy(), parts)


def fill(tree: exp.Expr, parts: Mapping[str, exp.Expr]) -> exp.Expr:
    """Put parts in the places of the placeholders of their names; others stay to be bound."""
    places = [node for node in tree.find_all(exp.Placeholder) if node.this in parts]
    for place in places:
        part = parts[place.this].copy()
        if place is tree:
            return part
        place.replace(part)
    return tree


def case(branches: list[tuple[exp.Expr, exp.Expr]]) -> exp.Expr:
    """The value of the first branch whose condition holds, else NULL."""
    if not branches:
        return exp.null()
    tree = exp.Case()
    for condition, value in branches:
        tree.append("ifs", exp.If(this=condition, true=value))
    return tree


def literal(text: str) -> exp.Expr:
    """A text constant of the program itself; whatever a person typed is bound instead."""
    return exp.Literal.string(text)


def constant(value: Any) -> exp.Expr:
    """A value inside a view, which binds none: a text, number, truth value, day, instant, or a list of these.

    Raises:
        TypeError: it is something else.
    """
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.true() if value else exp.false()
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, (int, float, Decimal)):
        return exp.Literal.number(str(value))
    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.isoformat()), "TIMESTAMPTZ", dialect="duckdb")
    if isinstance(value, date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE", dialect="duckdb")
    if isinstance(value, (list, tuple)):
        return exp.Array(expressions=[constant(one) for one in value])
    raise TypeError(f"a view cannot hold {type(value).__name__}")


def literals(texts: Iterable[str]) -> exp.Expr:
    """A list of text constants of the program itself."""
    return exp.Array(expressions=[literal(text) for text in texts])


@dataclass(frozen=True)
class Statement:
    """A compiled select: its text, the values that are known already, and every name that it binds."""

    sql: str
    known: Mapping[str, Any]
    names: frozenset[str]

    def values(self, more: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
        """What to bind: the driver refuses values that a statement does not name, and wants None for none."""
        every = {**self.known, **(more or {})}
        return {key: value for key, value in every.items() if key in self.names} or None


def compiled(tree: exp.Expr, known: Mapping[str, Any]) -> Statement:
    """Render a tree once, with the values that its placeholders stand for as far as they are known."""
    names = frozenset(str(place.this) for place in with_sets(tree).find_all(exp.Placeholder))
    return Statement(text(tree), dict(known), names)


def aliased(tree: exp.Expr, called: str) -> exp.Alias:
    """A column of a select under a name; the tree is not copied, which counts when there are hundreds."""
    return exp.Alias(this=tree, alias=name(called))


def named_table(called: str, alias: str | None = None) -> exp.Table:
    """A temp table or view, with an alias where one is needed."""
    shown = exp.TableAlias(this=name(alias)) if alias else None
    return exp.Table(this=name(called), alias=shown)


def nested(select: exp.Select, alias: str) -> exp.Subquery:
    """A select within another's FROM."""
    return exp.Subquery(this=select, alias=exp.TableAlias(this=name(alias)))


def select_from(
    columns: Sequence[exp.Expr],
    source: exp.Expr,
    *,
    joins: Sequence[exp.Join] = (),
    where: exp.Expr | None = None,
) -> exp.Select:
    """A select, put together without copies."""
    select = exp.Select(expressions=list(columns), joins=list(joins))
    select.set("from_", exp.From(this=source))
    if where is not None:
        select.set("where", exp.Where(this=where))
    return select


def left_join(source: exp.Expr, on: exp.Expr) -> exp.Join:
    """A left join."""
    return exp.Join(this=source, on=on, side="LEFT")


def inner_join(source: exp.Expr, on: exp.Expr) -> exp.Join:
    """An inner join."""
    return exp.Join(this=source, on=on)
