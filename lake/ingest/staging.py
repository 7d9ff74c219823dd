"""From inputs of any kind to one staged relation of text."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from lake.errors import SettingError, StorageFullError
from lake.ingest.database import export_table, stage_database
from lake.ingest.encoding import hash_file, read_text, unpacked
from lake.ingest.errors import FormatError
from lake.ingest.model import FileInfo, Format, Options, Progress, Sniffed, Source, Staged
from lake.ingest.rows import Growing
from lake.ingest.sniffing import sniff_text
from lake.ingest.sources import expand_inputs
from lake.ingest.tabular import stage_json, stage_ndjson, stage_parquet, stage_xlsx
from lake.ingest.text import stage_text
from lake.session import Session


def stage(
    session: Session,
    inputs: Sequence[str | Path | Source],
    *,
    into: str = "raw",
    format: Format | None = None,
    options: Options | None = None,
    progress: Progress | None = None,
    stdin: BinaryIO | None = None,
) -> Staged:
    """Read inputs of any kind into one temp table of text, with exact lines; what cannot be a row is a
    defect.

    Columns of several files are matched by name. Memory stays bounded by the engine's limit.

    Args:
        inputs: files, folders, patterns, `-`, `sqlite:file.db?table=t`, `postgres:dsn?table=t`, or sources.
        into: the temp table's name; `{into}_defects` is the other's.
        format: for files whose bytes and name do not tell.
        options: what the caller knows better than the sniffer, for all inputs.
        progress: called with the phase ("scan" in bytes of a file, "files" in files), done, in all; may
            raise.

    Raises:
        IngestError: an input cannot be read; `path` says which.
        StorageFullError: there is no room for temporary files.
    """
    _check_order(session)
    growing = Growing(session, into)
    growing.create()
    with _own_words(), tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
        folder = Path(temporary)
        sources, notes = expand_inputs(inputs, folder=folder, format=format, options=options, stdin=stdin)
        files = []
        for file_no, source in enumerate(sources):
            if progress:
                progress("files", file_no, len(sources))
            files.append(_stage_one(growing, source, options or Options(), folder, file_no, progress))
        if progress:
            progress("files", len(sources), len(sources))
    rows = growing.finish()
    return Staged(
        table=into,
        defects=f"{into}_defects",
        columns=tuple(growing.columns),
        rows=rows,
        rows_dropped=sum(file.rows_dropped for file in files),
        files=tuple(files),
        notes=notes,
    )


def sniff(
    session: Session,
    source: str | Path | Source,
    *,
    format: Format | None = None,
    options: Options | None = None,
    rows: int = 20,
    stdin: BinaryIO | None = None,
) -> Sniffed:
    """Look at one input without keeping anything: its format, dialect, encoding, header, and first rows.

    Raises:
        IngestError: it cannot be read.
    """
    table = "sniffed_"
    with _own_words(), tempfile.TemporaryDirectory(prefix="ingest-") as temporary:
        folder = Path(temporary)
        sources, _ = expand_inputs([source], folder=folder, format=format, options=options, stdin=stdin)
        first = sources[0]
        if first.format == "csv":
            return _sniff_text(first, options=options or Options(), rows=rows, folder=folder)
        if first.format == "database":
            copy = folder / "head.parquet"
            export_table(first, target=copy, limit=rows)
            first = replace(first, path=copy, format="parquet")
        staged = stage(session, [first], into=table, options=options)
        columns = ", ".join(f"c{i}" for i in range(1, len(staged.columns) + 1))
        head = session.read_arrow(f"SELECT {columns} FROM {table} ORDER BY line LIMIT $rows", {"rows": rows})
        for name in (staged.table, staged.defects):
            session.execute(f"DROP TABLE {name}")
    info = staged.files[0]
    return Sniffed(
        path=sources[0].name,
        format=sources[0].format,
        bytes=info.bytes,
        columns=staged.columns,
        sample=tuple(tuple(row.values()) for row in head.to_pylist()),
        encoding=info.encoding,
        header=info.header,
        header_reason=info.header_reason,
    )


@contextmanager
def _own_words() -> Iterator[None]:
    """Say in the lake's words what the system refuses: room for a copy, or a look into a file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise StorageFullError(detail=f"{error.strerror}.", file=None) from error
        name = str(error.filename or "The input")
        raise FormatError(
            name, received=f"the system refuses it ({error.strerror})", advice="May this user read it?"
        ) from error


def _sniff_text(source: Source, *, options: Options, rows: int, folder: Path) -> Sniffed:
    text = read_text(source.path, name=source.name, folder=folder, encoding=options.encoding)
    head = sniff_text(text, name=source.name, options=options)
    width = len(head.layout.names)
    padded = [(*row, *([None] * width))[:width] for row in head.sample[:rows]]
    return Sniffed(
        path=source.name,
        format="csv",
        bytes=text.bytes,
        columns=head.layout.names,
        sample=tuple(padded),
        dialect=head.layout.dialect,
        encoding=text.encoding,
        encoding_reason=text.encoding_reason,
        header=head.header,
        header_reason=head.header_reason,
    )


def _stage_one(
    growing: Growing, source: Source, options: Options, folder: Path, file_no: int, progress: Progress | None
) -> FileInfo:
    if source.format in ("csv", "ndjson", "json"):
        return _stage_written(growing, source, options, folder, file_no, progress)
    reason, sha256 = "the format names its columns", None
    if source.format == "database":
        names, rows, dropped = stage_database(growing, source, folder=folder, file_no=file_no)
    else:
        path = unpacked(source.path, name=source.name, folder=folder)
        sha256 = hash_file(source.path)
        if source.format == "parquet":
            names, rows, dropped = stage_parquet(growing, path, name=source.name, file_no=file_no)
        else:
            names, rows, dropped, reason = stage_xlsx(
                growing, path, name=source.name, options=options, folder=folder, file_no=file_no
            )
    return FileInfo(
        path=source.name,
        format=source.format,
        sha256=sha256,
        bytes=source.path.stat().st_size if source.path.is_file() else 0,
        columns=names,
        rows=rows,
        rows_dropped=dropped,
        header_reason=reason,
    )


def _stage_written(
    growing: Growing, source: Source, options: Options, folder: Path, file_no: int, progress: Progress | None
) -> FileInfo:
    text = read_text(
        source.path, name=source.name, folder=folder, encoding=options.encoding, progress=progress
    )
    dialect, header, reason = None, True, "the format names its columns"
    if source.format == "csv":
        head = sniff_text(text, name=source.name, options=options)
        names, dialect = head.layout.names, head.layout.dialect
        header, reason = head.header, head.header_reason
        rows, dropped = stage_text(growing, text, layout=head.layout, name=source.name, file_no=file_no)
    else:
        reader: Callable[..., tuple[tuple[str, ...], int, int]]
        reader = stage_ndjson if source.format == "ndjson" else stage_json
        names, rows, dropped = reader(growing, text, name=source.name, file_no=file_no)
    # Copies are as large as the file: none is kept while the next one is read.
    if text.path != source.path:
        text.path.unlink(missing_ok=True)
    return FileInfo(
        path=source.name,
        format=source.format,
        sha256=text.sha256,
        bytes=text.bytes,
        columns=names,
        rows=rows,
        rows_dropped=dropped,
        dialect=dialect,
        encoding=text.encoding,
        header=header,
        header_reason=reason,
    )


def _check_order(session: Session) -> None:
    found = session.read_arrow("SELECT current_setting('preserve_insertion_order')").column(0)[0].as_py()
    if found not in (True, "true"):
        raise SettingError(
            "The setting preserve_insertion_order is off: without it no row's line is known. Turn it on.",
            setting="preserve_insertion_order",
            received=str(found),
        )
