"""Bytes to UTF-8 text: one pass that hashes, counts and checks; a rewritten copy only where one is needed."""

from __future__ import annotations

import codecs
import errno
import gzip
import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from lake.errors import StorageFullError
from lake.ingest.errors import EmptyInputError, EncodingError, FormatError
from lake.ingest.model import Newline, Progress

_BLOCK = 4 << 20
_SAMPLE = 256 << 10

# Unicode reserves these for a program's own use: they are in no text that was meant for interchange.
BAD_BYTE = "\ufdd0"  # followed by the byte's two hexadecimal digits
WAS_CRLF = "\ufdd1"  # stands before LF where the file had CR LF
WAS_CR = "\ufdd2"  # stands before LF where the file had CR alone
_SPARE = ("\x1f", "\x1e", "\x02", "\x03")
_SIGNS = ('"', "'", "\\", "\x00")

_BOMS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(rb"[\x00-\x06\x0e-\x1a\x7f]")


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file as UTF-8 text that DuckDB can read line by line.

    Attributes:
        path: the file itself, or its rewritten copy.
        newline: what ends its lines; "mixed" when all end in LF and some carry `WAS_CRLF` or `WAS_CR`
            before it.
        lines: physical lines, a last one without an end included.
        trailing_blank: how many of them are empty at the end.
        present: which of the two quotes (followed by a space: with one beside it), backslash, U+0000 and
            `BAD_BYTE` occur.
        spare: a control character that does not occur, to serve as the delimiter that splits nothing.
    """

    path: Path
    sha256: str
    bytes: int
    encoding: str
    encoding_reason: str
    newline: Newline
    lines: int
    trailing_blank: int
    present: frozenset[str]
    spare: str


@dataclass(kw_only=True)
class _Counts:
    """What one pass over a text's bytes sees; `multibyte` and `bad` count characters and bytes outside
    ASCII.
    """

    lf: int = 0
    cr: int = 0
    crlf: int = 0
    tail: bytes = b""
    valid_utf8: bool = True
    multibyte: int = 0
    bad: int = 0
    present: set[str] = field(default_factory=set)
    spare: list[str] = field(default_factory=lambda: list(_SPARE))

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")

    def add(self, block: bytes) -> None:
        self.lf += int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) == 0x0A))
        if b"\r" in block:
            self.cr += block.count(b"\r")
            self.crlf += block.count(b"\r\n")
        if self.tail.endswith(b"\r") and block.startswith(b"\n"):
            self.crlf += 1
        found = {sign for sign in _SIGNS if sign.encode() in block}
        for quote in found & {'"', "'"}:
            if _has_space_beside(self.tail[-1:] + block, quote.encode()):
                found.add(f"{quote} ")
        self.present |= found
        self.tail = block[-4096:] if len(block) >= 4096 else (self.tail + block)[-4096:]
        self.spare = [sign for sign in self.spare if sign.encode() not in block]
        if not block.isascii() or not self.valid_utf8:
            if BAD_BYTE.encode() in block:
                self.present.add(BAD_BYTE)
            self._judge(block)

    def finish(self) -> None:
        try:
            self._decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.valid_utf8 = False
            self.bad += 1

    def _judge(self, block: bytes) -> None:
        if self.valid_utf8:
            try:
                self._decoder.decode(block)
            except UnicodeDecodeError:
                self.valid_utf8 = False
                self._decoder.reset()
            else:
                # A character beyond ASCII begins with a byte of this range, and has no other one of it.
                self.multibyte += int(np.count_nonzero(np.frombuffer(block, dtype=np.uint8) >= 0xC0))
                return
        # A character cut in two by the block's end counts as bad here: one in millions, and the majority
        # decides.
        text = block.decode("utf-8", "replace")
        bad = text.count("\ufffd")
        self.bad += bad
        self.multibyte += len(text) - len(text.encode("ascii", "ignore")) - bad

    @property
    def newline(self) -> Newline:
        if self.cr == 0:
            return "\n"
        return "\r\n" if self.lf == self.cr == self.crlf else "mixed"

    @property
    def lines(self) -> int:
        ends = self.lf + self.cr - self.crlf
        return ends if self.tail.endswith((b"\n", b"\r")) or not self.tail else ends + 1

    @property
    def trailing_blank(self) -> int:
        end = self.tail[len(self.tail.rstrip(b"\r\n")) :]
        return max(end.count(b"\n") + end.count(b"\r") - end.count(b"\r\n") - 1, 0)


def read_text(
    path: Path, *, name: str, folder: Path, encoding: str | None = None, progress: Progress | None = None
) -> Text:
    """Make a file readable as UTF-8 text, with a copy in `folder` only where it must be rewritten.

    That is when it is compressed, in another encoding, or mixes line ends. Memory stays bounded.

    Args:
        path: the file's bytes.
        name: the file as the user knows it, for messages.
        folder: a temporary folder that outlives the returned `Text`.
        encoding: the encoding to insist on; found out when not given.
        progress: called with the phase "scan", the bytes done and the bytes in all.

    Raises:
        EmptyInputError: there is no byte in it.
        FormatError: it is no text, or a damaged gzip file.
        EncodingError: it is no text in the encoding asked for.
        StorageFullError: no room for the copy.
    """
    try:
        plain = unpacked(path, name=name, folder=folder)
        head = read_head(plain, size=_SAMPLE)
        if not head:
            raise EmptyInputError(name)
        found, reason = guess_encoding(head, name=name, asked=encoding)
        sha256, counts = _scan(path, plain, progress=progress)
        if found == "utf-8" and not counts.valid_utf8 and encoding is None:
            found, reason = _judged(counts)
        newline = counts.newline
        if newline != "mixed" and _readable_as_is(found, counts):
            readable = plain
        else:
            readable, counts, newline = _rewrite(plain, folder=folder, encoding=found, name=name)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise StorageFullError(detail=str(error), file=str(folder)) from error
        raise
    if not counts.spare:
        raise FormatError(
            name, received="it holds every control character there is", advice="It seems to be no text."
        )
    return Text(
        path=readable,
        sha256=sha256,
        bytes=path.stat().st_size,
        encoding=found,
        encoding_reason=reason,
        newline=newline,
        lines=counts.lines,
        trailing_blank=counts.trailing_blank,
        present=frozenset(counts.present),
        spare=counts.spare[0],
    )


def read_head(path: Path, *, size: int) -> bytes:
    """The first bytes of a file, unpacked when it is a gzip file."""
    with path.open("rb") as file:
        head = file.read(size)
    if head[:2] != b"\x1f\x8b":
        return head
    try:
        with gzip.open(path) as packed:
            return packed.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(str(path), error) from error


def guess_encoding(head: bytes, *, name: str, asked: str | None = None) -> tuple[str, str]:
    """Name the encoding of a text by its first bytes, and say why; utf-8 stands for "not known better yet".

    Raises:
        EncodingError: the encoding asked for is unknown or contradicted by the bytes.
        FormatError: the bytes are no text.
    """
    marked = next((encoding for bom, encoding in _BOMS if head.startswith(bom)), None)
    wide = _unmarked_wide(head) if marked is None else None
    if asked is not None:
        return _insisted(asked, head=head, name=name, marked=marked or wide), "as asked for"
    if marked is not None:
        return marked, "the byte order mark says so"
    if wide is not None:
        return wide, "every other byte is zero"
    controls = _CONTROLS.findall(head)
    if len(set(controls)) >= 4 and len(controls) > len(head) / 100:
        raise FormatError(
            name,
            received=f"its bytes are not text ({len(controls)} control characters at its start)",
            advice="Give a CSV, TSV, JSON, Parquet or XLSX file, or one of these as .gz.",
        )
    return "utf-8", "its bytes are valid UTF-8"


def unpacked(path: Path, *, name: str, folder: Path) -> Path:
    """The path of a file's own bytes: itself, or a copy in `folder` when it is a gzip file."""
    with path.open("rb") as file:
        if file.read(2) != b"\x1f\x8b":
            return path
    target = new_path(folder)
    try:
        with gzip.open(path) as packed, target.open("wb") as out:
            while block := packed.read(_BLOCK):
                out.write(block)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _damaged(name, error) from error
    return target


def new_path(folder: Path) -> Path:
    """A fresh file name in a temporary folder."""
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        return Path(file.name)


def hash_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _scan(path: Path, plain: Path, *, progress: Progress | None) -> tuple[str, _Counts]:
    digest, counts = hashlib.sha256(), _Counts()
    size, done = plain.stat().st_size, 0
    for block in _blocks(plain):
        counts.add(block)
        if plain == path:
            digest.update(block)
        done += len(block)
        if progress:
            progress("scan", done, size)
    counts.finish()
    return (digest.hexdigest() if plain == path else hash_file(path)), counts


def _has_space_beside(data: bytes, quote: bytes) -> bool:
    codes = np.frombuffer(data, dtype=np.uint8)
    at = np.flatnonzero(codes == quote[0])
    before = codes[at[at > 0] - 1]
    after = codes[at[at < len(codes) - 1] + 1]
    return bool((before == ord(" ")).any() or (after == ord(" ")).any())


def _readable_as_is(encoding: str, counts: _Counts) -> bool:
    ascii_only = counts.valid_utf8 and not counts.multibyte
    single_byte = encoding in ("ascii", "windows-1252") or encoding.startswith("iso8859")
    return (encoding == "utf-8" and counts.valid_utf8) or (single_byte and ascii_only)


def _judged(counts: _Counts) -> tuple[str, str]:
    if counts.multibyte > counts.bad:
        return "utf-8", f"most of it is valid UTF-8, {counts.bad:,} bytes are not"
    return "windows-1252", "its letters beyond ASCII are single bytes"


def _insisted(asked: str, *, head: bytes, name: str, marked: str | None) -> str:
    try:
        codec = codecs.lookup(asked).name
        "".encode(codec)
    except (LookupError, TypeError) as error:
        raise EncodingError(name, encoding=asked, detail="no such encoding is known") from error
    is_wide = codec.startswith(("utf-16", "utf-32"))
    if is_wide and b"\x00" not in head:
        raise EncodingError(name, encoding=asked, detail="it holds no zero byte, which such a text needs")
    if marked is not None and marked.startswith(("utf-16", "utf-32")) and not is_wide:
        raise EncodingError(name, encoding=asked, detail=f"its first bytes are those of {marked}")
    if codec == "utf-8-sig":
        return "utf-8"
    return "windows-1252" if codec == "cp1252" else codec


def _unmarked_wide(head: bytes) -> str | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half and odd > 0.3 * half and even < 0.05 * half:
        return "utf-16-le"
    if half and even > 0.3 * half and odd < 0.05 * half:
        return "utf-16-be"
    return None


def _rewrite(plain: Path, *, folder: Path, encoding: str, name: str) -> tuple[Path, _Counts, Newline]:
    copy, counts = _transcode(plain, target=new_path(folder), encoding=encoding, mark=False, name=name)
    if counts.newline != "mixed":
        return copy, counts, counts.newline
    marked, counts = _transcode(copy, target=new_path(folder), encoding="utf-8", mark=True, name=name)
    copy.unlink()
    return marked, counts, "mixed"


def _transcode(source: Path, *, target: Path, encoding: str, mark: bool, name: str) -> tuple[Path, _Counts]:
    decoder = codecs.getincrementaldecoder(encoding)("merganser_bad_byte")
    counts, held, first = _Counts(), "", True
    with target.open("wb") as out:
        for block in (*_blocks(source), b""):
            try:
                text = held + decoder.decode(block, final=not block)
            except UnicodeError as error:
                raise EncodingError(name, encoding=encoding, detail=str(error)) from error
            if first:
                text, first = text.removeprefix("\ufeff"), False
            # A CR at the block's end may belong to an LF at the next one's start.
            held = "\r" if mark and block and text.endswith("\r") else ""
            text = text[: len(text) - len(held)]
            if mark:
                text = text.replace("\r\n", WAS_CRLF + "\n").replace("\r", WAS_CR + "\n")
            data = text.encode("utf-8", "surrogatepass")
            counts.add(data)
            out.write(data)
    counts.finish()
    return target, counts


def _keep_bad_bytes(error: UnicodeError) -> tuple[str, int]:
    wrong = cast(UnicodeDecodeError, error)
    bad = wrong.object[wrong.start : wrong.end]
    return "".join(f"{BAD_BYTE}{byte:02x}" for byte in bad), wrong.end


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := _read_block(file):
            yield block


def _read_block(file: BinaryIO) -> bytes:
    return file.read(_BLOCK)


def _damaged(name: str, error: Exception) -> FormatError:
    return FormatError(
        name, received=f"the gzip file is damaged ({error})", advice="Make it again, or give it unpacked."
    )


codecs.register_error("merganser_bad_byte", _keep_bad_bytes)
