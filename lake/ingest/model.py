"""The nouns of reading: where rows come from, how their text is written, and what was staged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Format = Literal["csv", "ndjson", "json", "parquet", "xlsx", "database"]
Newline = Literal["\n", "\r\n", "\r", "mixed"]

# Called with a phase ("scan", "read", …), the units done and the units in all. Raise in it to cancel.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a delimited text marks its cells.

    Attributes:
        delimiter: one character between cells.
        quote: the character around cells that hold delimiters or line ends; empty when there is none.
        escape: how a quote is written inside a quoted cell: the quote itself (doubled), or a backslash.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'

    @property
    def backslash(self) -> bool:
        """Whether quotes inside quoted cells are escaped by a backslash instead of being doubled."""
        return self.escape == "\\" and self.quote != ""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a caller knows better than the sniffer; `None` means: find out.

    Attributes:
        delimiter, quote, escape: see `Dialect`.
        encoding: any name that Python knows.
        header: whether the first row names the columns.
        skip: lines before the header (rows in a worksheet) that are no data.
        sheet: the worksheet of a workbook; the first when not given.
        table: the table of a database, with its schema where it needs one.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip: int = 0
    sheet: str | None = None
    table: str | None = None


@dataclass(frozen=True, kw_only=True)
class Source:
    """One input: `name` as the user knows it, `path` where its bytes are; a database has a `table` and a
    DSN.
    """

    name: str
    path: Path
    format: Format
    database: Literal["sqlite", "postgres"] | None = None
    dsn: str = ""
    table: str = ""


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """What was found in one input.

    Attributes:
        path: the name under which the user gave it.
        sha256: of the bytes as given (a `.gz` as it is); `None` for a database.
        bytes: its size as given.
        columns: the header as written, made unique; one name per column.
        rows: rows staged.
        rows_dropped: rows that could not be staged; each has a defect.
        header: whether the first row names the columns, and `header_reason` why it was taken so.
    """

    path: str
    format: Format
    sha256: str | None
    bytes: int
    columns: tuple[str, ...]
    rows: int
    rows_dropped: int
    dialect: Dialect | None = None
    encoding: str | None = None
    header: bool = True
    header_reason: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The staged relation: temp tables of the session that staged them.

    `table` is `(file_no INTEGER, line BIGINT, c1 VARCHAR, c2 VARCHAR, …)`, `columns[i]` being the name of
    `c{i+1}`; `file_no` indexes `files`. A cell that its row or file does not have is NULL, an empty one is
    ''. `defects` is `(file_no INTEGER, line BIGINT, "column" VARCHAR, value VARCHAR, reason VARCHAR, code
    VARCHAR, row_dropped BOOLEAN)`. Rows read are `rows + rows_dropped`.
    """

    table: str
    defects: str
    columns: tuple[str, ...]
    rows: int
    rows_dropped: int
    files: tuple[FileInfo, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Sniffed:
    """What the head of an input looks like, for a person to confirm.

    Attributes:
        sample: the first rows below the header, cells as text; `None` where a cell is missing.
    """

    path: str
    format: Format
    bytes: int
    columns: tuple[str, ...]
    sample: tuple[tuple[str | None, ...], ...]
    dialect: Dialect | None = None
    encoding: str | None = None
    encoding_reason: str = ""
    header: bool = True
    header_reason: str = ""
    notes: tuple[str, ...] = field(default=())


def unique_names(cells: list[str | None]) -> tuple[str, ...]:
    """Make header cells usable as names: trimmed, an empty one becomes `column_3`, a second `name` `name_2`.

    Comparison ignores case, since SQL does.
    """
    wanted = [_clean(cell) or f"column_{position}" for position, cell in enumerate(cells, start=1)]
    taken = {name.casefold() for name in wanted}
    seen: set[str] = set()
    names: list[str] = []
    for name in wanted:
        unique, count = name, 1
        while unique.casefold() in seen:
            count += 1
            candidate = f"{name}_{count}"
            unique = candidate if candidate.casefold() not in taken or count > len(wanted) else unique
        seen.add(unique.casefold())
        names.append(unique)
    return tuple(names)


def _clean(cell: str | None) -> str:
    return " ".join((cell or "").replace("\x00", "").replace("\ufeff", "").split())
