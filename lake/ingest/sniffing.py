"""The head of an input, understood: its dialect, and whether its first row is a header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from lake.ingest.encoding import WAS_CR, WAS_CRLF, Text
from lake.ingest.errors import EmptyInputError, OptionError
from lake.ingest.model import Dialect, Options, unique_names
from lake.ingest.text import Layout

# In the order in which a tie is decided: a comma is the likeliest to stand inside values, so it wins none.
_DELIMITERS = ("\t", ";", "|", ",")
_HEAD = 1 << 20
_ROWS = 1000
_CR_MARKS = str.maketrans("", "", WAS_CR + WAS_CRLF)

_LOOKS_LIKE_A_VALUE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a number", re.compile(r"[-+]?[€$£]?\s?\d[\d\s.,'’]*([eE][-+]?\d+)?\s?[%€$£]?")),
    ("a date", re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T]\d{1,2}:\d{2}.*)?")),
    ("an e-mail address", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("a web address", re.compile(r"https?://\S+")),
    ("a telephone number", re.compile(r"\+\d[\d\s()/.-]{5,}")),
    ("an identifier", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("a truth value", re.compile(r"true|false", re.IGNORECASE)),
)


class Reader(Protocol):
    """What `csv.reader` returns."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


_YEAR = re.compile(r"(19|20)\d{2}")  # a column may be named after a year


@dataclass(frozen=True, kw_only=True)
class Head:
    """What `sniff_text` found.

    Attributes:
        sample: rows below the header, as wide as they are.
    """

    layout: Layout
    header: bool
    header_reason: str
    sample: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _Row:
    line: int
    lines: int
    cells: tuple[str, ...]


def sniff_text(text: Text, *, name: str, options: Options) -> Head:
    """Find a text's dialect, header and columns from its first megabyte.

    Raises:
        EmptyInputError: it holds no row.
        OptionError: an option cannot be meant.
    """
    lines, stated, skip = _head_lines(text, skip=options.skip)
    if not any(line.strip() for line in lines):
        raise EmptyInputError(name)
    dialect = _settle_dialect(lines, name=name, stated=stated, options=options)
    rows = _parse(lines, dialect, first_line=skip + 1)
    header, reason = judge_header([row.cells for row in rows], asked=options.header)
    width = _width(rows, header=header)
    first = rows[0]
    cells: list[str | None] = [*first.cells] if header else []
    names = unique_names((cells + [None] * width)[:width])
    layout = Layout(
        dialect=dialect,
        names=names,
        first_line=first.line if header else skip + 1,
        header_lines=first.lines if header else 0,
    )
    sample = tuple(row.cells for row in (rows[1:] if header else rows))
    return Head(layout=layout, header=header, header_reason=reason, sample=sample)


def _head_lines(text: Text, *, skip: int) -> tuple[list[str], str | None, int]:
    """The first lines with their ends, the delimiter that a `sep=` line states, and the lines passed over."""
    with text.path.open("rb") as file:
        data = file.read(_HEAD)
    whole = len(data) < _HEAD
    decoded = (
        data.decode("utf-8", "ignore").removeprefix("\ufeff").translate(_CR_MARKS).replace("\x00", "\ufffd")
    )
    lines = re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$", decoded)
    if not whole and len(lines) > 1:
        lines.pop()
    stated = re.fullmatch(r"sep=(.)\s*", lines[skip]) if skip < len(lines) else None
    if stated:
        skip += 1
    return lines[skip:], stated.group(1) if stated else None, skip


def _settle_dialect(lines: list[str], *, name: str, stated: str | None, options: Options) -> Dialect:
    for option, value in (
        ("delimiter", options.delimiter),
        ("quote", options.quote),
        ("escape", options.escape),
    ):
        if value is not None and (
            len(value) > 1 or (value == "" and option != "quote") or value in "\r\n\x00"
        ):
            if value == "":
                continue
            raise OptionError(
                f"The {option} {value!r} of {name} cannot be meant: one character is allowed, such as ;.",
                path=name,
                option=option,
                received=value,
                allowed=("one character",),
            )
    delimiters = tuple(filter(None, (options.delimiter or stated,))) or _DELIMITERS
    quotes = ('"', "'") if options.quote is None else (options.quote,)
    candidates = [
        Dialect(delimiter=delimiter, quote=quote, escape=options.escape or escape)
        for quote in quotes
        for delimiter in delimiters
        for escape in ((quote, "\\") if options.escape is None and quote else (options.escape or quote,))
    ]
    best = max(candidates, key=lambda dialect: _score(lines, dialect))
    if _score(lines, best)[0] > 0 or len(delimiters) == 1:
        return best
    # One column: then whatever looks like a delimiter stands inside values.
    text = "".join(lines)
    absent = next((delimiter for delimiter in (",", ";", "\t", "|") if delimiter not in text), "\x1f")
    return Dialect(delimiter=absent, quote=best.quote, escape=best.escape)


def _score(lines: list[str], dialect: Dialect) -> tuple[float, ...]:
    """How well a dialect explains the lines: higher is better; earlier candidates win a tie."""
    try:
        rows = _parse(lines, dialect, first_line=1)
    except csv.Error:
        return (-1.0,)
    widths = Counter(len(row.cells) for row in rows)
    width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
    share = count / len(rows)
    regular = width > 1 and (share >= 0.9 or (share >= 0.5 and len(rows[0].cells) > 1))
    explained = 2 if regular else int(len(rows[0].cells) > 1)
    text = "".join(lines[:200])
    quoting = _quoted_cells(text, dialect)
    # Regular first; then quotes that enclose cells; then a header as wide as the rows; then more columns.
    return (
        float(explained),
        round(share, 2) if regular else 0.0,
        float(quoting > 0) - (dialect.quote == "'") * 0.5 - (dialect.backslash and '\\"' not in text) * 0.5,
        float(len(rows[0].cells) == width),
        float(-len("".join(cell for row in rows[:50] for cell in row.cells if "\n" in cell))),
    )


def _quoted_cells(text: str, dialect: Dialect) -> int:
    if not dialect.quote:
        return 0
    quote, delimiter = re.escape(dialect.quote), re.escape(dialect.delimiter)
    escaped = r"\\." if dialect.backslash else quote * 2
    plain = r"\\" if dialect.backslash else ""
    pattern = rf"(?:^|{delimiter}){quote}(?:[^{quote}{plain}\n]|{escaped})*{quote}(?={delimiter}|\r?$)"
    return len(re.findall(pattern, text, re.MULTILINE))


def _parse(lines: list[str], dialect: Dialect, *, first_line: int) -> list[_Row]:
    """Parse the head with Python's own reader; blank lines are no rows."""
    reader = csv.reader(
        iter(lines),
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        doublequote=not dialect.backslash,
        escapechar="\\" if dialect.backslash else None,
    )
    return list(islice(_numbered(reader, first_line=first_line), _ROWS))


def _numbered(reader: Reader, *, first_line: int) -> Iterator[_Row]:
    before = 0
    for cells in reader:
        if cells:
            yield _Row(line=first_line + before, lines=reader.line_num - before, cells=tuple(cells))
        before = reader.line_num


def _width(rows: list[_Row], *, header: bool) -> int:
    """How many columns there are: as the header says, unless most rows agree on more."""
    below = rows[1:] if header else rows
    widths = Counter(_filled_width(row.cells) for row in below)
    if not header:
        return max(widths.items(), key=lambda item: (item[1], item[0]))[0] if widths else 1
    used = [width for width in widths if width <= len(rows[0].cells)]
    named = max(_filled_width(rows[0].cells), *used, 1)
    if len(below) >= 3:
        usual, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        if usual > named and count > len(below) / 2:
            return usual
    return named


def _filled_width(cells: tuple[str, ...]) -> int:
    """The width of a row without empty cells at its end, which many programs write for no column."""
    width = len(cells)
    while width > 1 and not cells[width - 1].strip():
        width -= 1
    return width


def judge_header(rows: Sequence[tuple[str, ...]], *, asked: bool | None) -> tuple[bool, str]:
    """Say whether the first row names the columns, and why."""
    if asked is not None:
        return asked, "as asked for"
    first = [cell.strip() for cell in rows[0]]
    named = any(cell and not _is_value(cell) for cell in first)
    for cell in first:
        if named and _YEAR.fullmatch(cell):
            continue
        for what, pattern in _LOOKS_LIKE_A_VALUE:
            if cell and pattern.fullmatch(cell):
                return False, f"the first row holds {what}, {cell!r}"
    if not any(first):
        return True, "the first row is empty"
    below = rows[1:101]
    typed = sum(
        any(_is_value(row[i]) for row in below if i < len(row)) for i, cell in enumerate(first) if cell
    )
    if typed:
        return True, f"the first row holds names only, and {typed} of its columns hold values below"
    return True, "the first row looks like names"


def _is_value(cell: str) -> bool:
    return any(pattern.fullmatch(cell.strip()) for _, pattern in _LOOKS_LIKE_A_VALUE)
