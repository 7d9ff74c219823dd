"""Totals of columns: every digit, by currency, of all that matches and that the actor sees."""

from __future__ import annotations

from decimal import Decimal

from crm_core import records
from crm_core.model import parse_condition
from crm_core.totals import Total, read_totals
from tests.crm_core.conftest import ADMIN, OTHER, Crm

FIELDS = ("name", "age", "score", "credit")
ROWS = [
    {"name": "Anna", "age": 30, "score": "0.100001", "credit": {"amount": "0.10", "currency": "EUR"}},
    {"name": "Bert", "age": 40, "score": "0.200002", "credit": {"amount": "0.20", "currency": "EUR"}},
    {"name": "Cora", "age": None, "credit": {"amount": "99999999999999.9999", "currency": "USD"}},
    {
        "name": "Dora",
        "age": 50,
        "folder": "active",
        "credit": {"amount": "99999999999999.9999", "currency": "USD"},
    },
]


def test_totals_are_exact_by_currency_and_of_what_the_actor_sees(crm: Crm) -> None:
    records.create(crm.lake, module="customers", values=ROWS, actor=ADMIN)
    given = {"module": "customers", "fields": FIELDS}
    assert read_totals(crm.lake, crm.catalog, actor=ADMIN, **given) == {
        "age": (Total(Decimal(120), 3),),
        "score": (Total(Decimal("0.300003"), 2),),
        "credit": (
            Total(Decimal("0.30"), 2, "EUR"),
            Total(Decimal("199999999999999.9998"), 2, "USD"),
        ),
    }
    hidden = read_totals(crm.lake, crm.catalog, actor=OTHER, **given)
    assert hidden["credit"][-1] == Total(Decimal("99999999999999.9999"), 1, "USD")


def test_totals_follow_the_filter_and_leave_out_what_has_none(crm: Crm) -> None:
    records.create(crm.lake, module="customers", values=ROWS, actor=ADMIN)
    young = parse_condition({"field": "name", "op": "eq", "value": "Cora"})
    found = read_totals(
        crm.lake, crm.catalog, module="customers", fields=FIELDS, actor=ADMIN, condition=young
    )
    assert found == {"credit": (Total(Decimal("99999999999999.9999"), 1, "USD"),)}
    assert read_totals(crm.lake, crm.catalog, module="customers", fields=["name"], actor=ADMIN) == {}
