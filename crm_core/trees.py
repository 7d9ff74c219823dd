"""Small builders for sqlglot trees: the words that all compiled statements share."""

from collections.abc import Callable, Mapping, Sequence

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


_SET = "set"


class _Set:
    """What a name stands for; copies of a tree share it."""

    def __init__(self, query: exp.Query) -> None:
        self.query = query

    def __deepcopy__(self, _: object) -> "_Set":
        return self


def shared_set(called: str, build: Callable[[], exp.Query], known: dict[str, exp.Query]) -> exp.Table:
    """A set by its name, for a FROM: `text` puts its query in front of the statement, once.

    Args:
        called: its name, which stands for this query in the whole statement.
        build: makes the query when the statement has none of that name yet.
        known: the sets of the statement.
    """
    if called not in known:
        known[called] = build()
    found = exp.Table(this=name(called))
    found.meta[_SET] = _Set(known[called])
    return found


def text(tree: exp.Expr, *, keep: bool = True) -> str:
    """The statement as DuckDB reads it; the sets that it asks stand in front.

    To write it down changes the tree, of which therefore a copy is written; without `keep`, when nothing of it is used
    again, the tree itself, in half the time.
    """
    return with_sets(tree).sql("duckdb", copy=keep)


def with_sets(tree: exp.Expr) -> exp.Expr:
    """The same tree, with the sets that it asks defined in it; once more changes nothing."""
    if isinstance(tree, exp.Query):
        return _with_sets(tree)
    # A part of a statement: each query within defines the sets that it asks itself.
    for place in [one.parent_select for one in tree.find_all(exp.Table) if _SET in one.meta]:
        if place is not None:
            _with_sets(place)
    return tree


def _with_sets(tree: exp.Query) -> exp.Query:
    sets: dict[str, exp.Query] = {}
    _collect(tree, sets)
    before = tree.args.get("with_")
    given = list(before.expressions) if before is not None else []
    known = {one.alias for one in given}
    added = [
        exp.CTE(this=query.copy(), alias=exp.TableAlias(this=name(called)))
        for called, query in sets.items()
        if called not in known
    ]
    if added:
        tree.set("with_", exp.With(expressions=[*added, *given]))
    return tree


def _collect(tree: exp.Expr, sets: dict[str, exp.Query]) -> None:
    """The sets that a tree asks, each behind those that it asks itself."""
    for one in tree.find_all(exp.Table):
        found = one.meta.get(_SET)
        if found is not None and one.name not in sets:
            _collect(found.query, sets)
            sets[one.name] = found.query


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


def amount_text(amount: exp.Expr) -> exp.Expr:
    """An amount of money as a text, with two digits at least and no needless zeros: `12.50`, `0.1234`."""
    pattern, kept = exp.Literal.string(r"^(-?\d+\.\d{2}\d*?)0*$"), exp.Literal.string(r"\1")
    return function("regexp_replace", exp.cast(amount, "VARCHAR", dialect="duckdb"), pattern, kept)


def no_rows(columns: Mapping[str, str]) -> exp.Select:
    """A select of columns, by name and DuckDB type, without rows."""
    empty = [exp.cast(exp.null(), kind, dialect="duckdb").as_(name) for name, kind in columns.items()]
    return exp.select(*empty).where(exp.false())


def union_all(parts: Sequence[exp.Query]) -> exp.Query:
    """All rows of several selects with the same columns; one alone stays as it is."""
    return parts[0] if len(parts) == 1 else exp.union(*parts, distinct=False, copy=False)
