"""Bytes of any encoding become the same text."""

from __future__ import annotations

import gzip

import pytest

from lake.ingest import EncodingError
from tests.lake.ingest.conftest import Read

TEXT = 'name;city\r\nMüller;Köln\r\nÉlan;"Saint-\nÉtienne"\r\nŁukasz €;x\r\n'
LATIN = TEXT.replace("Łukasz €", "Lukas")


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        pytest.param(TEXT.encode("utf-8"), "utf-8", id="utf-8"),
        pytest.param(TEXT.encode("utf-8-sig"), "utf-8", id="utf-8 marked"),
        pytest.param(TEXT.encode("utf-16"), "utf-16", id="utf-16 marked"),
        pytest.param(TEXT.encode("utf-16-le"), "utf-16-le", id="utf-16 little"),
        pytest.param(TEXT.encode("utf-16-be"), "utf-16-be", id="utf-16 big"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), "utf-16", id="utf-16 big marked"),
        pytest.param(LATIN.encode("cp1252"), "windows-1252", id="windows-1252"),
        pytest.param(gzip.compress(TEXT.encode("utf-16")), "utf-16", id="packed"),
    ],
)
def test_the_encoding_is_found(read: Read, data: bytes, encoding: str) -> None:
    seen = read(data)
    assert seen.staged.files[0].encoding == encoding
    assert seen.staged.columns == ("name", "city")
    assert seen.rows[:2] == [(2, "Müller", "Köln"), (3, "Élan", "Saint-\nÉtienne")]
    assert seen.rows[2][0] == 5


def test_the_euro_sign_is_windows_not_latin(read: Read) -> None:
    assert read("price\n12 €\n".encode("cp1252")).rows == [(2, "12 €")]


def test_a_forced_encoding_is_obeyed(read: Read) -> None:
    assert read("имя\nАнна\n".encode("cp1251"), encoding="cp1251").rows == [(2, "Анна")]


@pytest.mark.parametrize("quoted", ["7", '"7"'], ids=["no quotes", "quotes"])
def test_bytes_that_are_no_text_drop_their_row_only(read: Read, quoted: str) -> None:
    seen = read(
        f"name,n\nMüller,1\nÉlä,2\n{'x' * 9},3\n".encode() + b"bad\xff,4\nok," + quoted.encode() + b"\n"
    )
    assert seen.dropped == [(5, "undecodable")]
    assert [row[0] for row in seen.rows] == [2, 3, 4, 6]


def test_latin_text_forced_to_utf_8_drops_what_it_cannot_read(read: Read) -> None:
    seen = read("name\nMüller\nAnn\n".encode("cp1252"), encoding="utf-8")
    assert (seen.rows, seen.dropped) == ([(3, "Ann")], [(2, "undecodable")])


@pytest.mark.parametrize(
    ("data", "encoding"),
    [(b"a,b\n1,2\n", "utf-16"), (b"a,b\n1,2\n", "klingon"), ("a,b\n1,2\n".encode("utf-16"), "utf-8")],
    ids=["no zero byte", "unknown", "another mark"],
)
def test_an_encoding_that_cannot_be_is_refused_with_what_to_do(
    read: Read, data: bytes, encoding: str
) -> None:
    with pytest.raises(EncodingError, match="Leave the encoding out") as raised:
        read(data, encoding=encoding)
    assert raised.value.encoding == encoding


def test_lines_split_at_a_block_boundary_keep_their_numbers(read: Read) -> None:
    # The scan reads four megabytes at a time: put CR and LF, and the bytes of a letter, on both sides of
    # the seam.
    head = "n,text\r\n"
    filler = "x" * ((4 << 20) - len(head) - 4)
    seen = read((head + f"1,{filler}é\r\n" + "2,y\r3,z\r\n").encode())
    assert [row[:2] for row in seen.rows] == [(2, "1"), (3, "2"), (4, "3")]
