"""What DuckDB's reader does not tell of a worksheet: its extent, and which columns hold dates or truth
values.

A cell's date is a number whose style says so (ECMA-376, part 1, 18.8.30); the reader yields the number.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

from lake.ingest.errors import EmptyInputError, FormatError, OptionError

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_REL = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_BUILT_IN_DATES = frozenset({14, 15, 16, 17, 22, *range(27, 32), 36, *range(50, 59)})
_BUILT_IN_TIMES = frozenset({18, 19, 20, 21, 45, 46, 47})
# A cell's column and its other attributes; the value follows, unless the tag closes itself.
_CELL = re.compile(rb'<(?:\w+:)?c r="([A-Z]+)\d+"([^>]*)>')
_ROW = re.compile(rb'<(?:\w+:)?row [^>]*?r="(\d+)"')
_STYLE = re.compile(rb'\bs="(\d+)"')
_TYPE = re.compile(rb'\bt="(\w+)"')
_BLOCK = 8 << 20

Kind = Literal["text", "number", "date", "time", "boolean"]


@dataclass(frozen=True, kw_only=True)
class Worksheet:
    """One sheet: its name, its used range from A1, and the kind of each column from A on."""

    name: str
    range: str
    columns: tuple[Kind, ...]
    base_1904: bool

    def text_sql(self, position: int, kind: Kind) -> str:
        """The text of the column at a position (from 1), as an expression over `read_xlsx`'s columns."""
        column = f'"{column_letters(position)}"'
        if kind == "boolean":
            return f"CASE {column} WHEN '1' THEN 'true' WHEN '0' THEN 'false' ELSE {column} END"
        if kind in ("text", "number"):
            return column
        number = f"try_cast({column} AS DOUBLE)"
        base = "1904-01-01" if self.base_1904 else "1899-12-30"
        instant = f"(TIMESTAMP '{base}' + to_milliseconds(round({number} * 86400000)::BIGINT))"
        if kind == "time":
            return (
                f"CASE WHEN {number} BETWEEN 0 AND 1 THEN strftime({instant}, '%H:%M:%S') ELSE {column} END"
            )
        return (
            f"CASE WHEN {number} IS NULL OR {number} NOT BETWEEN 1 AND 2958466 THEN {column} "
            f"WHEN {number} = floor({number}) THEN strftime({instant}, '%Y-%m-%d') "
            f"ELSE strftime(date_trunc('second', {instant} + INTERVAL 500 MILLISECOND), "
            "'%Y-%m-%d %H:%M:%S') END"
        )


def read_worksheet(path: Path, *, name: str, sheet: str | None) -> Worksheet:
    """Read the outline of a worksheet, in one pass over its bytes.

    Raises:
        FormatError: it is no workbook, or a damaged one.
        OptionError: there is no sheet of that name.
        EmptyInputError: the sheet holds no cell.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            part, found, base_1904 = _locate(archive, name=name, sheet=sheet)
            styles = _date_styles(archive)
            kinds, rows = _scan(archive, part, styles=styles)
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, EOFError) as error:
        raise FormatError(
            name, received=f"the workbook is damaged ({error})", advice="Save it again."
        ) from error
    if not kinds:
        raise EmptyInputError(name)
    width = max(kinds)
    columns = tuple(_settle(kinds.get(position, set())) for position in range(1, width + 1))
    extent = f"A1:{column_letters(width)}{rows}"
    return Worksheet(name=found, range=extent, columns=columns, base_1904=base_1904)


def column_letters(position: int) -> str:
    """The letters of a column: 1 is A, 27 is AA."""
    letters = ""
    while position:
        position, rest = divmod(position - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _locate(archive: zipfile.ZipFile, *, name: str, sheet: str | None) -> tuple[str, str, bool]:
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    sheets = {node.attrib["name"]: node.attrib[_REL] for node in book.iter(f"{_MAIN}sheet")}
    if sheet is not None and sheet not in sheets:
        raise OptionError(
            f"{name} has no sheet {sheet!r}: it has {', '.join(sheets)}.",
            path=name,
            option="sheet",
            received=sheet,
            allowed=tuple(sheets),
        )
    chosen = sheet or next(iter(sheets))
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    target = next(node.attrib["Target"] for node in relations if node.attrib["Id"] == sheets[chosen])
    properties = book.find(f"{_MAIN}workbookPr")
    base_1904 = properties is not None and properties.attrib.get("date1904") in ("1", "true")
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}", chosen, base_1904


def _date_styles(archive: zipfile.ZipFile) -> dict[int, Kind]:
    if "xl/styles.xml" not in archive.namelist():
        return {}
    sheet = ElementTree.fromstring(archive.read("xl/styles.xml"))
    custom = {
        int(node.attrib["numFmtId"]): node.attrib["formatCode"] for node in sheet.iter(f"{_MAIN}numFmt")
    }
    formats = sheet.find(f"{_MAIN}cellXfs")
    kinds: dict[int, Kind] = {}
    for index, node in enumerate(formats if formats is not None else ()):
        number = int(node.attrib.get("numFmtId", "0"))
        code = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", custom.get(number, "")).lower()
        if number in _BUILT_IN_DATES or re.search(r"[yd]", code) or re.search(r"m(?!.*[hs:])", code):
            kinds[index] = "date"
        elif number in _BUILT_IN_TIMES or re.search(r"[hs]", code):
            kinds[index] = "time"
    return kinds


def _scan(
    archive: zipfile.ZipFile, part: str, *, styles: dict[int, Kind]
) -> tuple[dict[int, set[Kind]], int]:
    """The kinds of the filled cells of each column, and the number of the last row."""
    shapes: set[tuple[bytes, bytes]] = set()
    last_row, held = 0, b""
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            data = held + block
            cut = data.rfind(b"<")
            data, held = data[:cut], data[cut:]
            shapes.update(_CELL.findall(data))
            numbers = _ROW.findall(data)
            last_row = int(numbers[-1]) if numbers else last_row
    kinds: dict[int, set[Kind]] = {}
    for letters, attributes in shapes:
        if not attributes.endswith(b"/"):
            kinds.setdefault(_position(letters), set()).add(_kind(attributes, styles))
    return kinds, last_row


def _position(letters: bytes) -> int:
    position = 0
    for letter in letters:
        position = position * 26 + letter - ord("A") + 1
    return position


def _kind(attributes: bytes, styles: dict[int, Kind]) -> Kind:
    what, style = _TYPE.search(attributes), _STYLE.search(attributes)
    kind = what.group(1) if what else b"n"
    if kind == b"n":
        return styles.get(int(style.group(1)), "number") if style else "number"
    return "boolean" if kind == b"b" else "text"


def _settle(kinds: set[Kind]) -> Kind:
    """What the numbers of a column mean; its texts stay texts. A mixture is left as the numbers that they
    are.
    """
    meanings = kinds - {"text"}
    return meanings.pop() if len(meanings) == 1 else "text"
