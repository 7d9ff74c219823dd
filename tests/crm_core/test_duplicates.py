"""Likely duplicates: the same address, the same number however it is written, a similar name; only what one may see."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.access import Actor
from crm_core.duplicates import Likely, likely
from tests.crm_core.conftest import ADMIN, OTHER, Crm


@pytest.fixture(scope="module")
def people(shared: Crm) -> dict[str, str]:
    """Three customers: one with a second number, one of the service team alone, one deleted name apart."""
    anna = shared.create(name="Anna Berger", email="anna@berger.example", phone="030 1234567")
    shared.create("contact_points", customer=anna, kind="phone", value="0171 2345678")
    hidden = shared.create(name="Boris Quast", email="boris@quast.example", folder="active", team="service")
    return {"anna": anna, "hidden": hidden, "zoe": shared.create(name="Zoe Wild")}


def found(crm: Crm, actor: Actor = ADMIN, without: str = "", **values: Any) -> tuple[Likely, ...]:
    return likely(crm.lake, crm.catalog, module="customers", values=values, actor=actor, without=without)


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        pytest.param({"email": "Anna@BERGER.example"}, ("email",), id="address in other letters"),
        pytest.param({"phone": "+49 (30) 1234567"}, ("phone",), id="number with its country"),
        pytest.param({"phone": "+491712345678"}, ("phone",), id="second number"),
        pytest.param({"name": "anna  bergr"}, ("name",), id="a letter missing"),
        pytest.param({"name": "Anna Berger", "phone": "030/1234567"}, ("name", "phone"), id="two reasons"),
    ],
)
def test_a_record_is_found_by_what_speaks_for_it(
    shared: Crm, people: dict[str, str], values: dict[str, str], reasons: tuple[str, ...]
) -> None:
    assert [(one.id, one.reasons) for one in found(shared, **values)] == [(people["anna"], reasons)]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"email": "anna@"},
        {"phone": "12"},
        {"name": "Ann"},
        {"name": "Wilhelmina Anna Bergerhausen"},
        {"name": "' OR 1=1 --", "email": "x' OR ''='@y.example"},
    ],
    ids=["nothing", "half an address", "half a number", "too short", "another name", "markup of SQL"],
)
def test_nothing_is_found_by_what_is_unfinished_or_other(
    shared: Crm, people: dict[str, str], values: dict[str, str]
) -> None:
    assert found(shared, **values) == ()


def test_the_record_itself_is_no_duplicate(shared: Crm, people: dict[str, str]) -> None:
    record = shared.read(people["anna"])
    assert found(shared, without=people["anna"], **record) == ()


def test_what_somebody_may_not_see_is_not_told(shared: Crm, people: dict[str, str]) -> None:
    asked = {"email": "boris@quast.example", "name": "Boris Quast"}
    assert [one.id for one in found(shared, **asked)] == [people["hidden"]]
    assert found(shared, OTHER, **asked) == ()


def test_names_count_only_where_they_are_asked_for(shared: Crm, people: dict[str, str]) -> None:
    asked = {"name": "Zoe Wild"}
    none = likely(shared.lake, shared.catalog, module="customers", values=asked, actor=ADMIN, names=False)
    assert none == () and found(shared, **asked)[0].score == 1
    assert (
        likely(shared.lake, shared.catalog, module="tasks", values={"title": "Zoe Wild"}, actor=ADMIN) == ()
    )
