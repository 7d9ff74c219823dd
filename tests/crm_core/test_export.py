"""A module as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crm_core.access import Actor
from crm_core.definitions import read_catalog, save
from crm_core.export import Format, export_module, table_as_csv, table_as_rows
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

    def run(format: Format, actor: Actor = AGENT, **given: object) -> bytes:
        catalog = read_catalog(lake)
        return b"".join(
            export_module(lake, catalog, module="customers", actor=actor, format=format, **given)  # type: ignore[arg-type]
        )

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
