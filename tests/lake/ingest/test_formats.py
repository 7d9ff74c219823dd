"""Parquet, XLSX, JSON and databases become the same relation of text."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import sqlite3
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from lake import Session
from lake.ingest import (
    EmptyInputError,
    FormatError,
    IngestError,
    NotFoundError,
    OptionError,
    Options,
    SourceDatabaseError,
    sniff,
    stage,
)
from tests.lake.ingest.conftest import Read, see


def test_parquet_values_become_text_and_rows_their_numbers(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    pl.DataFrame(
        {
            "id": [1, 2],
            "born": [dt.date(2024, 1, 31), None],
            "seen": [dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)] * 2,
            "tags": [["a", "b"], []],
            "text": ["x\x00y", "ok"],
        }
    ).write_parquet(path)
    seen = see(session, stage(session, [path]))
    assert seen.staged.columns == ("id", "born", "seen", "tags", "text")
    assert seen.rows == [(3, "2", None, "2024-01-02 03:04:05+00", "[]", "ok")]
    assert seen.dropped == [(2, "nul_character")]


def write_workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("People")
        date, time = (
            book.add_format({"num_format": "dd.mm.yyyy"}),
            book.add_format({"num_format": "d/m/yy h:mm"}),
        )
        sheet.write_row(1, 0, ["id", "born", "seen", "active", "", "id"])
        sheet.write_row(2, 0, ["007"])
        sheet.write_datetime(2, 1, dt.datetime(1980, 3, 1), date)
        sheet.write_datetime(2, 2, dt.datetime(2024, 3, 1, 12, 30, 59), time)
        sheet.write_boolean(2, 3, True)
        sheet.write_row(4, 0, [12.5, "unknown"])
        sheet.write(4, 5, "two\nlines")
        book.add_worksheet("Empty")


def test_a_worksheet_yields_dates_as_written_text_and_rows_of_the_sheet(
    session: Session, tmp_path: Path
) -> None:
    write_workbook(tmp_path / "book.xlsx")
    seen = see(session, stage(session, [tmp_path / "book.xlsx"]))
    assert seen.staged.columns == ("id", "born", "seen", "active", "column_5", "id_2")
    assert seen.rows == [
        (3, "007", "1980-03-01", "2024-03-01 12:30:59", "true", None, None),
        (5, "12.5", "unknown", None, None, None, "two\nlines"),
    ]


def test_a_sheet_that_is_not_there_or_empty_is_named(session: Session, tmp_path: Path) -> None:
    write_workbook(tmp_path / "book.xlsx")
    with pytest.raises(OptionError, match="People, Empty"):
        stage(session, [tmp_path / "book.xlsx"], options=Options(sheet="Orders"))
    with pytest.raises(EmptyInputError):
        stage(session, [tmp_path / "book.xlsx"], options=Options(sheet="Empty"))


def test_a_line_of_ndjson_is_a_row_and_nested_values_stay_json(read: Read) -> None:
    text = '{"a":1,"b":"x"}\n\n{"b":"ü","c":{"k":[1,2.5]},"d/~e":true}\nnot json\n[1]\n{"a":"n\\u0000x"}\n'
    seen = read(text, name="people.ndjson")
    assert seen.staged.columns == ("a", "b", "c", "d/~e")
    assert seen.rows == [(1, "1", "x", None, None), (3, None, "ü", '{"k":[1,2.5]}', "true")]
    assert seen.dropped == [(4, "invalid_json"), (5, "invalid_json"), (6, "nul_character")]


@pytest.mark.parametrize(
    "text",
    ['[{"a": 1,\n "b": "x"}, {"a": null, "c": "y"}]', '{"a": 1, "b": "x"}\n\n{"a": null,\n"c": "y"}'],
    ids=["array", "one after the other"],
)
def test_objects_of_json_are_numbered(read: Read, text: str) -> None:
    seen = read(text.encode("utf-16"), name="people.json")
    assert seen.staged.columns == ("a", "b", "c")
    assert seen.rows == [(2, "1", "x", None), (3, None, None, "y")]


def test_a_table_of_sqlite_yields_what_its_columns_really_hold(session: Session, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE people (id INTEGER, name TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?)", [(1, "Ann"), ("x7", None)])
    seen = see(session, stage(session, [f"sqlite:{tmp_path}/shop.db?table=people"]))
    assert seen.rows == [(2, "1", "Ann"), (3, "x7", None)]
    with pytest.raises(SourceDatabaseError, match="does not exist"):
        stage(session, [f"sqlite:{tmp_path}/shop.db?table=orders"])


def test_a_table_of_postgres_is_read(session: Session, postgres_server: object) -> None:
    server: Any = postgres_server
    server.psql("CREATE SCHEMA IF NOT EXISTS shop; DROP TABLE IF EXISTS shop.people;")
    server.psql(
        "CREATE TABLE shop.people AS SELECT 1 AS id, 1.50::numeric(9,2) AS amount, ARRAY['a'] AS tags;"
    )
    uri = server.get_uri()
    seen = see(session, stage(session, [f"postgres:{uri}?table=shop.people"]))
    assert seen.rows == [(2, "1", "1.50", '["a"]')]


def test_standard_input_is_read_whatever_it_is(session: Session) -> None:
    packed = gzip.compress(b'{"a": 1}\n{"a": 2}\n', mtime=0)
    seen = see(session, stage(session, ["-"], stdin=io.BytesIO(packed)))
    assert seen.rows == [(2, "1"), (3, "2")]
    assert seen.staged.files[0].path == "-"


def test_a_folder_takes_what_it_knows_and_says_what_it_passed_over(session: Session, tmp_path: Path) -> None:
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"a\n2\n", mtime=0))
    (tmp_path / "a.tsv").write_text("a\tb\n1\t2\n")
    (tmp_path / "readme.md").write_text("hello")
    staged = stage(session, [tmp_path])
    assert [Path(file.path).name for file in staged.files] == ["a.tsv", "b.csv.gz"]
    assert [note for note in staged.notes if "readme.md" in note]
    assert [Path(file.path).name for file in stage(session, [str(tmp_path / "*.tsv")]).files] == ["a.tsv"]


@pytest.mark.parametrize(
    ("name", "data", "error", "words"),
    [
        ("empty.csv", b"", EmptyInputError, "is empty"),
        ("blank.csv", b"\n \n", EmptyInputError, "is empty"),
        ("junk.csv", bytes(range(256)) * 9, FormatError, "not text"),
        ("old.csv", b"\xd0\xcf\x11\xe0rest", FormatError, "save it as .xlsx"),
        ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 999, mtime=0)[:-9], FormatError, "damaged"),
        ("cut.parquet", b"PAR1xxxx", FormatError, "Parquet"),
        ("text.parquet", b"a,b\n1,2\n", FormatError, "not those of parquet"),
        ("cut.xlsx", b"PK\x03\x04rest", FormatError, "damaged"),
        ("cut.json", b'[{"a": 1,', FormatError, "array of objects"),
        ("none.json", b"[1, 2]", FormatError, "no JSON object"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_name(
    read: Read, name: str, data: bytes, error: type[IngestError], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        read(data, name=name)
    assert name in raised.value.path


def test_a_name_that_leads_nowhere_is_said(session: Session, tmp_path: Path) -> None:
    for item in (tmp_path / "none.csv", tmp_path, str(tmp_path / "*.csv")):
        with pytest.raises(NotFoundError):
            stage(session, [item])


def test_a_cancelled_reading_leaves_the_session_usable(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")

    def cancel(phase: str, done: int, total: int) -> None:
        if phase == "scan":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage(session, [tmp_path / "a.csv"], progress=cancel)
    assert stage(session, [tmp_path / "a.csv"]).rows == 1


def test_sniffing_shows_the_first_rows_and_why(session: Session, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("Name;Betrag\nMüller;1,50\nKurz\n".encode("cp1252"))
    found = sniff(session, tmp_path / "a.csv")
    assert (found.encoding, found.columns) == ("windows-1252", ("Name", "Betrag"))
    assert found.dialect is not None and found.dialect.delimiter == ";"
    assert found.sample == (("Müller", "1,50"), ("Kurz", None))
    assert "values below" in found.header_reason
