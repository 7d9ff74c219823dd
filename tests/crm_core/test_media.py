"""What a file is by its bytes, and what is told when its ending says otherwise."""

from __future__ import annotations

import io
import zipfile

import pytest
from PIL import Image

from crm_core import media


def picture(kind: str) -> bytes:
    """A picture as a program of others writes it."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (10, 120, 200)).save(out, kind)
    return out.getvalue()


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "AVIF"])
def test_pictures_are_known_and_may_be_shown(kind: str) -> None:
    head = picture(kind)
    assert media.sniff(head) == media.shown_as(head) == f"image/{kind.lower()}"


@pytest.mark.parametrize(
    ("name", "content", "kept", "told"),
    [
        ("offer.pdf", b"%PDF-1.7\n", "application/pdf", ""),
        ("offer.pdf", b"MZ\x90\0\3", "application/x-msdownload", "says .pdf, is a program"),
        ("offer.PDF", b"#!/bin/sh\n", "text/x-shellscript", "says .pdf, is a program"),
        ("logo.png", b"<svg onload='alert(1)'>", "image/svg+xml", "says .png, is a web page"),
        ("logo.png", b"\xff\xd8\xff\xe0", "image/jpeg", ""),
        ("logo.png", b"\0\1\2\3\4\5", "application/octet-stream", "says .png, is something else"),
        ("old.ico", b"\0\0\1\0\1\0", "application/octet-stream", ""),
        ("list.csv", b"a;b\n1;2\n", "text/csv", ""),
        ("list.csv", archive("a.csv"), "application/zip", "says .csv, is an archive"),
        ("note.txt", b"", "application/x-empty", ""),
        ("call.mp3", b"ID3\4\0", "audio/mpeg", ""),
        ("call.mp3", b"RIFF\0\0\0\0WAVEfmt ", "audio/wav", ""),
        ("call.webm", b"\x1a\x45\xdf\xa3\0\0webm\0A_OPUS", "audio/webm", ""),
        ("anything", b"MZ\x90\0\3", "application/x-msdownload", ""),
        ("MZ.txt", b"MZ begins this text", "text/plain", ""),
    ],
)  # fmt: skip
def test_the_bytes_win_over_the_ending_and_a_person_is_told(
    name: str, content: bytes, kept: str, told: str
) -> None:
    found = media.settled(content, name=name)
    assert (found, media.mismatch(name, found)) == (kept, told)


def test_an_office_document_is_one_by_its_ending_and_as_an_archive() -> None:
    content = archive("[Content_Types].xml", "word/document.xml")
    found = media.settled(content, name="Vertrag.docx")
    assert media.family(found) == "office" and media.shown_as(content) is None
    assert not media.mismatch("Vertrag.docx", found)


def test_who_sends_a_file_may_say_what_text_it_is_but_not_that_it_is_text() -> None:
    assert media.settled(b"BEGIN:VCALENDAR", name="invite", said="text/calendar") == "text/calendar"
    assert media.settled(b"MZ\x90\0\3", name="invite", said="text/calendar") == "application/x-msdownload"


@pytest.mark.parametrize(
    ("head", "charset"),
    [("grüße".encode(), "utf-8"), ("grüße".encode()[:3], "utf-8"), ("grüße und mehr".encode("cp1252"), "windows-1252"),
     ("grüße".encode("utf-16"), "utf-16")],
    ids=["utf-8", "cut letter", "windows", "utf-16"],
)  # fmt: skip
def test_text_is_read_in_its_charset(head: bytes, charset: str) -> None:
    assert media.charset(head) == charset
