"""The staged table while it grows: its columns, the rows that are no rows, and what is wrong with the
others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lake.ingest.encoding import BAD_BYTE
from lake.ingest.sql import literal
from lake.names import ident
from lake.session import Session

# While a table grows it also has: cells_ (how many the row had; 0: blank or header), text_ (the row as
# written, when something may be wrong with it), code_ (what is wrong, when the reader already knows).


@dataclass
class Growing:
    """The temp tables of one `stage` call, filled file by file."""

    session: Session
    table: str
    columns: list[str] = field(default_factory=list)
    inserted: int = 0
    removed: int = 0

    @property
    def name(self) -> str:
        return ident(self.table)

    @property
    def defects(self) -> str:
        return ident(f"{self.table}_defects")

    def scratch(self, suffix: str) -> str:
        """The quoted name of a further temp table beside this one."""
        return ident(f"{self.table}__{suffix}")

    def create(self) -> None:
        self.session.execute(
            f"CREATE OR REPLACE TEMP TABLE {self.name} "
            "(file_no INTEGER, line BIGINT, cells_ INTEGER, text_ VARCHAR, code_ VARCHAR)"
        )
        self.session.execute(
            f'CREATE OR REPLACE TEMP TABLE {self.defects} (file_no INTEGER, line BIGINT, "column" VARCHAR, '
            "value VARCHAR, reason VARCHAR, code VARCHAR, row_dropped BOOLEAN)"
        )

    def place(self, names: tuple[str, ...]) -> list[str]:
        """The quoted staged columns for a file's columns, added where no earlier file had one of that
        name.
        """
        known = {name.casefold(): position for position, name in enumerate(self.columns, start=1)}
        placed = []
        for name in names:
            position = known.get(name.casefold())
            if position is None:
                self.columns.append(name)
                position = len(self.columns)
                self.session.execute(f"ALTER TABLE {self.name} ADD COLUMN {ident(f'c{position}')} VARCHAR")
            placed.append(ident(f"c{position}"))
        return placed

    def insert(self, select: str, *, columns: list[str], params: dict[str, object]) -> int:
        """Insert `(file_no, line, cells_, text_, code_, cells…)`; returns the number of rows."""
        into = ", ".join(["file_no", "line", "cells_", "text_", "code_", *columns])
        count = self.session.execute(f"INSERT INTO {self.name} ({into}) {select}", params)
        self.inserted += count
        return count

    def take_back(self, before: int) -> None:
        """Undo the last insert, after which `before` rows were left; their row ids stay used."""
        self.session.execute(f"DELETE FROM {self.name} WHERE rowid >= $before", {"before": before})
        self.removed += self.inserted - before

    def number_lines(self, *, before: int, first_line: int) -> None:
        """Give the rows inserted since `before` their lines: they stand in the order of the file, one a
        line.
        """
        self.session.execute(
            f"UPDATE {self.name} SET line = rowid - $before + $first WHERE rowid >= $before AND line IS NULL",
            {"before": before, "first": first_line},
        )

    def drop_lines(self, *, file_no: int, up_to: int) -> None:
        """Mark a file's first lines as no rows: its header, and what stands above it."""
        self.session.execute(
            f"UPDATE {self.name} SET cells_ = 0, text_ = NULL WHERE file_no = $no AND line <= $line",
            {"no": file_no, "line": up_to},
        )

    def count(self, file_no: int) -> int:
        """How many rows a file has so far, blank ones and its header aside."""
        found = self.session.read_arrow(
            f"SELECT count(*) FROM {self.name} WHERE file_no = $no AND cells_ > 0", {"no": file_no}
        )
        return int(found.column(0)[0].as_py())

    def report(self, *, file_no: int, columns: int, surplus: str) -> int:
        """Turn a file's doubtful rows into defects; returns how many of them will be dropped.

        Args:
            surplus: an expression over `text_`: whether the cells beyond the last column hold anything.
        """
        shown = f"replace(replace(text_, chr(0), '\\x00'), {literal(BAD_BYTE)}, '\\x')"
        self.session.execute(
            f"""UPDATE {self.name} SET code_ = CASE
                WHEN contains(text_, chr(0)) THEN 'nul_character'
                WHEN contains(text_, {literal(BAD_BYTE)}) THEN 'undecodable'
                WHEN cells_ > $columns AND {surplus} THEN 'too_many_cells'
                WHEN cells_ < $columns THEN 'too_few_cells' END
                WHERE file_no = $no AND text_ IS NOT NULL AND code_ IS NULL""",
            {"no": file_no, "columns": columns},
        )
        self.session.execute(
            f"""INSERT INTO {self.defects} SELECT file_no, line, NULL, {shown}, CASE code_
                WHEN 'nul_character' THEN 'The row holds the character U+0000, which no text may.'
                WHEN 'undecodable' THEN 'The row holds bytes that are not text in the file''s encoding.'
                WHEN 'unterminated_quote' THEN 'A quote is opened in this row and never closed.'
                WHEN 'invalid_json' THEN 'The line is not one JSON object.'
                WHEN 'too_many_cells' THEN format('The row has {{}} cells, and there are {{}} columns.',
                    cells_, $columns)
                ELSE format('The row has only {{}} cells of {{}}; the others are taken as missing.',
                    cells_, $columns)
                END, code_, code_ <> 'too_few_cells'
                FROM {self.name} WHERE file_no = $no AND code_ IS NOT NULL ORDER BY line""",
            {"no": file_no, "columns": columns},
        )
        return int(
            self.session.read_arrow(
                f"SELECT count(*) FROM {self.defects} WHERE file_no = $no AND row_dropped", {"no": file_no}
            )
            .column(0)[0]
            .as_py()
        )

    def finish(self) -> int:
        """Remove the rows that are none or were dropped, and the helping columns; returns the rows left.

        Only here, since `number_lines` needs row ids without gaps.
        """
        removed = self.session.execute(
            f"DELETE FROM {self.name} WHERE cells_ = 0 OR code_ <> 'too_few_cells'"
        )
        for column in ("cells_", "text_", "code_"):
            self.session.execute(f"ALTER TABLE {self.name} DROP COLUMN {column}")
        return self.inserted - self.removed - removed

    @contextmanager
    def scratch_tables(self, *suffixes: str) -> Iterator[None]:
        """Drop the named scratch tables when done, so that only one file's text is held at a time."""
        try:
            yield
        finally:
            for suffix in suffixes:
                self.session.execute(f"DROP TABLE IF EXISTS {self.scratch(suffix)}")
