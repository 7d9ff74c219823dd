"""SQL written as text where that is clearer, and still a tree: parsed once, and filled by name."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

import sqlglot
from sqlglot import exp


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


def literals(texts: Iterable[str]) -> exp.Expr:
    """A list of text constants of the program itself."""
    return exp.Array(expressions=[literal(text) for text in texts])
