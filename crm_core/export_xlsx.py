"""Records as an Excel workbook: row by row to disk, and no cell is ever a formula or a link."""

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any

import polars as pl
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

SHEET_ROWS = 1_048_576
"""Rows of a sheet, with its heading; what is more goes on in another sheet."""
CELL_LENGTH = 32_767
EXACT_DIGITS = 15
"""A spreadsheet's numbers keep so many digits; longer ones are written as text."""
_FIRST_DAY = date(1900, 3, 1)
"""Excel takes 1900 for a leap year: earlier days would be others."""
PIECE = 1 << 20


def xlsx_pieces(frames: Iterator[pl.DataFrame], *, sheet_rows: int = SHEET_ROWS) -> Iterator[bytes]:
    """The frames as one workbook, in pieces; it is written to a file on disk that goes when all are taken."""
    with tempfile.TemporaryFile() as file:
        write_xlsx(frames, file, sheet_rows=sheet_rows)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def write_xlsx(frames: Iterator[pl.DataFrame], file: IO[bytes], *, sheet_rows: int = SHEET_ROWS) -> None:
    """Write the frames below each other; a text that is too long for a cell is cut and ends with `…`.

    Args:
        frames: of the same columns; instants are written as UTC.
        file: open for writing.
        sheet_rows: how many rows a sheet takes, with its heading.
    """
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd", "remove_timezone": True,
    }  # fmt: skip
    with xlsxwriter.Workbook(file, options) as book:
        moment, heading = (
            book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            book.add_format({"bold": True}),
        )
        sheet: Worksheet | None = None
        place = 0
        for frame in frames:
            writers = [_writer(kind, moment) for kind in frame.dtypes]
            for row in frame.iter_rows():
                if sheet is None or place >= sheet_rows:
                    sheet, place = _sheet(book, frame.columns, heading), 1
                for number, value in enumerate(row):
                    if value is not None:
                        writers[number](sheet, place, number, value)
                place += 1
            if sheet is None:
                sheet, place = _sheet(book, frame.columns, heading), 1


def _sheet(book: Workbook, columns: list[str], heading: Format) -> Worksheet:
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    for number, name in enumerate(columns):
        sheet.write_string(0, number, name, heading)
    return sheet


Write = Callable[[Worksheet, int, int, Any], object]


def _writer(kind: pl.DataType, moment: Format) -> Write:
    """How the values of a column are written: as what they are, where a spreadsheet can hold it whole."""
    if isinstance(kind, pl.Boolean):
        return lambda sheet, row, place, value: sheet.write_boolean(row, place, value)
    if isinstance(kind, pl.Datetime):
        return lambda sheet, row, place, value: _moment(sheet, row, place, value, moment)
    if isinstance(kind, pl.Date):
        return _day
    if kind.is_numeric():
        return _number
    if isinstance(kind, pl.List):
        return lambda sheet, row, place, value: _text(sheet, row, place, "; ".join(map(str, value)))
    return lambda sheet, row, place, value: _text(sheet, row, place, str(value))


def _text(sheet: Worksheet, row: int, place: int, value: str) -> None:
    sheet.write_string(row, place, value if len(value) <= CELL_LENGTH else value[: CELL_LENGTH - 1] + "…")


def _number(sheet: Worksheet, row: int, place: int, value: float | int | Decimal) -> None:
    exact = Decimal(str(value))
    if exact.is_finite() and len(exact.normalize().as_tuple().digits) <= EXACT_DIGITS:
        sheet.write_number(row, place, value)
    else:
        _text(sheet, row, place, str(value))


def _day(sheet: Worksheet, row: int, place: int, value: date) -> None:
    if value < _FIRST_DAY:
        _text(sheet, row, place, value.isoformat())
    else:
        sheet.write_datetime(row, place, value)


def _moment(sheet: Worksheet, row: int, place: int, value: datetime, moment: Format) -> None:
    utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if utc.date() < _FIRST_DAY:
        _text(sheet, row, place, f"{utc.isoformat(timespec='milliseconds')}Z")
    else:
        sheet.write_datetime(row, place, utc, moment)
