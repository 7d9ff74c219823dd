"""A table of a SQLite or PostgreSQL database into rows of text."""

from __future__ import annotations

from pathlib import Path

from lake import engine
from lake.engine import Cursor
from lake.errors import LakeError
from lake.ingest.encoding import new_path
from lake.ingest.errors import SourceDatabaseError
from lake.ingest.model import Source
from lake.ingest.rows import Growing
from lake.ingest.sql import literal
from lake.ingest.tabular import stage_parquet
from lake.names import ident


def stage_database(
    growing: Growing, source: Source, *, folder: Path, file_no: int
) -> tuple[tuple[str, ...], int, int]:
    """Add a table's rows; `line` is the row's number as read, the header being 1. The source is attached
    read-only.

    Raises:
        SourceDatabaseError: the database or the table cannot be read.
    """
    copy = new_path(folder)
    export_table(source, target=copy)
    return stage_parquet(growing, copy, name=source.name, file_no=file_no)


def export_table(source: Source, *, target: Path, limit: int | None = None) -> None:
    """Write a source's table to a Parquet file, every value as text.

    It is read in a DuckDB of its own: that SQLite's columns may hold anything is a setting for all of an
    instance, and the lake's own catalog may be a SQLite file.
    """
    kind = source.database or "sqlite"
    if kind == "sqlite" and not source.path.is_file():
        raise SourceDatabaseError(f"{source.name}: there is no file {source.path}.", path=source.name)
    settings: dict[str, str | int | bool] = {"sqlite_all_varchar": True} if kind == "sqlite" else {}
    connection = engine.connect(extensions=(kind,), settings={})
    try:
        for setting in settings:
            connection.execute(f"SET {setting} = true")
        engine.run(connection, f"ATTACH {literal(source.dsn)} AS source (TYPE {kind}, READ_ONLY)")
        _export(connection, source, target=target, limit=limit)
    except LakeError as error:
        raise SourceDatabaseError(
            f"{source.name} cannot be read: {_first_line(error)} Check the place, the table and the rights.",
            path=source.name,
        ) from error
    finally:
        connection.close()


def _export(connection: Cursor, source: Source, *, target: Path, limit: int | None) -> None:
    table = ident("source", *source.table.split("."))
    described = engine.fetch_arrow(connection, f"DESCRIBE SELECT * FROM {table}")
    names = described.column("column_name").to_pylist()
    types = described.column("column_type").to_pylist()
    cells = ", ".join(
        ident(name) if kind.endswith("]") else f"{ident(name)}::VARCHAR AS {ident(name)}"
        for name, kind in zip(names, types, strict=True)
    )
    some = f" LIMIT {int(limit)}" if limit is not None else ""
    engine.run(
        connection, f"COPY (SELECT {cells} FROM {table}{some}) TO {literal(str(target))} (FORMAT parquet)"
    )


def _first_line(error: LakeError) -> str:
    line = str(error).splitlines()[0]
    return line if line.endswith(".") else f"{line}."
