"""Bound values of a statement that is built as a tree: a placeholder each, never text."""

from collections.abc import Iterable
from typing import Any

from sqlglot import exp


class Params:
    """Collects the values of one statement; every `bind` gives a new named placeholder (`$p0`, `$p1`, …)."""

    def __init__(self, prefix: str = "p") -> None:
        self.values: dict[str, Any] = {}
        self.shared: dict[str, exp.Query] = {}
        """The sets that the statement defines once, by name, with values of its own."""
        self._prefix = prefix

    def bind(self, value: Any, cast: str | None = None) -> exp.Expr:
        """Remember the value and give its placeholder, cast to a DuckDB type when one is named."""
        name = f"{self._prefix}{len(self.values)}"
        self.values[name] = value
        placeholder = exp.Placeholder(this=name)
        return exp.cast(placeholder, cast, dialect="duckdb") if cast else placeholder

    def bind_all(self, values: Iterable[Any], cast: str | None = None) -> list[exp.Expr]:
        """A placeholder for each value."""
        return [self.bind(value, cast) for value in values]
