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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from crm_core.errors import CrmError

MOST_BOXES = 500
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


@dataclass(frozen=True)
class Uploaded:
    """A file that has come in whole: `name` as the person knows it, `path` where it lies, `size` in bytes."""

    name: str
    path: Path
    size: int


@dataclass
class _Box:
    folder: Path | None = None
    files: dict[str, Uploaded] = field(default_factory=dict)


_boxes: OrderedDict[str, _Box] = OrderedDict()
_guard = threading.Lock()


def open_box() -> str:
    """Open a box for files, and return its name; the oldest one goes when there are too many."""
    name = secrets.token_urlsafe(24)
    with _guard:
        _boxes[name] = _Box()
        gone = [_boxes.popitem(last=False)[1] for _ in range(len(_boxes) - MOST_BOXES)]
    for box in gone:
        _delete(box)
    return name


@contextmanager
def receiving(box: str, name: str) -> Iterator[BinaryIO]:
    """A file to write what comes in to; it is in the box once the block ends without an error.

    A second file of the same name takes the place of the first.

    Raises:
        UnknownBox: There is no such box.
        BoxFull: It has as many files as it may hold.
    """
    folder = _folder(box)
    handle, path = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        shown = Path(name.replace("\\", "/").replace("\x00", "")).name or "file"
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


def close_box(box: str) -> None:
    """Throw a box and its files away."""
    with _guard:
        known = _boxes.pop(box, None)
    if known is not None:
        _delete(known)


def _folder(box: str) -> Path:
    with _guard:
        known = _find(box)
        if len(known.files) >= MOST_FILES:
            raise BoxFull(MOST_FILES)
        if known.folder is None:
            known.folder = Path(tempfile.mkdtemp(prefix="merganser-upload-"))
        return known.folder


def _find(box: str) -> _Box:
    known = _boxes.get(box)
    if known is None:
        raise UnknownBox
    return known


def _delete(box: _Box) -> None:
    if box.folder is not None:
        shutil.rmtree(box.folder, ignore_errors=True)
