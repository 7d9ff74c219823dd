"""The versions of a record, a page at a time, held against all of them read at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from lake import Change, Lake, LakeConfig, Transaction
from lake.errors import FeedError
from lake.record_versions import Asked

_ID = "018f0000-0000-7000-8000-000000000001"
_MADE = f"INSERT INTO lake.crm.things VALUES ('{_ID}', 'A', 0, $change)"
VERSIONS = 12


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """One thing: its number changes each time, its name at each third, by two people in turn, once from outside."""
    folder = tmp_path_factory.mktemp("versions")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1)
    with Lake.open(config) as lake:
        _fill(lake)
        yield lake


def _fill(lake: Lake) -> None:
    columns = "id UUID, name VARCHAR, n BIGINT, change_id UUID"
    _write(lake, f"CREATE TABLE lake.crm.things ({columns})", day=1, actor="system")
    for number in range(VERSIONS):
        sql = f"UPDATE lake.crm.things SET n = {number}, name = 'A{number // 3}', change_id = $change"
        _write(lake, sql if number else _MADE, day=number + 1, actor="anna" if number % 2 else "bob")
        if number == VERSIONS // 2:
            with lake.session() as outside:
                outside.execute("UPDATE lake.crm.things SET n = -1")


def _write(lake: Lake, sql: str, *, day: int, actor: str) -> None:
    when = datetime(2026, 3, day, 12, tzinfo=UTC)

    def work(tx: Transaction) -> None:
        tx.execute(sql, {"change": tx.change_id} if "$change" in sql else None)

    lake.commit(work, Change(actor=actor, door="test", occurred_at=when))


def _all(lake: Lake) -> pl.DataFrame:
    return lake.history.of_record("crm", "things", _ID).sort("snapshot", "field")


@pytest.mark.parametrize("most", [1, 3, VERSIONS, 100])
def test_a_page_tells_what_the_whole_history_tells_of_it(things: Lake, most: int) -> None:
    found = things.history.versions_of("crm", "things", _ID, most=most)
    whole = _all(things)
    shown = found.all["snapshot"].head(most).to_list()
    assert found.all["snapshot"].to_list() == sorted(whole["snapshot"].unique().to_list(), reverse=True)
    wanted = whole.filter(pl.col("snapshot").is_in(shown))
    told = found.fields.select(wanted.columns).sort("snapshot", "field")
    assert told.to_dicts() == wanted.to_dicts()


def test_pages_follow_each_other_to_the_first_version(things: Lake) -> None:
    pages, until = [], None
    while True:
        found = things.history.versions_of("crm", "things", _ID, asked=Asked(until=until), most=5)
        if found.all.is_empty():
            break
        pages.append(found.fields)
        until = min(found.all["snapshot"].head(5).to_list()) - 1
    whole = _all(things)
    assert pl.concat(pages).select(whole.columns).sort("snapshot", "field").to_dicts() == whole.to_dicts()


@pytest.mark.parametrize(
    ("column", "actor"), [("name", ""), ("", "anna"), ("name", "bob"), ("n", "external")]
)
def test_versions_are_asked_for_by_column_and_person(things: Lake, column: str, actor: str) -> None:
    found = things.history.versions_of("crm", "things", _ID, asked=Asked(column=column, actor=actor), most=2)
    whole = _all(things)
    fits = whole.filter((pl.col("field") == (column or "n")) & (pl.col("actor") == actor if actor else True))
    asked = found.all.filter(pl.col("asked"))["snapshot"].to_list()
    assert asked and asked == sorted(fits["snapshot"].unique().to_list(), reverse=True)
    assert sorted(found.fields["snapshot"].unique().to_list(), reverse=True) == asked[:2]


def test_versions_before_an_instant_are_those_of_earlier_instants(things: Lake) -> None:
    instant = datetime(2026, 3, 5, 12, tzinfo=UTC)
    snapshot = _all(things).filter(pl.col("occurred_at") == instant)["snapshot"][0]
    for place, days in ((f"{snapshot:020d}", [4, 3, 2, 1]), (f"{snapshot + 1:020d}", [5, 4, 3, 2, 1])):
        asked = Asked(before=(instant, place), by_time=True)
        found = things.history.versions_of("crm", "things", _ID, asked=asked).all.filter(pl.col("asked"))
        assert [one.day for one in found["occurred_at"]] == days


def test_a_column_that_is_not_told_is_refused(things: Lake) -> None:
    with pytest.raises(FeedError, match="nope"):
        things.history.versions_of("crm", "things", _ID, asked=Asked(column="nope"))
