"""A long stretch of the past, read with some columns alone, tells the same rows as the whole feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake import Change, Lake, LakeConfig, Transaction, table
from tests.lake.test_feed import _FULL, _STEP, _id, _ids, _maintain, _write

Row = dict[str, Any]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """One lake for all the random tables; it flushes early, so that rows lie in the catalog and in files."""
    folder = tmp_path_factory.mktemp("columns")
    config = LakeConfig(
        catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1, inlined_rows=2
    )
    with Lake.open(config) as lake:
        yield lake


def _new_table(lake: Lake, *, stamped: bool) -> tuple[str, int]:
    name, stamp = f"t{lake.snapshot()}", ", version BIGINT" if stamped else ""
    return name, _write(lake, f"CREATE TABLE {table('crm', name)} (id UUID, a INT, b VARCHAR{stamp})")


def _commit(lake: Lake, name: str, writes: list[tuple[str, list[int], int]], *, stamped: bool) -> None:
    """One commit in which each record is written once, as the write door does."""
    place = table("crm", name)
    there = {int(one[-12:]) for one in lake.read(f"SELECT id FROM {place}")["id"]}
    statements, seen = [], set[int]()
    for kind, numbers, value in writes:
        chosen = [n for n in numbers if n not in seen and (n in there) == (kind != "insert")]
        seen.update(chosen)
        rows = ", ".join(f"('{_id(n)}', {value}, 'new'{', $v' if stamped else ''})" for n in chosen)
        sets = f"a = {value}, b = 'b{value}'{', version = $v' if stamped else ''}"
        statement = {
            "insert": f"INSERT INTO {place} VALUES {rows}",
            "update": f"UPDATE {place} SET {sets} WHERE id IN ({_ids(chosen)})",
            "delete": f"DELETE FROM {place} WHERE id IN ({_ids(chosen)})",
        }[kind]
        statements += [statement] if chosen else []

    def work(tx: Transaction) -> None:
        for statement in statements:
            tx.execute(statement.replace("$v", str(tx.snapshot)))

    if statements:
        lake.commit(work, Change(actor="test", door="test"))


def _told(lake: Lake, name: str, after: int, until: int, **more: Any) -> list[Row]:
    with lake.session() as session:
        count = lake.feed.stage(session, "crm", name, after=after, until=until, into="f", **more)
        rows = session.read("SELECT _id, _snapshot, _kind, a, old__a FROM f ORDER BY ALL").to_dicts()
        left = session.read("SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'f__')")
        assert count == len(rows) and left.is_empty()
        return rows


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    steps=st.lists(_STEP, min_size=3, max_size=9), stamped=st.booleans(), wanted=st.sets(st.integers(0, 9))
)
def test_the_rows_told_are_those_of_the_whole_feed(
    workshop: Lake, steps: list[Any], stamped: bool, wanted: set[int]
) -> None:
    name, start = _new_table(workshop, stamped=stamped)
    for step in steps:
        if isinstance(step, tuple):
            _maintain(workshop, step[0])
        else:
            _commit(workshop, name, step, stamped=stamped)
    end = workshop.snapshot()
    for after, until in ((0, end), (start, (start + end) // 2), ((start + end) // 2, end)):
        if until >= start:
            whole = _told(workshop, name, after, until)
            assert _told(workshop, name, after, until, columns={"a"}) == whole
    with workshop.session() as session:
        session.execute(
            f"CREATE TEMP TABLE w AS SELECT unnest([{_ids(sorted(wanted))}]::UUID[]) AS _id"
            if wanted
            else "CREATE TEMP TABLE w (_id UUID)"
        )
        for more in ({}, {"columns": {"a"}}):
            count = workshop.feed.stage(
                session, "crm", name, after=start, until=end, into="f", only="w", **more
            )
            few = [row for row in _told(workshop, name, start, end) if int(row["_id"][-12:]) in wanted]
            rows = session.read("SELECT _id, _snapshot, _kind, a, old__a FROM f ORDER BY ALL").to_dicts()
            assert rows == few and count == len(few)
    _write(workshop, f"DROP TABLE {table('crm', name)}")


def test_only_the_wanted_columns_are_told(workshop: Lake) -> None:
    name, start = _new_table(workshop, stamped=True)
    _commit(workshop, name, [("insert", [1, 2], 1)], stamped=True)
    _commit(workshop, name, [("update", [1], 2)], stamped=True)
    with workshop.session() as session:
        end = workshop.snapshot()
        workshop.feed.stage(
            session, "crm", name, after=start, until=end, into="f", columns={"b", "gone by now"}
        )
        found = session.read("SELECT * FROM f ORDER BY _snapshot, _id")
    assert found.columns == ["_id", "_snapshot", "_kind", "b", "old__b"]
    assert found["b"].to_list() == ["new", "new", "b2"] and found["old__b"].to_list() == [None, None, "new"]


def test_a_record_that_went_and_came_back_between_two_merges_is_told_commit_by_commit(workshop: Lake) -> None:
    name, start = _new_table(workshop, stamped=True)
    for step in ([("insert", [1, 2], 1)], [("delete", [1], 0)], [("insert", [1], 1)], [("update", [2], 5)]):
        _commit(workshop, name, step, stamped=True)
        _maintain(workshop, _FULL)
    kinds = [(row["_kind"], row["a"]) for row in _told(workshop, name, start, workshop.snapshot(), columns=["a"])
             if row["_id"] == _id(1)]  # fmt: skip
    assert sorted(kinds, key=str) == [("delete", None), ("insert", 1), ("insert", 1)]
