"""Numbers over HTTP: the exact value, or a refusal that says what is kept; never a rounded one."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

GOODS = "value_of_goods"
SHIPMENTS = "/v1/modules/shipments/records"
Make = Callable[..., dict[str, Any]]


def sent(admin: TestClient, field: str, literal: str) -> tuple[int, Any]:
    """The status, and the value as it is answered with all its digits or the code of what is wrong."""
    body = f'{{"route": "N", "mode": "sea", "{field}": {literal}}}'
    answer = admin.post(SHIPMENTS, content=body, headers={"Content-Type": "application/json"})
    told = json.loads(answer.text, parse_float=Decimal)
    if answer.status_code != 201:
        return answer.status_code, [(one["field"], one["code"]) for one in told["errors"]]
    again = json.loads(admin.get(f"{SHIPMENTS}/{told['id']}").text, parse_float=Decimal)
    assert again[field] == told[field]
    return 201, told[field]


@pytest.mark.parametrize(
    ("field", "literal", "value"),
    [
        pytest.param("packages", "9223372036854775807", 9223372036854775807, id="the largest whole number"),
        pytest.param("packages", "1e3", 1000, id="a whole number with an exponent"),
        pytest.param("packages", "12.0", 12, id="a whole number with a point"),
        pytest.param("weight_kg", "1e3", 1000, id="an exponent"),
        pytest.param("weight_kg", '"1E-6"', Decimal("0.000001"), id="a negative exponent as text"),
        pytest.param("weight_kg", "123456789012.123456", Decimal("123456789012.123456"), id="all 18 digits"),
        pytest.param("weight_kg", "0.10000000000000000000", Decimal("0.1"), id="zeros at the end"),
        pytest.param("weight_kg", "1000000000e-9", 1, id="an exponent that zeros make good"),
        pytest.param(GOODS, '{"amount": 12345678901234.1234, "currency": "EUR"}',
                     {"amount": "12345678901234.1234", "currency": "EUR"}, id="an amount of 18 digits"),
        pytest.param(GOODS, '{"amount": "1e3", "currency": "EUR"}',
                     {"amount": "1000.00", "currency": "EUR"}, id="money with an exponent"),
    ],
)  # fmt: skip
def test_a_number_comes_back_as_it_was_sent(admin: TestClient, field: str, literal: str, value: Any) -> None:
    assert sent(admin, field, literal) == (201, value)


@pytest.mark.parametrize(
    ("field", "literal", "code"),
    [
        pytest.param("packages", "9223372036854775808", "type", id="a whole number too large"),
        pytest.param("packages", "1e400", "type", id="a whole number without end"),
        pytest.param("packages", "1.5", "type", id="half a package"),
        pytest.param("packages", '"1e3"', "type", id="an exponent in the text of a whole number"),
        pytest.param("weight_kg", "1E-7", "scale", id="a seventh decimal by an exponent"),
        pytest.param("weight_kg", "0.1234567", "scale", id="a seventh decimal"),
        pytest.param("weight_kg", '"123456789012.1234567"', "scale", id="a seventh decimal as text"),
        pytest.param("weight_kg", "1e400", "type", id="no double"),
        pytest.param("weight_kg", "1e99999999999999999999", "type", id="no number at all"),
        pytest.param("weight_kg", "-1e-400", "type", id="next to nothing"),
        pytest.param("weight_kg", "1234567890123", "type", id="13 digits before the point"),
        pytest.param("weight_kg", f"0.{'3' * 300}", "scale", id="300 decimals"),
        pytest.param(GOODS, '{"amount": "12.34567", "currency": "EUR"}', "scale", id="a fifth decimal of money"),
        pytest.param(GOODS, '"12.34567 EUR"', "scale", id="a fifth decimal of money with its currency"),
        pytest.param(GOODS, '{"amount": 1e15, "currency": "EUR"}', "type", id="money beyond 14 digits"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_kept_is_refused(
    admin: TestClient, field: str, literal: str, code: str
) -> None:
    assert sent(admin, field, literal) == (422, [(field, code)])


def test_a_refusal_says_how_many_digits_are_kept(admin: TestClient) -> None:
    answer = admin.post(
        SHIPMENTS,
        json={"route": "N", "mode": "sea", "weight_kg": "0.1234567", "value_of_goods": "1.23456 EUR"},
    )
    words = {one["field"]: one["message"] for one in answer.json()["errors"]}
    assert (
        "more than the 6 digits" in words["weight_kg"] and "more than the 4 digits" in words["value_of_goods"]
    )


def test_pages_by_a_long_number_meet_every_row_once(admin: TestClient, make: Make) -> None:
    weights = [f"12345678901.12345{last}" for last in range(1, 6)]
    for weight in weights:
        make("shipments", route="Paged", mode="sea", weight_kg=weight)
    wanted = json.dumps({"field": "route", "op": "eq", "value": "Paged"})
    asked: dict[str, Any] = {"filter": wanted, "sort": "weight_kg", "limit": 1}
    seen: list[str] = []
    for _ in range(9):
        page = json.loads(admin.get(SHIPMENTS, params=asked).text, parse_float=str)
        seen += [item["weight_kg"] for item in page["items"]]
        if page["next"] is None:
            break
        asked["after"] = page["next"]
    assert seen == weights
