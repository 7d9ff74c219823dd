"""A module as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog, save
from crm_core.export import CHUNK_ROWS, Format, export_module, table_as_csv, table_as_rows
from crm_core.export_xlsx import xlsx_pieces
from crm_core.model import parse_condition
from crm_core.workspace import prepare
from lake import Change, Lake, LakeConfig, Transaction

FIELDS = {
    "name": "text",
    "credit": "money",
    "home": "address",
    "phone": "phone",
    "extra": "json",
    "likes": "multi_select",
    "rate": "decimal",
    "seen": "datetime",
    "born": "date",
}
ROWS = """
INSERT INTO lake.crm.customers
    (id, name, credit, credit__currency, home__city, phone, extra, likes, rate, seen, born, team, folder,
     version)
VALUES
    (uuidv7(), '=cmd|x', 12.5, 'EUR', 'Berlin', '+493012345', '{"a": 1}', ['x', 'y'], 1.5,
     '2026-01-02T03:04:05.678Z', '2020-02-03', NULL, 'all', 3),
    (uuidv7(), 'Ünï, "quoted"', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'all', 3),
    (uuidv7(), 'CANARY', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'claims', 'closed', 3)
"""
Export = Callable[..., bytes]
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
AGENT = Actor("ben", "agent", ("sales",))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """A lake for all tests here: none of them writes."""
    home = tmp_path_factory.mktemp("export")
    with Lake.open(LakeConfig(catalog=new_catalog(home), data_path=str(home / "data"), threads=1)) as opened:
        prepare(opened)
        yield opened


@pytest.fixture(scope="module")
def export(lake: Lake) -> Export:
    """Exports customers from a lake with three of them, one of which stands in another team's folder."""
    fields = [{"slug": slug, "kind": kind} for slug, kind in FIELDS.items()]
    folders = [{"slug": "all"}, {"slug": "closed", "teams": ["claims"]}]
    teams = [("team", {"slug": slug, "name": slug}) for slug in ("sales", "claims")]
    module = {"slug": "customers", "title": "name", "fields": fields, "folders": folders}
    save(lake, [*teams, ("module", module)], actor=Actor.system())
    lake.commit(lambda tx: fill(tx), Change(actor="anna", door="test"))

    def run(format: Format, actor: Actor = AGENT, **given: Any) -> bytes:
        catalog = read_catalog(lake)
        return b"".join(export_module(lake, catalog, module="customers", actor=actor, format=format, **given))

    return run


def fill(tx: Transaction) -> None:
    tx.execute(ROWS)


def test_csv_keeps_values_and_disarms_formulas(export: Export) -> None:
    first = next(csv.DictReader(io.StringIO(export("csv", sort="name").decode())))
    expected = {
        "name": "'=cmd|x",
        "credit": "12.5000",
        "credit__currency": "EUR",
        "phone": "+493012345",
        "likes": "x; y",
        "seen": "2026-01-02T03:04:05.678Z",
        "born": "2020-02-03",
    }
    assert {name: first[name] for name in expected} == expected


@pytest.mark.parametrize("format", ["ndjson", "json"])
def test_json_has_the_shape_of_the_api(export: Export, format: Format) -> None:
    text = export(format, sort="name").decode()
    items = json.loads(text) if format == "json" else [json.loads(line) for line in text.splitlines()]
    assert len(items) == 2
    assert items[0]["credit"] == {"amount": "12.50", "currency": "EUR"}
    assert items[0]["extra"] == {"a": 1}
    assert items[0]["home"]["city"] == "Berlin"
    assert (items[1]["credit"], items[1]["home"], items[1]["likes"]) == (None, None, None)


def test_parquet_keeps_the_kinds_of_the_lake(export: Export) -> None:
    frame = pl.read_parquet(io.BytesIO(export("parquet", sort="name")))
    row = frame.row(0, named=True)
    assert (row["credit"], row["credit__currency"], row["likes"]) == (Decimal("12.5"), "EUR", ["x", "y"])
    assert (row["born"], row["seen"]) == (date(2020, 2, 3), datetime(2026, 1, 2, 3, 4, 5, 678000, UTC))
    assert frame.height == 2 and "deleted_at" not in frame.columns
    nobody = parse_condition({"field": "name", "op": "eq", "value": "nobody"})
    none = pl.read_parquet(io.BytesIO(export("parquet", condition=nobody)))
    assert none.height == 0 and none.schema == frame.schema


def sheets(book: bytes) -> list[list[list[tuple[str, str]]]]:
    """Sheet → row → (type, text) of each cell, as they stand in the file."""
    found = []
    with zipfile.ZipFile(io.BytesIO(book)) as parts:
        names = sorted(name for name in parts.namelist() if "worksheets/sheet" in name)
        for name in names:
            tree = ElementTree.fromstring(parts.read(name))
            assert not list(tree.iter(f"{SHEET}f")) and not list(tree.iter(f"{SHEET}hyperlink"))
            rows = [
                [(cell.get("t", "n"), "".join(cell.itertext())) for cell in row]
                for row in tree.iter(f"{SHEET}row")
            ]
            found.append(rows)
    return found


def test_excel_holds_texts_numbers_and_times_and_no_formula(export: Export) -> None:
    [[heads, first, *rest]] = sheets(export("xlsx", sort="credit"))
    assert ("inlineStr", "credit__currency") in heads and len(rest) == 1
    told = set(first)
    texts = {"=cmd|x", "EUR", "Berlin", "+493012345", "x; y", '{"a": 1}'}
    assert {("inlineStr", text) for text in texts} <= told
    # Days since 1900, as Excel counts them.
    assert {("n", "12.5000"), ("n", "1.500000"), ("n", "43864")} <= told
    assert any(kind == "n" and text.startswith("46024.1278") for kind, text in told)


def test_a_workbook_goes_on_in_another_sheet_and_loses_no_digit() -> None:
    frames = [
        pl.DataFrame({"n": [Decimal("12345678901234.5678"), Decimal(1)], "t": ["x" * 40_000, "http://a"]}),
        pl.DataFrame({"n": [Decimal(2)], "t": ["mailto:a"]}),
    ]
    first, second = sheets(b"".join(xlsx_pieces(iter(frames), sheet_rows=3)))
    (kind, number), (_, long) = first[1]
    assert (kind, number, len(long), long[-1]) == ("inlineStr", "12345678901234.5678", 32_767, "…")
    assert [first[2], second[1]] == [
        [("n", "1.0000"), ("inlineStr", "http://a")],
        [("n", "2"), ("inlineStr", "mailto:a")],
    ]


def test_many_records_come_in_order_each_once(tmp_path: Path, new_catalog: Callable[[Path], str]) -> None:
    module = {"slug": "things", "title": "name", "fields": [{"slug": "name", "kind": "text"}]}
    config = LakeConfig(catalog=new_catalog(tmp_path), data_path=str(tmp_path / "data"), threads=1)
    with Lake.open(config) as many:
        prepare(many)
        save(many, [("module", module)], actor=Actor.system())
        rows = f"SELECT uuidv7(), (hash(i) % 1000)::VARCHAR, 'all', 3 FROM range({2 * CHUNK_ROWS}) t(i)"
        insert = f"INSERT INTO lake.crm.things (id, name, folder, version) {rows}"
        many.commit(lambda tx: tx.execute(insert), Change(actor="anna", door="test"))
        given: dict[str, Any] = {"module": "things", "actor": AGENT, "sort": "-name"}
        pieces = export_module(many, read_catalog(many), **given)
        told = pl.read_csv(io.BytesIO(b"".join(pieces)), infer_schema=False)
    assert (told.height, told["id"].n_unique()) == (2 * CHUNK_ROWS, 2 * CHUNK_ROWS)
    assert told["name"].is_sorted(descending=True)


@pytest.mark.parametrize("format", ["csv", "ndjson", "json", "parquet"])
def test_nothing_stands_in_it_that_the_actor_may_not_see(export: Export, format: Format) -> None:
    assert b"CANARY" not in export(format)
    assert b"CANARY" in export(format, Actor.local_admin())


@pytest.mark.parametrize(("format", "empty"), [("json", b"[]\n"), ("ndjson", b"")])
def test_nothing_matches(export: Export, format: Format, empty: bytes) -> None:
    nobody = parse_condition({"field": "name", "op": "eq", "value": "nobody"})
    assert export(format, condition=nobody) == empty


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("=1+1", "'=1+1", id="a formula"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="an old formula"),
        pytest.param("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0", id="a command"),
        pytest.param("-2+3+cmd", "'-2+3+cmd", id="a formula that begins like a number"),
        pytest.param("\t=1", "'\t=1", id="behind a tab"),
        pytest.param("＝1+A1", "'＝1+A1", id="a wide equals sign"),
        pytest.param("-12.50", "-12.50", id="a negative number"),
        pytest.param("+49 (30) 123-45", "+49 (30) 123-45", id="a phone number"),
        pytest.param("a=b", "a=b", id="a text with an equals sign"),
    ],
)
def test_only_what_a_spreadsheet_would_run_is_quoted(lake: Lake, text: str, cell: str) -> None:
    written = table_as_csv(lake.read_arrow("SELECT CAST(? AS VARCHAR) AS t", [text])).decode()
    assert list(csv.reader(io.StringIO(written, newline="")))[1] == [cell]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        pytest.param("1.50::DECIMAL(18,4)", 1.5, id="a decimal"),
        pytest.param("'nan'::DOUBLE", None, id="not a number"),
        pytest.param("'-inf'::DOUBLE", None, id="infinity"),
        pytest.param("'2026-01-02 03:04:05+01'::TIMESTAMPTZ", "2026-01-02T02:04:05.000Z", id="an instant"),
        pytest.param(
            "'2026-01-02 03:04:05'::TIMESTAMP", "2026-01-02T03:04:05.000Z", id="an instant without zone"
        ),
        pytest.param("DATE '2026-01-02'", "2026-01-02", id="a date"),
        pytest.param("['a', NULL]", ["a", None], id="a list"),
        pytest.param(
            "uuid '0193a0b0-0000-7000-8000-000000000000'", "0193a0b0-0000-7000-8000-000000000000", id="a uuid"
        ),
        pytest.param("NULL", None, id="nothing"),
    ],
)
def test_a_row_of_a_query_is_plain_json(lake: Lake, sql: str, value: object) -> None:
    assert table_as_rows(lake.read_arrow(f"SELECT {sql} AS v")) == [{"v": value}]
