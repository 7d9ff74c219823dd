"""Named cursors move with the work that they stand for."""

from __future__ import annotations

import pytest

from lake import Change, Lake, LakeConfig, Transaction, cursors


def by_runner() -> Change:
    return Change(actor="system", door="runner")


def test_a_reader_that_never_read_has_no_position(lake: Lake) -> None:
    assert lake.cursors.read("flows") is None
    assert lake.cursors.read_all() == {}


def test_a_cursor_moves_with_its_transaction_and_is_there_for_others(lake_config: LakeConfig) -> None:
    with Lake.open(lake_config) as first:
        first.commit(lambda tx: cursors.advance(tx, "flows", 7), by_runner())
        first.commit(lambda tx: cursors.advance(tx, "search", 3), by_runner())
    with Lake.open(lake_config) as second:
        assert second.cursors.read_all() == {"flows": 7, "search": 3}


def test_work_that_fails_leaves_its_cursor_where_it_was(lake: Lake) -> None:
    def work(tx: Transaction) -> None:
        cursors.advance(tx, "flows", 7)
        raise ValueError

    with pytest.raises(ValueError):
        lake.commit(work, by_runner())
    assert lake.cursors.read("flows") is None


@pytest.mark.parametrize("again", [7, 5], ids=["the same", "an older one"])
def test_advancing_again_does_nothing(lake: Lake, again: int) -> None:
    lake.commit(lambda tx: cursors.advance(tx, "flows", 7), by_runner())
    assert lake.commit(lambda tx: cursors.advance(tx, "flows", again), by_runner()).value is False
    assert lake.cursors.read("flows") == 7


def test_a_cursor_is_seen_in_the_transaction_that_moves_it(lake: Lake) -> None:
    def work(tx: Transaction) -> list[int | None]:
        cursors.advance(tx, "flows", 7)
        cursors.advance(tx, "flows", 9)
        return [cursors.read(tx, "flows")]

    assert lake.commit(work, by_runner()).value == [9]


def test_a_dropped_cursor_is_forgotten(lake: Lake) -> None:
    lake.commit(lambda tx: cursors.advance(tx, "flows", 7), by_runner())
    assert lake.commit(lambda tx: cursors.drop(tx, "flows"), by_runner()).value is True
    assert lake.cursors.read("flows") is None
