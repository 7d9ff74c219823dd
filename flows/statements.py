"""Small helpers for statements that are built as trees and run in a session's temp tables."""

from collections.abc import Mapping
from typing import Any, Protocol

import polars as pl
from sqlglot import exp

from crm_core.params import Params
from crm_core.trees import name, text, with_sets


class Runner(Protocol):
    """A session or a transaction."""

    def execute(self, sql: str, params: Any = None) -> int: ...

    def read(self, sql: str, params: Any = None) -> pl.DataFrame: ...


def used(tree: exp.Expr, params: Params) -> dict[str, Any]:
    """The values that the statement names: DuckDB refuses any other."""
    return {one.name: params.values[one.name] for one in with_sets(tree).find_all(exp.Placeholder)}


def run(runner: Runner, tree: exp.Expr, params: Params) -> int:
    """Run a statement built as a tree; the number of rows it wrote."""
    return runner.execute(text(tree), used(tree, params))


def read(runner: Runner, tree: exp.Expr, params: Params) -> pl.DataFrame:
    """Read a statement built as a tree."""
    return runner.read(text(tree), used(tree, params))


def temp(table: str, alias: str | None = None) -> exp.Table:
    """A temp table of the session."""
    tree = exp.Table(this=name(table))
    if alias:
        tree.set("alias", exp.TableAlias(this=name(alias)))
    return tree


def create_temp(table: str, query: exp.Expr) -> exp.Expr:
    """`CREATE OR REPLACE TEMP TABLE … AS …`."""
    return exp.Create(
        this=temp(table),
        kind="TABLE",
        replace=True,
        expression=query,
        properties=exp.Properties(expressions=[exp.TemporaryProperty()]),
    )


def insert_by_name(table: str, query: exp.Expr) -> exp.Expr:
    """`INSERT INTO … BY NAME …`: columns that the query does not give stay NULL."""
    return exp.Insert(this=temp(table), expression=query, by_name=True)


def empty_table_sql(
    table: str, columns: Mapping[str, str], *, defaults: Mapping[str, str] | None = None
) -> str:
    """`CREATE OR REPLACE TEMP TABLE` with columns, their DuckDB types, and the literals that some begin with."""
    given = {key: f" DEFAULT {literal}" for key, literal in (defaults or {}).items()}
    parts = ", ".join(
        f"{name(column).sql('duckdb')} {kind}{given.get(column, '')}" for column, kind in columns.items()
    )
    return f"CREATE OR REPLACE TEMP TABLE {name(table).sql('duckdb')} ({parts})"
