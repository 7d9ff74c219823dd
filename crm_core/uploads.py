"""Files on their way in from a browser: a page opens a box, the browser sends files into it, the page takes them.

The faces of one process share the boxes. The name of a box is a secret between the page and its browser.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from crm_core.errors import CrmError
from crm_core.media import unturned

MOST_BOXES = 5_000
MOST_FILES = 1_000


class UnknownBox(CrmError):
    """Nobody opened a box of that name here, or it was thrown away."""

    status = 404

    def __init__(self) -> None:
        super().__init__(
            "There is no such box for files any more. Load the page again, and choose the files anew."
        )


class BoxFull(CrmError):
    """A box has as many files as it may hold."""

    status = 413

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(
            f"There are {most:,} files already; load these first, or put the others into one file."
        )


class FileTooLarge(CrmError):
    """A file is larger than what a box takes."""

    status = 413

    def __init__(self, name: str, most: int) -> None:
        self.most = most
        super().__init__(
            f"{name} is larger than {in_words(most)}, the most that a file may have here. "
            "Send a smaller one, or a link to it."
        )


@dataclass(frozen=True)
class Uploaded:
    """A file that has come in whole: `name` as the person knows it, `path` where it lies, `size` in bytes."""

    name: str
    path: Path
    size: int


@dataclass
class _Box:
    most_bytes: int | None = None
    folder: Path | None = None
    files: dict[str, Uploaded] = field(default_factory=dict)


_boxes: OrderedDict[str, _Box] = OrderedDict()
_guard = threading.Lock()


def open_box(*, most_bytes: int | None = None) -> str:
    """Open a box for files, and return its name; the oldest one goes when there are too many.

    Args:
        most_bytes: the largest file that it takes; any when None.
    """
    name = secrets.token_urlsafe(24)
    with _guard:
        _boxes[name] = _Box(most_bytes)
        gone = [_boxes.popitem(last=False)[1] for _ in range(len(_boxes) - MOST_BOXES)]
    for box in gone:
        _delete(box)
    return name


@contextmanager
def receiving(box: str, name: str, *, announced: int = 0) -> Iterator[Callable[[bytes], None]]:
    """What writes the pieces of a file that comes in; it is in the box once the block ends without an error.

    A second file of the same name takes the place of the first.

    Args:
        box: the box.
        name: the file's name.
        announced: how many bytes it is said to have, 0 when nothing is said: too many are refused at once.

    Raises:
        UnknownBox: There is no such box.
        BoxFull: It has as many files as it may hold.
        FileTooLarge: The file is larger than the box takes; also raised by what writes the pieces.
    """
    shown = Path(unturned(name).replace("\\", "/").replace("\x00", "")).name or "file"
    folder, most = _room(box)
    if most is not None and announced > most:
        raise FileTooLarge(shown, most)
    handle, path = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            yield partial(_write, file, shown, most)
        whole = Uploaded(shown, Path(path), Path(path).stat().st_size)
        with _guard:
            known = _find(box)
            before = known.files.pop(shown, None)
            known.files[shown] = whole
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    if before is not None:
        before.path.unlink(missing_ok=True)


def files_in(box: str) -> tuple[Uploaded, ...]:
    """The files that have come into a box whole, in their order; none for a box that is not there."""
    with _guard:
        known = _boxes.get(box)
        return tuple(known.files.values()) if known else ()


def take(box: str) -> tuple[Uploaded, ...]:
    """Take the files that have come in whole out of a box, which stays open; whoever takes them deletes them."""
    with _guard:
        known = _boxes.get(box)
        if known is None:
            return ()
        taken = tuple(known.files.values())
        known.files.clear()
    return taken


def remove(box: str, files: Collection[Uploaded]) -> None:
    """Delete files that came into a box, which stays open; what came in meanwhile stays."""
    with _guard:
        known = _boxes.get(box)
        if known is not None:
            known.files = {name: one for name, one in known.files.items() if one not in files}
    for one in files:
        one.path.unlink(missing_ok=True)


def close_box(box: str) -> None:
    """Throw a box and its files away."""
    with _guard:
        known = _boxes.pop(box, None)
    if known is not None:
        _delete(known)


def in_words(size: int) -> str:
    """A number of bytes as people read it: `0 B`, `1.4 MB`, `200 MB`."""
    step, units = 0, ("B", "kB", "MB", "GB", "TB")
    amount = float(size)
    while amount >= 999.5 and step < len(units) - 1:
        amount, step = amount / 1000, step + 1
    number = f"{amount:.1f}".removesuffix(".0") if amount < 10 and step else f"{amount:.0f}"
    return f"{number} {units[step]}"


def _write(file: BinaryIO, name: str, most: int | None, piece: bytes) -> None:
    if most is not None and file.tell() + len(piece) > most:
        raise FileTooLarge(name, most)
    file.write(piece)


def _room(box: str) -> tuple[Path, int | None]:
    """Where the files of a box lie, and how large one may be."""
    with _guard:
        known = _find(box)
        if len(known.files) >= MOST_FILES:
            raise BoxFull(MOST_FILES)
        if known.folder is None:
            known.folder = Path(tempfile.mkdtemp(prefix="merganser-upload-"))
        return known.folder, known.most_bytes


def _find(box: str) -> _Box:
    known = _boxes.get(box)
    if known is None:
        raise UnknownBox
    return known


def _delete(box: _Box) -> None:
    if box.folder is not None:
        shutil.rmtree(box.folder, ignore_errors=True)
