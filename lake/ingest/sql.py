"""Small builders of DuckDB expressions that the grammars share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read a text as a type, in steps, so that no costly expression is computed twice.

    Attributes:
        parts: columns to compute from the text first, by name.
        more_parts: columns to compute from the text and `parts`.
        value: the value or NULL, from the text and all parts.
        why: the code of the reason, for a text that yields no value; from the text and all parts.
        currency: the currency of money, from all parts.
    """

    parts: dict[str, str] = field(default_factory=dict)
    more_parts: dict[str, str] = field(default_factory=dict)
    value: str
    why: str = "NULL::VARCHAR"
    currency: str | None = None


def literal(text: str) -> str:
    """A text as an SQL literal, for what the engine must see as a constant to be fast: patterns,
    delimiters.
    """
    return exp.Literal.string(text).sql(dialect="duckdb")


def full_match(text: str, pattern: str) -> str:
    """Whether a pattern (RE2) matches the whole text."""
    return f"regexp_full_match({text}, {literal(pattern)})"


def matches(text: str, pattern: str) -> str:
    """Whether a pattern (RE2) matches somewhere in the text."""
    return f"regexp_matches({text}, {literal(pattern)})"


def extract(text: str, pattern: str, group: int) -> str:
    """The text of a group of a pattern's first match; '' without one."""
    return f"regexp_extract({text}, {literal(pattern)}, {int(group)})"


def substitute(text: str, pattern: str, by: str, *, everywhere: bool = False) -> str:
    """The text with a pattern's first match, or all of them, put otherwise."""
    options = ", 'g'" if everywhere else ""
    return f"regexp_replace({text}, {literal(pattern)}, {literal(by)}{options})"


def one_of(text: str, words: Iterable[str]) -> str:
    """Whether the text is one of the words.

    A long IN would become a join, which is carried out for every row, whether its answer is asked for or not.
    """
    return f"list_contains([{', '.join(literal(word) for word in words)}], {text})"
