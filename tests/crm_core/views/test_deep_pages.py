"""Pages far down a long list, held against the same list put in order as a whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_core import definitions
from crm_core.model import parse_condition
from crm_core.query import read_page
from crm_core.search import search_module
from crm_core.search_page import Window
from lake import Change, Lake, table
from tests.crm_core.views.conftest import ADMIN, Small, config_in

ROWS = 40_000
ORDERS = {
    "name": "name NULLS LAST, id",
    "-updated_at": "updated_at DESC NULLS LAST, id",
    "-country,credit": "country DESC NULLS LAST, credit NULLS LAST, id",
    "-credit": "credit DESC NULLS LAST, id",
    "company": "id",
    "": "id",
}
"""Sort → the order as SQL; nobody has a company, so that ids alone decide."""
_FILL = f"""
    INSERT INTO {table("crm", "customers")} BY NAME
    SELECT uuid() AS id, 'open' AS folder, 'new' AS status, 'N' || (hash(i) % 900) AS name, $version AS version,
           CASE i % 3 WHEN 0 THEN 'DE' WHEN 1 THEN 'AT' END AS country,
           CASE WHEN i % 5 > 0 THEN i % 700 / 7 END AS credit, 'EUR' AS credit__currency,
           TIMESTAMPTZ '2026-01-01 00:00:00Z' + INTERVAL (i % 300) HOUR AS updated_at, now() AS created_at
    FROM range({ROWS}) AS r(i)
"""


@pytest.fixture(scope="module", params=["lake", "serving copy"])
def many(
    made: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Small]:
    """Many customers with few different values, some of them missing."""
    folder = tmp_path_factory.mktemp("deep") / "small"
    shutil.copytree(made, folder)
    with Lake.open(config_in(folder)) as lake:
        change = Change(actor="test", door="test")
        lake.commit(lambda tx: tx.execute(_FILL, {"version": tx.snapshot}), change)
        if request.param == "serving copy":
            lake.start_mirror()
        yield Small(lake, definitions.read_catalog(lake))


def ordered(small: Small, sort: str, *, where: str = "true") -> list[str]:
    place = table("crm", "customers")
    sql = f"SELECT CAST(id AS VARCHAR) AS id FROM {place} WHERE {where} ORDER BY {ORDERS[sort]}"
    return list(small.lake.read(sql)["id"])


@pytest.mark.parametrize("sort", ORDERS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), limit=st.sampled_from([1, 50, 700]), off=st.sampled_from([0, 0, 900, -900]))
def test_any_page_is_that_of_the_whole_order(
    many: Small, sort: str, place: float, limit: int, off: int
) -> None:
    whole = many.ids.setdefault(sort, " ".join(ordered(many, sort))).split()
    first = int(place * ROWS)
    asked = {"sort": sort, "offset": first, "limit": limit, "expected": ROWS + off}
    found = read_page(many.lake, many.catalog, module="customers", actor=ADMIN, **asked)
    assert [one["id"] for one in found.items] == whole[first : first + limit]
    assert (found.total, found.next is not None) == (ROWS, first + limit < ROWS)


@pytest.mark.parametrize("sort", ["name", "-updated_at", "-credit"])
@pytest.mark.parametrize("first", [1_500, 20_000, 38_990, 39_990])
@pytest.mark.parametrize("counted", [True, False])
def test_a_window_of_the_list_is_that_of_the_whole_order(
    many: Small, sort: str, first: int, counted: bool
) -> None:
    whole = many.ids.setdefault(sort, " ".join(ordered(many, sort))).split()
    window = Window(100, offset=first, counted=counted, expected=ROWS)
    found = search_module(many.lake, many.catalog, module="customers", actor=ADMIN, sort=sort, window=window)
    assert [one.id for one in found.items] == whole[first : first + 100]
    assert found.total == (ROWS if counted else -1)


def test_a_page_of_what_matches_is_exact_after_the_list_has_changed(many: Small) -> None:
    condition = parse_condition({"field": "country", "op": "eq", "value": "DE"})
    asked = {"condition": condition, "sort": "name", "offset": 6_000, "limit": 20}
    before = read_page(many.lake, many.catalog, module="customers", actor=ADMIN, **asked, expected=13_334)
    assert before.total == 13_334
    sql = f"UPDATE {table('crm', 'customers')} SET country = 'FR', version = $v WHERE country = 'DE' AND name < 'N5'"
    change = Change(actor="test", door="test")
    many.lake.commit(lambda tx: tx.execute(sql, {"v": tx.snapshot}), change)
    many.ids.clear()
    whole = ordered(many, "name", where="country = 'DE'")
    for first in (2_000, 3_000, 6_000):
        found = read_page(
            many.lake,
            many.catalog,
            module="customers",
            actor=ADMIN,
            **asked | {"offset": first},
            expected=13_334,
        )
        assert [one["id"] for one in found.items] == whole[first : first + 20]
        assert found.total == len(whole) < 13_334
