"""Inputs as the user names them: files, folders, patterns, standard input, tables of a database."""

from __future__ import annotations

import glob
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal, cast

from lake.ingest.encoding import guess_encoding, new_path, read_head
from lake.ingest.errors import FormatError, NotFoundError, OptionError, SourceDatabaseError
from lake.ingest.model import Format, Options, Source

FORMATS: tuple[Format, ...] = ("csv", "ndjson", "json", "parquet", "xlsx", "database")
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".psv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}
_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls): save it as .xlsx"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a SQLite database: name its table, as in sqlite:file.db?table=people"),
    (b"BZh", "a bzip2 archive: unpack it, or use .gz"),
    (b"7z\xbc\xaf", "a 7z archive: unpack it, or use .gz"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive: unpack it, or use .gz"),
    (b"\xfd7zXZ", "an xz archive: unpack it, or use .gz"),
)


def expand_inputs(
    inputs: Sequence[str | Path | Source],
    *,
    folder: Path,
    format: Format | None = None,
    options: Options | None = None,
    stdin: BinaryIO | None = None,
) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    """Turn what a user typed into sources in a stable order, and notes on what was passed over.

    `-` is standard input, copied into `folder`; a folder stands for the files in it whose suffix is known; a
    pattern for what it matches; `sqlite:file.db?table=t` and `postgres:dsn?table=t` for a table.

    Raises:
        NotFoundError: a name leads to nothing.
        FormatError: a file is none of the formats that can be read.
    """
    options = options or Options()
    sources: list[Source] = []
    notes: list[str] = []
    for item in inputs:
        if isinstance(item, Source):
            sources.append(item)
        elif isinstance(item, str) and item.partition(":")[0] in ("sqlite", "postgres", "postgresql"):
            sources.append(_database(item, options=options))
        elif str(item) == "-":
            sources.append(_standard_input(stdin, folder=folder, format=format))
        else:
            files, passed_over = _files(str(item))
            sources += [file_source(path, format=format) for path in files]
            notes += passed_over
    if not sources:
        raise NotFoundError("Nothing was given to read: name a file, a folder, a pattern or -.", path="")
    return tuple(sources), tuple(notes)


def file_source(path: Path, *, name: str | None = None, format: Format | None = None) -> Source:
    """A file as a source; its format is found by its bytes, then by its name.

    Raises:
        NotFoundError: there is no such file.
        FormatError: it is none of the formats that can be read.
    """
    shown = name or str(path)
    if not path.is_file():
        raise NotFoundError(f"{shown} does not exist, or is no file.", path=shown)
    if format is not None and format not in FORMATS:
        raise OptionError(
            f"{format!r} is no format: one of {', '.join(FORMATS)} is allowed.",
            path=shown,
            option="format",
            received=format,
            allowed=FORMATS,
        )
    return Source(name=shown, path=path, format=format or detect_format(path, name=shown))


def detect_format(path: Path, *, name: str) -> Format:
    """Name a file's format.

    Raises:
        FormatError: its first bytes are those of something else.
    """
    head = read_head(path, size=64 << 10)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path, name=name)
    known = next((what for magic, what in _MAGIC if head.startswith(magic)), None)
    if known:
        raise FormatError(name, received=f"it is {known}", advice=f"Formats: {', '.join(FORMATS[:-1])}.")
    if not head:
        return _by_suffix(name) or "csv"
    encoding, _ = guess_encoding(head, name=name)
    first = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:2]
    by_name = _by_suffix(name)
    if by_name in ("parquet", "xlsx"):
        raise FormatError(
            name, received=f"its bytes are not those of {by_name}", advice="Was it cut short, or misnamed?"
        )
    if by_name in ("csv", None) and first[:1] in "{[" and _looks_like_json(head.decode(encoding, "replace")):
        return "json"
    return by_name or "csv"


def is_readable(name: str) -> bool:
    """Whether a file's name ends as that of a format that can be read, `.gz` after it or not."""
    return _by_suffix(name) is not None


def _by_suffix(name: str) -> Format | None:
    path = Path(name.lower())
    return _SUFFIXES.get(path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix)


def _looks_like_json(text: str) -> bool:
    start = text.lstrip("\ufeff \t\r\n")
    inner = start[1:].lstrip()[:1]
    return (start.startswith("{") and inner in ('"', "}")) or (start.startswith("[") and inner in ("{", "]"))


def _zipped(path: Path, *, name: str) -> Format:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            if "xl/workbook.xml" in archive.namelist():
                return "xlsx"
    except zipfile.BadZipFile as error:
        raise FormatError(
            name, received=f"the workbook is damaged ({error})", advice="Save it again."
        ) from error
    raise FormatError(name, received="it is a zip archive", advice="Unpack it, or use .gz.")


def _files(item: str) -> tuple[list[Path], list[str]]:
    path = Path(item)
    if path.is_dir():
        inside = sorted(
            child for child in path.iterdir() if child.is_file() and not child.name.startswith(".")
        )
        known = [child for child in inside if _by_suffix(child.name)]
        if not known:
            raise NotFoundError(
                f"The folder {item} holds no file to read: known are {', '.join(sorted(_SUFFIXES))}, "
                "also with .gz.",
                path=item,
            )
        return known, [
            f"{child} was passed over: its suffix is not known." for child in _without(inside, known)
        ]
    if not path.exists() and glob.has_magic(item):
        matched = sorted(Path(found) for found in glob.glob(item, recursive=True))
        files = [found for found in matched if found.is_file()]
        if not files:
            raise NotFoundError(f"No file matches {item}.", path=item)
        return files, []
    return [path], []


def _without(paths: Iterable[Path], known: Iterable[Path]) -> list[Path]:
    excluded = set(known)
    return [path for path in paths if path not in excluded]


def _standard_input(stdin: BinaryIO | None, *, folder: Path, format: Format | None) -> Source:
    target = new_path(folder)
    with target.open("wb") as out:
        shutil.copyfileobj(stdin or sys.stdin.buffer, out, 1 << 20)
    return file_source(target, name="-", format=format)


def _database(item: str, *, options: Options) -> Source:
    kind, _, rest = item.partition(":")
    dsn, found, table = rest.rpartition("?table=")
    if not found:
        dsn, table = rest, options.table or ""
    shown = f"{kind}:…?table={table}" if kind != "sqlite" else f"sqlite:{dsn}?table={table}"
    if not table or not dsn:
        raise SourceDatabaseError(
            f"{shown} names no table: write {kind}:{'file.db' if kind == 'sqlite' else 'dsn'}?table=people.",
            path=shown,
        )
    if kind == "postgresql":
        kind, dsn = "postgres", item.rpartition("?table=")[0] if found else item
    return Source(
        name=shown,
        path=Path(dsn) if kind == "sqlite" else Path(),
        format="database",
        database=cast(Literal["sqlite", "postgres"], kind),
        dsn=dsn,
        table=table,
    )
