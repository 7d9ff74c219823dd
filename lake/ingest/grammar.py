"""The grammar of delimited text, as DuckDB expressions over one line or one record.

It is the grammar of Python's `csv` module, which reads what is out there: RFC 4180, and where a text breaks
it (a quote inside an unquoted cell, characters after a closing quote) the characters are kept. A backslash
escapes only inside quotes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lake.ingest.model import Dialect
from lake.ingest.sql import literal

# RE2 refuses to repeat a group more often.
MOST_COLUMNS_MATCHED = 1000


@dataclass(frozen=True)
class Grammar:
    """Expressions for one dialect; `spare` is a character that the text does not hold."""

    dialect: Dialect
    spare: str

    def has_quote(self, text: str) -> str:
        """Whether a line holds a quote at all; one without needs no grammar."""
        return f"contains({text}, {literal(self.dialect.quote)})" if self.dialect.quote else "false"

    def is_plain(self, text: str, *, columns: int) -> str:
        """Whether a line is by itself a record of strictly RFC 4180 with exactly so many cells."""
        cell = f"(?:{self._strict_quoted}|[^{self._q_in}{self._d_in}]*)"
        more = f"(?:{self._d}{cell}){{{columns - 1}}}" if columns > 1 else ""
        return f"regexp_full_match({text}, {literal(cell + more)})"

    def ends_outside(self, text: str) -> str:
        """Whether a line that begins outside quotes also ends outside."""
        return f"regexp_full_match({text}, {literal(f'{self._cell}(?:{self._d}{self._cell})*')})"

    def closes(self, text: str) -> str:
        """Whether a line that begins inside quotes ends outside."""
        pattern = f"{self._inside}{self._q}{self._after_quote}(?:{self._d}{self._cell})*"
        return f"regexp_full_match({text}, {literal(pattern)})"

    def cells(self, text: str) -> str:
        """A complete record's cells, as a list of text."""
        split = f"string_split({text}, {literal(self.dialect.delimiter)})"
        if not self.dialect.quote:
            return split
        strict = f"(?:{self._strict_quoted}|[^{self._q_in}{self._d_in}]*)"
        is_strict = f"regexp_full_match({text}, {literal(f'{strict}(?:{self._d}{strict})*')})"
        middle = "" if self.dialect.backslash else f"WHEN {is_strict} THEN {self._strict_cells(text)}"
        return f"CASE WHEN NOT {self.has_quote(text)} THEN {split} {middle} ELSE {self._any_cells(text)} END"

    def _strict_cells(self, text: str) -> str:
        # Split at quotes: every second part was inside. Outside, delimiters become the spare character, and
        # nothing at all between two inside parts was a doubled quote. Then the rest is one split.
        quote, spare = literal(self.dialect.quote), literal(self.spare)
        parts = f"string_split({spare} || {text} || {spare}, {quote})"
        outside = f"replace(part, {literal(self.dialect.delimiter)}, {spare})"
        joined = (
            f"array_to_string(list_transform({parts}, lambda part, i: CASE WHEN i % 2 = 0 THEN part "
            f"WHEN part = '' THEN {quote} ELSE {outside} END), '')"
        )
        return f"string_split({joined}, {spare})[2:-2]"

    def _any_cells(self, text: str) -> str:
        pattern = f"(?s){self._d}({self._cell})"
        found = f"regexp_extract_all({literal(self.dialect.delimiter)} || {text}, {literal(pattern)}, 1)"
        quoted = f"(?s)^{self._q}({self._inside}){self._q}(.*)$"
        content = f"regexp_extract(cell, {literal(quoted)}, 1)"
        if self.dialect.backslash:
            escaped, plain = literal(r"(?s)\\(.)"), literal(r"\1")
            content = f"regexp_replace({content}, {escaped}, {plain}, 'g')"
        else:
            content = f"replace({content}, {literal(self.dialect.quote * 2)}, {literal(self.dialect.quote)})"
        rest = f"regexp_extract(cell, {literal(quoted)}, 2)"
        return (
            f"list_transform({found}, lambda cell: "
            f"CASE WHEN starts_with(cell, {literal(self.dialect.quote)}) "
            f"THEN {content} || {rest} ELSE cell END)"
        )

    @property
    def _d(self) -> str:
        return re.escape(self.dialect.delimiter)

    @property
    def _q(self) -> str:
        return re.escape(self.dialect.quote)

    @property
    def _d_in(self) -> str:
        return re.escape(self.dialect.delimiter)

    @property
    def _q_in(self) -> str:
        return re.escape(self.dialect.quote)

    @property
    def _inside(self) -> str:
        if self.dialect.backslash:
            return rf"(?:[^{self._q_in}\\]|\\(?s:.))*"
        return f"(?:[^{self._q_in}]|{self._q}{self._q})*"

    @property
    def _strict_quoted(self) -> str:
        return f"{self._q}{self._inside}{self._q}"

    @property
    def _after_quote(self) -> str:
        return f"(?:[^{self._q_in}{self._d_in}][^{self._d_in}]*)?"

    @property
    def _cell(self) -> str:
        unquoted = f"[^{self._q_in}{self._d_in}][^{self._d_in}]*"
        return f"(?:{self._strict_quoted}{self._after_quote}|{unquoted}|)"
