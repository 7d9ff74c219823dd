"""What is taken off an amount: of the record itself or of its related records, of the same currency alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_core import definitions, records
from crm_core.access import Actor
from crm_core.reports.periods import Range
from crm_core.reports.run import run_report
from crm_core.workspace import prepare
from lake import Lake, LakeConfig
from tests.crm_core.conftest import Crm

ADMIN = Actor.local_admin()
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, new_catalog: object) -> Iterator[Crm]:
    """Three orders in two currencies, with returns and payments of all states."""
    folder: Path = tmp_path_factory.mktemp("shop")
    catalog = new_catalog(folder)  # type: ignore[operator]
    with Lake.open(LakeConfig(catalog=catalog, data_path=str(folder / "data"), threads=1)) as lake:
        prepare(lake)
        definitions.apply_pack(lake, "ecommerce", actor=ADMIN)
        orders = [
            _order("1", "100", "EUR", "delivered"),
            _order("2", "50", "USD", "placed"),
            _order("3", "9", "EUR", "cancelled"),
        ]
        first, second, _ = records.create(lake, module="orders", values=orders, actor=ADMIN).ids
        returns = [_refund(first, "30.50", "EUR", "refunded"), _refund(first, "10", "EUR", "refused"),
                   _refund(first, "7", "USD", "refunded"), _refund(second, "5", "USD", "refunded")]  # fmt: skip
        records.create(lake, module="returns", values=returns, actor=ADMIN)
        payment = {
            "reference": "P1",
            "order": second,
            "amount": {"amount": "20", "currency": "USD"},
            "status": "captured",
        }
        records.create(lake, module="payments", values=payment, actor=ADMIN)
        yield Crm(lake)


def _order(number: str, total: str, currency: str, status: str) -> dict[str, object]:
    amount = {"amount": total, "currency": currency}
    return {"number": number, "total": amount, "status": status, "ordered_at": f"2026-0{number}-15T10:00:00Z"}


def _refund(order: str, amount: str, currency: str, status: str) -> dict[str, object]:
    return {"order": order, "refund": {"amount": amount, "currency": currency}, "status": status}


@pytest.mark.parametrize(
    ("slug", "expected"),
    [
        pytest.param("revenue", {("2026-01-01", "EUR"): "69.5", ("2026-02-01", "USD"): "45"}, id="returns"),
        pytest.param("unpaid-orders", {("91", "USD"): "30"}, id="payments"),
    ],
)
def test_what_related_records_take_off_has_their_state_and_currency(
    shop: Crm, slug: str, expected: dict[tuple[str, str], str]
) -> None:
    catalog = shop.catalog
    found = run_report(shop.lake, catalog, catalog.reports[slug], actor=ADMIN, range=Range(), now=NOW)
    said = {(row.keys[0].value, row.currency): f"{row.value.normalize():f}" for row in found.rows}
    assert said == expected
