"""Pictures made small: upright, without what a camera notes, and never of what is none."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from crm_core.pictures import SIDE, small

RED, BLUE = (220, 20, 20), (20, 20, 220)


def place(folder: Path, content: bytes) -> Path:
    found = folder / "ab12"
    found.write_bytes(content)
    return found


def photo(kind: str = "JPEG", size: tuple[int, int] = (400, 200), orientation: int = 1) -> bytes:
    """Red on the left, blue on the right; a camera may say that it is to be turned."""
    picture = Image.new("RGB", size, BLUE)
    picture.paste(RED, (0, 0, size[0] // 2, size[1]))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "A camera"
    out = io.BytesIO()
    picture.save(out, kind, **({"exif": exif} if kind == "JPEG" else {}))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_a_picture_is_made_small_once(tmp_path: Path, kind: str) -> None:
    original = place(tmp_path, photo(kind))
    made = small(tmp_path, original)
    assert made is not None
    with Image.open(made) as picture:
        assert (picture.size, picture.format) == ((SIDE, SIDE), "WEBP") and not picture.getexif()
        assert picture.convert("RGB").getpixel((4, 48))[0] > 180  # type: ignore[index]
    written = made.stat().st_mtime_ns
    assert small(tmp_path, original) == made and made.stat().st_mtime_ns == written


def test_a_picture_stands_upright_as_its_camera_says(tmp_path: Path) -> None:
    made = small(tmp_path, place(tmp_path, photo(orientation=6)))
    assert made is not None
    with Image.open(made) as picture:
        top, bottom = (picture.convert("RGB").getpixel((48, y)) for y in (4, SIDE - 4))
    assert (top[0] > 150, bottom[2] > 150) == (True, True)  # type: ignore[index]


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90\0", b"<svg onload='1'/>", b"\x89PNG\r\n\x1a\nbroken", photo()[:300], photo("PNG", (9000, 9000))],
    ids=["empty", "program", "svg", "only begins", "breaks off", "fills the memory"],
)  # fmt: skip
def test_what_is_no_picture_is_made_none(tmp_path: Path, content: bytes) -> None:
    assert small(tmp_path, place(tmp_path, content)) is None
