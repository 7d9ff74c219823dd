"""Uploads on their way: written to disk as they come, and looked at for their size in rows."""

import csv
import gzip
import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

import pyarrow.parquet as parquet
from anyio import to_thread
from fastapi import Request
from starlette.datastructures import UploadFile

from api.errors import BodyInvalid
from lake.ingest import Source, file_source

_CHUNK = 1 << 20
_ROW_OF_A_SHEET = b"<row "


@dataclass(frozen=True)
class Spooled:
    """A file that was handed in, in a folder of its own; whoever is done with it throws it away."""

    source: Source
    folder: Path

    def discard(self) -> None:
        """Throw it away."""
        shutil.rmtree(self.folder, ignore_errors=True)


async def spool(request: Request, name: str) -> Spooled:
    """Write the body of a request to disk as it comes: the `file` of a form, else the body itself.

    Args:
        request: the request, whose body is read in pieces.
        name: what to call a bare body; its ending says what it is where its bytes do not.

    Raises:
        BodyInvalid: A form without a `file`.
        FormatError: It is none of the formats that can be read.
    """
    folder = Path(await to_thread.run_sync(partial(tempfile.mkdtemp, prefix="merganser-upload-")))
    path = folder / "upload"
    try:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            name = await _from_form(request, path) or name
        else:
            with path.open("wb") as file:
                async for piece in request.stream():
                    await to_thread.run_sync(file.write, piece)
        return Spooled(await to_thread.run_sync(partial(file_source, path, name=Path(name).name)), folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


async def _from_form(request: Request, path: Path) -> str | None:
    async with request.form(max_files=1) as form:
        upload = form.get("file")
        if not isinstance(upload, UploadFile):
            raise BodyInvalid("the form has no file under the name `file`")
        await to_thread.run_sync(_copy, upload.file, path)
        return upload.filename


def _copy(source: IO[bytes], path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(source, file, _CHUNK)


def has_more_rows(source: Source, limit: int) -> bool:
    """Whether a file has more rows than `limit`; reads no more of it than it takes to tell."""
    match source.format:
        case "parquet":
            return int(parquet.read_metadata(source.path).num_rows) > limit
        case "xlsx":
            return _sheet_rows(source.path, limit + 1) > limit + 1
        case "json":
            return _at_most(_pieces(source.path), b"{", limit) > limit
    if _at_most(_pieces(source.path), b"\n", limit + 2) <= limit + 1:
        return False
    # Line ends within quotes are no rows: count again as CSV has it.
    with _opened(source.path) as raw:
        text = io.TextIOWrapper(raw, encoding="latin-1", newline="")
        return sum(1 for _, _ in zip(_rows(text), range(limit + 2), strict=False)) > limit + 1


def _rows(text: io.TextIOWrapper) -> Iterator[list[str]]:
    csv.field_size_limit(1 << 30)
    yield from csv.reader(text)


def _at_most(pieces: Iterator[bytes], mark: bytes, most: int) -> int:
    found = 0
    for piece in pieces:
        found += piece.count(mark)
        if found > most:
            break
    return found


def _sheet_rows(path: Path, most: int) -> int:
    """Rows of the largest sheet of a workbook, as far as they are counted."""
    with zipfile.ZipFile(path) as book:
        sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        counts = []
        for name in sheets:
            with book.open(name) as sheet:
                counts.append(_at_most(iter(lambda: sheet.read(_CHUNK), b""), _ROW_OF_A_SHEET, most))
    return max(counts, default=0)


def _pieces(path: Path) -> Iterator[bytes]:
    with _opened(path) as file:
        while piece := file.read(_CHUNK):
            yield piece


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
        plain.seek(0)
        if packed:
            with gzip.open(plain) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield plain
