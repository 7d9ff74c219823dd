"""What columns bring: parts of a field, one currency for several amounts, names in several languages."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.loading import LoadResult, show_source
from tests.crm_core.conftest import ADMIN
from tests.crm_core.loading.conftest import Loading

OFFERS = {
    "slug": "offers",
    "title": "name",
    "fields": [
        {"slug": "name", "kind": "text", "required": True, "made_of": ["first", "last"]},
        {"slug": "first", "kind": "text", "synonyms": ["given name"]},
        {"slug": "last", "kind": "text", "synonyms": ["surname"]},
        {"slug": "code", "kind": "text", "unique": True},
        {"slug": "price", "kind": "money"},
        {"slug": "fee", "kind": "money"},
        {"slug": "deposit", "kind": "money"},
    ],
}
AMOUNTS = "code, price, price__currency, fee, fee__currency, deposit__currency"


@pytest.fixture
def offers(loading: Loading) -> Loading:
    save(loading.crm.lake, [("module", OFFERS)], actor=Actor.system())
    return loading


def bring(offers: Loading, text: str, **more: object) -> LoadResult:
    return offers.load(text, "offers", key=("code",), source="erp", **more)  # type: ignore[arg-type]


def test_one_currency_column_serves_every_amount_without_its_own(offers: Loading) -> None:
    bring(offers, "code,name,price,fee,deposit,deposit currency,Währung\nA,x,1.5,2,3,CHF,USD\nB,y,4,,,,\n")
    assert offers.rows(AMOUNTS, "offers") == [
        ("A", Decimal("1.5"), "USD", Decimal(2), "USD", "CHF"),
        ("B", Decimal(4), "EUR", None, None, None),
    ]
    result = bring(offers, "code,name,price,fee,Währung\nA,x,1.5,2,GBP\nC,z,1,2,FOO\n")
    assert offers.rows("price__currency, fee__currency", "offers", "code = 'A'") == [("GBP", "GBP")]
    told = {(line, column, value, code) for line, column, value, code, _ in offers.rejects(result)}
    assert {(line, code) for line, _, _, code in told} == {(3, "currency")}
    assert "Währung: currency" in show_source(offers.crm.lake, "erp")


def test_a_name_is_made_of_its_parts_where_the_file_has_none(offers: Loading) -> None:
    result = bring(offers, "code,Given name,Surname\nA, Anna ,Berg\nB,,Dahl\nC,,\n")
    assert offers.rows("code, name", "offers") == [("A", "Anna Berg"), ("B", "Dahl")]
    assert offers.rejects(result) == [(4, None, None, "required", False)]


def test_a_made_name_follows_its_parts_and_keeps_what_a_person_wrote(offers: Loading) -> None:
    from crm_core import records

    bring(offers, "code,first,last,fee\nA,Anna,Berg,1\n")
    lake = offers.crm.lake
    record_id = str(lake.read("SELECT id::VARCHAR AS id FROM lake.crm.offers").item())
    records.update(lake, module="offers", record_id=record_id, values={"name": "Dr. Berg"}, actor=ADMIN)
    bring(offers, "code,first,last,fee\nA,Anna,Berg,2\n")
    assert offers.rows("name, fee::INTEGER AS fee", "offers") == [("Dr. Berg", 2)]
    bring(offers, "code,first,last,fee\nA,Anna,Dahl,2\n")
    assert offers.rows("name", "offers") == [("Anna Dahl",)]


def test_a_file_that_brings_the_name_makes_none(offers: Loading) -> None:
    bring(offers, "code,name,first,last\nA,Boss,Anna,Berg\n")
    assert offers.rows("name, first, last", "offers") == [("Boss", "Anna", "Berg")]


def test_a_name_is_made_where_its_cell_is_empty_and_only_there(offers: Loading) -> None:
    from crm_core import records

    bring(offers, "code,name,first,last\nA,,Anna,Berg\nB,Boss,Bob,Dahl\nC,  ,Cora,Eck\n")
    assert offers.rows("code, name", "offers") == [("A", "Anna Berg"), ("B", "Boss"), ("C", "Cora Eck")]
    lake = offers.crm.lake
    ids = dict(lake.read("SELECT code, id::VARCHAR AS id FROM lake.crm.offers").rows())
    for code in ("A", "B"):
        records.update(lake, module="offers", record_id=ids[code], values={"name": "Dr. X"}, actor=ADMIN)
    # The parts of A make its name and change it; those of B, which the file names itself, do not.
    bring(offers, "code,name,first,last\nA,,Anna,Fox\nB,Boss,Bobby,Dahl\nC,,Cora,Eck\n")
    assert offers.rows("code, name", "offers") == [("A", "Anna Fox"), ("B", "Dr. X"), ("C", "Cora Eck")]
