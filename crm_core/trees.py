"""Small builders for sqlglot trees: the words that all compiled statements share."""

from collections.abc import Sequence

from sqlglot import exp

TRUE = exp.true()
FALSE = exp.false()


def name(text: str) -> exp.Identifier:
    """A quoted identifier."""
    return exp.to_identifier(text, quoted=True)


def column(text: str, relation: str | None = None) -> exp.Column:
    """A quoted column, of a relation when one is named."""
    return exp.Column(this=name(text), table=name(relation) if relation else None)


def lake_table(
    table: str, *, schema: str = "crm", alias: str | None = None, at: int | None = None, catalog: str = "lake"
) -> exp.Table:
    """A table of the lake (or of its serving copy), as it is now or as it was at a snapshot."""
    tree = exp.Table(this=name(table), db=name(schema), catalog=name(catalog))
    if alias:
        tree.set("alias", exp.TableAlias(this=name(alias)))
    if at is not None:
        snapshot = exp.Literal.number(int(at))
        tree.set("when", exp.HistoricalData(this="AT", kind="VERSION", expression=snapshot))
    return tree


def text(tree: exp.Expr) -> str:
    """The statement as DuckDB reads it."""
    return tree.sql("duckdb")


def all_of(parts: list[exp.Expr]) -> exp.Expr:
    """The conjunction; true when there is nothing to join."""
    return exp.and_(*parts) if parts else exp.true()


def any_of(parts: list[exp.Expr]) -> exp.Expr:
    """The disjunction; false when there is nothing to join."""
    return exp.or_(*parts) if parts else exp.false()


def coalesce(value: exp.Expr, *others: exp.Expr) -> exp.Expr:
    """The first that is not NULL."""
    return exp.Coalesce(this=value, expressions=list(others))


def function(called: str, *arguments: exp.Expr) -> exp.Expr:
    """A call of a DuckDB function by its name."""
    return exp.Anonymous(this=called, expressions=list(arguments))


def union_all(parts: Sequence[exp.Query]) -> exp.Query:
    """All rows of several selects with the same columns; one alone stays as it is."""
    return parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False)
