"""Parquet, JSON and XLSX into rows of text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from lake import engine
from lake.errors import LakeError, StatementError
from lake.ingest.encoding import BAD_BYTE, Text, new_path
from lake.ingest.errors import EmptyInputError, FormatError
from lake.ingest.model import Options, unique_names
from lake.ingest.rows import Growing
from lake.ingest.sniffing import judge_header
from lake.ingest.sql import literal
from lake.ingest.text import lines_sql
from lake.ingest.workbook import Worksheet, read_worksheet
from lake.names import ident
from lake.session import Session

_LARGEST_OBJECT = 64 << 20


def stage_parquet(
    growing: Growing, path: Path, *, name: str, file_no: int
) -> tuple[tuple[str, ...], int, int]:
    """Add a Parquet file's rows; `line` is the row's number, the header being 1.

    Returns:
        The file's columns, the rows that stay and the rows that will be dropped.

    Raises:
        FormatError: it is no Parquet file, or a damaged one.
    """
    session = growing.session
    try:
        described = session.read_arrow("DESCRIBE SELECT * FROM read_parquet($path)", {"path": str(path)})
    except StatementError as error:
        raise FormatError(
            name, received=str(error).splitlines()[0], advice="Is it a whole Parquet file?"
        ) from error
    written = described.column("column_name").to_pylist()
    types = described.column("column_type").to_pylist()
    names = unique_names(written)
    columns = growing.place(names)
    cells = [_as_text(f"p.{ident(column)}", kind) for column, kind in zip(written, types, strict=True)]
    rows = ", ".join(["p.file_row_number + 2 AS line", *(f"{cell} AS k{i}" for i, cell in enumerate(cells))])
    count, dropped = _insert_checked(
        growing,
        f"SELECT {rows} FROM read_parquet($path, file_row_number = true) AS p",
        columns=columns,
        file_no=file_no,
        path=path,
    )
    return names, count, dropped


def stage_ndjson(
    growing: Growing, text: Text, *, name: str, file_no: int
) -> tuple[tuple[str, ...], int, int]:
    """Add a text of one JSON object per line; `line` is the physical line, 1 being the first.

    A line that is no JSON object becomes a defect. Nested values are kept as JSON text.
    """
    session, lines = growing.session, growing.scratch("lines")
    with growing.scratch_tables("lines"):
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE {lines} AS SELECT l, "
            "CASE WHEN json_valid(l) THEN CASE WHEN json_type(l) = 'OBJECT' THEN l::JSON END END AS j "
            f"FROM {lines_sql(text)}",
            {"path": str(text.path)},
        )
        keys = _keys(session, f"SELECT j, rowid AS line FROM {lines}")
        if not keys:
            raise FormatError(
                name,
                received="no line of it is a JSON object",
                advice="Write one object per line, or an array.",
            )
        names, columns = unique_names([*keys]), growing.place(unique_names([*keys]))
        doubt = "j IS NULL" + (f" OR contains(l, {literal(BAD_BYTE)})" if BAD_BYTE in text.present else "")
        doubt += " OR contains(j::VARCHAR, '\\u0000')"
        cells = ", ".join(f"v[{i}]" for i in range(1, len(keys) + 1))
        growing.insert(
            f"SELECT $no, line, CASE WHEN trim(coalesce(l, '')) = '' THEN 0 ELSE {len(keys)} END, "
            f"CASE WHEN trim(l) <> '' AND ({doubt}) THEN l END, "
            "CASE WHEN trim(l) <> '' AND j IS NULL THEN 'invalid_json' "
            "WHEN contains(j::VARCHAR, '\\u0000') THEN 'nul_character' END, "
            f"{cells} FROM (SELECT rowid + 1 AS line, l, j, {_values('j', keys)} AS v FROM {lines})",
            columns=columns,
            params={"no": file_no},
        )
    return names, *_counted(growing, file_no=file_no, width=len(keys))


def stage_json(growing: Growing, text: Text, *, name: str, file_no: int) -> tuple[tuple[str, ...], int, int]:
    """Add a JSON array of objects, or objects one after the other; `line` is the object's number plus one.

    Raises:
        FormatError: it is no such JSON.
    """
    session, lines = growing.session, growing.scratch("lines")
    with text.path.open("rb") as file:
        start = file.read(4096).decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    style = "array" if start.startswith("[") else "unstructured"
    with growing.scratch_tables("lines"):
        try:
            session.execute(
                f"CREATE OR REPLACE TEMP TABLE {lines} AS SELECT json AS j FROM read_json_objects($path, "
                f"format = '{style}', maximum_object_size = {_LARGEST_OBJECT})",
                {"path": str(text.path)},
            )
        except StatementError as error:
            raise FormatError(
                name,
                received=str(error).splitlines()[0],
                advice="An array of objects, or one object per line.",
            ) from error
        source = f"SELECT j, rowid + 2 AS line FROM {lines}"
        keys = _keys(session, source + " WHERE json_type(j) = 'OBJECT'")
        if not keys:
            raise FormatError(name, received="it holds no JSON object", advice="Give an array of objects.")
        names, columns = unique_names([*keys]), growing.place(unique_names([*keys]))
        cells = ", ".join(f"v[{i}]" for i in range(1, len(keys) + 1))
        growing.insert(
            f"SELECT $no, line, {len(keys)}, CASE WHEN code IS NOT NULL THEN j::VARCHAR END, code, {cells} "
            "FROM ("
            "SELECT j, line, CASE WHEN json_type(j) <> 'OBJECT' THEN 'invalid_json' "
            "WHEN contains(j::VARCHAR, '\\u0000') THEN 'nul_character' END AS code, "
            f"{_values('j', keys)} AS v FROM ({source}))",
            columns=columns,
            params={"no": file_no},
        )
    return names, *_counted(growing, file_no=file_no, width=len(keys))


def stage_xlsx(
    growing: Growing, path: Path, *, name: str, options: Options, folder: Path, file_no: int
) -> tuple[tuple[str, ...], int, int, str]:
    """Add a worksheet's rows; `line` is the row's number in the sheet. Dates come as ISO text.

    Returns:
        The columns, the rows that stay, the rows that will be dropped, and why there is a header or none.
    """
    sheet = read_worksheet(path, name=name, sheet=options.sheet)
    copy = new_path(folder)
    _export_sheet(path, sheet=sheet, target=copy, name=name)
    session = growing.session
    width = len(sheet.columns)
    filled = " OR ".join(f"c{i} <> ''" for i in range(1, width + 1))
    head = session.read_arrow(
        f"SELECT file_row_number + 1, {', '.join(f'c{i}' for i in range(1, width + 1))} "
        f"FROM read_parquet($path, file_row_number = true) WHERE ({filled}) AND file_row_number >= $skip "
        "ORDER BY 1 LIMIT 100",
        {"path": str(copy), "skip": options.skip},
    ).to_pylist()
    if not head:
        raise EmptyInputError(name)
    rows = [[*row.values()] for row in head]
    header, reason = judge_header(
        [tuple(cell or "" for cell in row[1:]) for row in rows], asked=options.header
    )
    names = unique_names(rows[0][1:] if header else [None] * width)
    columns = growing.place(names)
    first = rows[0][0] if header else rows[0][0] - 1
    cells = ", ".join(f"c{i} AS k{i - 1}" for i in range(1, width + 1))
    count, dropped = _insert_checked(
        growing,
        f"SELECT file_row_number + 1 AS line, {cells} FROM read_parquet($path, file_row_number = true) "
        f"WHERE ({filled}) AND file_row_number + 1 > {int(first)}",
        columns=columns,
        file_no=file_no,
        path=copy,
    )
    return names, count, dropped, reason


def _export_sheet(path: Path, *, sheet: Worksheet, target: Path, name: str) -> None:
    # In an instance of its own: the extension then never touches the lake's connections.
    connection = engine.connect(extensions=("excel",), settings={"threads": 1})
    try:
        cells = ", ".join(
            f"{sheet.text_sql(i, column)} AS c{i}" for i, column in enumerate(sheet.columns, start=1)
        )
        engine.run(
            connection,
            f"COPY (SELECT {cells} FROM read_xlsx($path, sheet = $sheet, header = false, all_varchar = true, "
            f"stop_at_empty = false, range = '{sheet.range}')) TO {literal(str(target))} (FORMAT parquet)",
            {"path": str(path), "sheet": sheet.name},
        )
    except LakeError as error:
        raise FormatError(
            name, received=str(error).splitlines()[0], advice="Save the workbook again."
        ) from error
    finally:
        connection.close()


def _insert_checked(
    growing: Growing, rows: str, *, columns: list[str], file_no: int, path: Path
) -> tuple[int, int]:
    """Insert rows `(line, k0, k1, …)` of text whose only possible defect is a U+0000."""
    cells = [f"k{i}" for i in range(len(columns))]
    has_nul = " OR ".join(f"coalesce(contains({cell}, chr(0)), false)" for cell in cells)
    shown = f"CASE WHEN {has_nul} THEN array_to_string([{', '.join(cells)}], ',') END"
    growing.insert(
        f"SELECT $no, line, {len(columns)}, {shown}, CASE WHEN {has_nul} THEN 'nul_character' END, "
        f"{', '.join(cells)} FROM ({rows})",
        columns=columns,
        params={"no": file_no, "path": str(path)},
    )
    return _counted(growing, file_no=file_no, width=len(columns))


def _counted(growing: Growing, *, file_no: int, width: int) -> tuple[int, int]:
    dropped = growing.report(file_no=file_no, columns=width, surplus="false")
    return growing.count(file_no) - dropped, dropped


def _as_text(column: str, kind: str) -> str:
    if kind == "VARCHAR":
        return column
    if kind == "BLOB":
        return f"CASE WHEN is_valid_utf8({column}) THEN decode({column}) ELSE hex({column}) END"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION")):
        return f"to_json({column})::VARCHAR"
    return f"{column}::VARCHAR"


def _keys(session: Session, source: str) -> tuple[str, ...]:
    """The keys of all objects in the order in which they first appear."""
    shapes: pa.Table = session.read_arrow(
        f"SELECT json_keys(j) AS keys, min(line) AS line FROM ({source}) WHERE j IS NOT NULL "
        "GROUP BY 1 ORDER BY 2"
    )
    return tuple(dict.fromkeys(key for keys in shapes.column(0).to_pylist() for key in keys))


def _values(json: str, keys: tuple[str, ...]) -> str:
    pointers = ", ".join(literal("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys)
    return f"json_extract_string({json}, [{pointers}])"
