"""The picture of a record: the first file of its field `photo`, and that made small for a heading or a list."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from crm_core import files, media, uploads
from crm_core.access import Actor
from crm_core.errors import CrmError
from crm_core.model import Field, Module
from crm_core.shape import Record
from crm_core.workspace import Workspace

PHOTO = "photo"
SIDE = 96
"""Pixels of a small picture's sides: twice what a heading shows, for sharp screens."""

MOST_PIXELS = 60_000_000
"""A larger picture is not opened: what is small as a file can fill the memory."""

_SMALL = "small"
_READABLE = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
}


class NoPicture(CrmError):
    """A file that was to be a picture cannot be opened as one."""

    status = 422

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is no picture that can be opened; choose a PNG, JPEG, GIF or WebP of a usual size."
        )


def picture_field(module: Module) -> Field | None:
    """The field that keeps the picture of a module's records, where it has one."""
    field = module.field(PHOTO)
    return field if field is not None and field.kind == "file" else None


def picture_of(module: Module, record: Record) -> str | None:
    """The file of a record's picture."""
    kept = record.get(PHOTO) if picture_field(module) is not None else None
    return str(kept[0]) if kept else None


def small(folder: Path, place: Path) -> Path | None:
    """A small square of a picture, made when it is asked for first; None when it is no picture that can be opened.

    What a camera notes of place and time is left out.

    Args:
        folder: the folder of uploaded files.
        place: the picture, by whose digest it is called.
    """
    made = folder / _SMALL / place.name[:2] / f"{place.name}-{SIDE}.webp"
    if not made.is_file():
        square = _square(place)
        if square is None:
            return None
        _write(square, made)
    return made


def store_picture(
    workspace: Workspace,
    box: str,
    *,
    actor: Actor,
    about: tuple[str, str] | None = None,
    also: Mapping[str, Any] | None = None,
) -> str | None:
    """Keep the picture that a browser has sent into a box, which is closed; its file, None for an empty box.

    The other arguments are those of `files.store_box`.

    Raises:
        NoPicture: What came is none, whatever its name says.
    """
    came = uploads.files_in(box)
    if not came:
        return None
    square = _square(came[-1].path)
    if square is None:
        uploads.close_box(box)
        raise NoPicture(came[-1].name)
    file_id = files.store_box(workspace, box, actor=actor, about=about, also=also)[-1]
    uploads.close_box(box)
    small(workspace.settings.files_path, files.open_file(workspace, file_id=file_id, actor=actor).place)
    return file_id


def _square(place: Path) -> Image.Image | None:
    """A picture as a small square, upright; None for what is none, or breaks off."""
    kind = _READABLE.get(media.sniff(media.read_head(place)))
    if kind is None:
        return None
    try:
        with Image.open(place, formats=[kind]) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return None
            picture.draft("RGB", (2 * SIDE, 2 * SIDE))
            return ImageOps.fit(ImageOps.exif_transpose(picture).convert("RGBA"), (SIDE, SIDE))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _write(square: Image.Image, made: Path) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=made.parent, delete=False) as file:
        square.save(file, "WEBP", quality=82)
    os.replace(file.name, made)
