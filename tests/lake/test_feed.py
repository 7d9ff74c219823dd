"""The change feed gives each record's states, commit by commit, whatever was done to the files in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lake import Change, Lake, LakeConfig, Transaction, table
from lake.errors import FeedError, FeedExpiredError

_CHANGE = Change(actor="test", door="test")
_FLUSH = ("CALL ducklake_flush_inlined_data('lake')",)
_FULL = (
    *_FLUSH,
    "CALL ducklake_merge_adjacent_files('lake')",
    "CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)",
)
_CHECKPOINT = ("CHECKPOINT lake",)
Row = dict[str, Any]
States = dict[tuple[int, int], tuple[Row | None, Row | None]]


def _id(number: int) -> str:
    return f"01900000-0000-7000-8000-{number:012d}"


def _ids(numbers: list[int]) -> str:
    return ", ".join(f"'{_id(number)}'" for number in numbers)


def _write(lake: Lake, *statements: str) -> int:
    def work(tx: Transaction) -> None:
        for statement in statements:
            tx.execute(statement)

    return lake.commit(work, Change(actor="test", door="test")).snapshot


def _maintain(lake: Lake, calls: tuple[str, ...] = _FULL) -> None:
    with lake.session() as session:
        for call in calls:
            session.execute(call)


def _staged(lake: Lake, name: str, after: int, until: int, *, per_commit: bool = True) -> list[Row]:
    with lake.session() as session:
        count = lake.feed.stage(
            session, "crm", name, after=after, until=until, into="f", per_commit=per_commit
        )
        rows = session.read("SELECT * FROM f ORDER BY _snapshot, _id").to_dicts()
        assert count == len(rows)
        assert (
            session.read(
                "SELECT count(*) AS n FROM duckdb_tables() WHERE table_name LIKE 'f\\_\\_%' ESCAPE '\\'"
            ).item()
            == 0
        )
        return rows


def _states(rows: list[Row], columns: list[str]) -> States:
    states: States = {}
    for row in rows:
        key = (row["_snapshot"], int(row["_id"][-12:]))
        assert key not in states
        old = None if row["_kind"] == "insert" else {column: row[f"old__{column}"] for column in columns}
        new = None if row["_kind"] == "delete" else {column: row[column] for column in columns}
        states[key] = (old, new)
    return states


@pytest.fixture
def items(lake: Lake) -> Lake:
    """A table of five items, made in two commits."""
    _write(lake, "CREATE TABLE lake.crm.items (id UUID, a INT, b VARCHAR)")
    _write(
        lake, "INSERT INTO lake.crm.items VALUES " + ", ".join(f"('{_id(n)}', {n}, 'x')" for n in range(5))
    )
    return lake


def test_an_insert_an_update_and_a_delete_are_told_with_old_and_new_values(items: Lake) -> None:
    start = items.snapshot()
    first = _write(items, f"UPDATE lake.crm.items SET a = 10 WHERE id = '{_id(1)}'")
    second = _write(items, f"DELETE FROM lake.crm.items WHERE id = '{_id(2)}'")
    third = _write(items, f"INSERT INTO lake.crm.items VALUES ('{_id(9)}', 9, 'new')")
    told = [
        (row["_snapshot"], row["_kind"], row["a"], row["old__a"], row["b"], row["old__b"])
        for row in _staged(items, "items", start, third)
    ]
    assert told == [
        (first, "update", 10, 1, "x", "x"),
        (second, "delete", None, 2, None, "x"),
        (third, "insert", 9, None, "new", None),
    ]


def test_a_record_changed_twice_has_a_row_for_each_commit_or_one_for_the_window(items: Lake) -> None:
    start = items.snapshot()
    for value in (20, 30):
        end = _write(items, f"UPDATE lake.crm.items SET a = {value} WHERE id = '{_id(1)}'")
    each = [(row["_snapshot"], row["old__a"], row["a"]) for row in _staged(items, "items", start, end)]
    assert each == [(end - 1, 1, 20), (end, 20, 30)]
    whole = _staged(items, "items", start, end, per_commit=False)
    assert [(row["_snapshot"], row["_kind"], row["old__a"], row["a"]) for row in whole] == [
        (end, "update", 1, 30)
    ]


def test_an_update_without_any_difference_is_not_told(items: Lake) -> None:
    start = items.snapshot()
    end = _write(items, "UPDATE lake.crm.items SET a = a")
    assert _staged(items, "items", start, end) == []
    end = _write(items, "UPDATE lake.crm.items SET a = 0 WHERE a < 2")
    assert [row["_id"] for row in _staged(items, "items", start, end)] == [_id(1)]


def test_there_and_back_again_is_no_change_of_the_window(items: Lake) -> None:
    start = items.snapshot()
    _write(items, "UPDATE lake.crm.items SET b = 'y'")
    end = _write(items, "UPDATE lake.crm.items SET b = 'x'")
    assert _staged(items, "items", start, end, per_commit=False) == []
    assert len(_staged(items, "items", start, end)) == 10


def test_an_empty_window_gives_an_empty_table_with_all_columns(items: Lake) -> None:
    now = items.snapshot()
    with items.session() as session:
        assert items.feed.stage(session, "crm", "items", after=now, until=now, into="f") == 0
        columns = session.read("SELECT * FROM f").columns
    assert columns == ["_id", "_snapshot", "_kind", "id", "a", "b", "old__id", "old__a", "old__b"]


def test_a_table_made_within_the_window_is_told_from_its_first_row(items: Lake) -> None:
    rows = _staged(items, "items", 0, items.snapshot())
    assert [(row["_kind"], row["a"]) for row in rows] == [("insert", n) for n in range(5)]
    end = _write(items, f"CREATE TABLE lake.crm.copies AS SELECT * FROM lake.crm.items WHERE id = '{_id(1)}'")
    assert [row["_kind"] for row in _staged(items, "copies", 0, end)] == ["insert"]


def test_rows_of_a_file_that_was_registered_are_inserts(items: Lake, tmp_path: Path) -> None:
    start = items.snapshot()
    file = tmp_path / "rows.parquet"
    items.read(f"COPY (SELECT '{_id(7)}'::UUID AS id, 7 AS a, 'f' AS b) TO '{file}' (FORMAT parquet)")
    end = _write(items, f"CALL ducklake_add_data_files('lake', 'items', '{file}', schema => 'crm')")
    assert [(row["_kind"], row["a"]) for row in _staged(items, "items", start, end)] == [("insert", 7)]


def test_a_column_added_within_the_window_counts_with_its_default_all_the_time(items: Lake) -> None:
    start = items.snapshot()
    _write(items, f"UPDATE lake.crm.items SET a = 10 WHERE id = '{_id(1)}'")
    _write(items, "ALTER TABLE lake.crm.items ADD COLUMN c VARCHAR DEFAULT 'usual'")
    end = _write(items, f"UPDATE lake.crm.items SET c = 'special' WHERE id = '{_id(2)}'")
    for per_commit in (True, False):
        rows = _staged(items, "items", start, end, per_commit=per_commit)
        assert [(row["old__c"], row["c"]) for row in rows] == [("usual", "usual"), ("usual", "special")]


def test_a_column_renamed_or_widened_within_the_window_keeps_its_values(items: Lake) -> None:
    start = items.snapshot()
    _write(items, f"UPDATE lake.crm.items SET b = 'y' WHERE id = '{_id(1)}'")
    _write(
        items,
        "ALTER TABLE lake.crm.items RENAME COLUMN b TO bb",
        "ALTER TABLE lake.crm.items ALTER a TYPE BIGINT",
    )
    end = _write(items, f"UPDATE lake.crm.items SET a = 5000000000 WHERE id = '{_id(1)}'")
    for per_commit in (True, False):
        rows = _staged(items, "items", start, end, per_commit=per_commit)
        assert [row["old__bb"] for row in rows] == (["x", "y"] if per_commit else ["x"])
        assert (rows[0]["old__a"], rows[-1]["a"], rows[-1]["bb"]) == (1, 5000000000, "y")


def test_a_column_dropped_and_made_again_has_no_value_from_before(items: Lake) -> None:
    start = items.snapshot()
    _write(items, f"UPDATE lake.crm.items SET b = 'y' WHERE id = '{_id(1)}'")
    _write(items, "ALTER TABLE lake.crm.items DROP COLUMN b")
    _write(items, "ALTER TABLE lake.crm.items ADD COLUMN b INT")
    end = _write(items, f"UPDATE lake.crm.items SET b = 3 WHERE id = '{_id(1)}'")
    told = [(row["_snapshot"], row["old__b"], row["b"]) for row in _staged(items, "items", start, end)]
    assert told == [(end, None, 3)]


def test_a_row_touched_twice_in_one_transaction_is_told_as_it_ended(items: Lake) -> None:
    _maintain(items)
    start = items.snapshot()
    touched = _write(
        items,
        f"UPDATE lake.crm.items SET a = 50 WHERE id IN ({_ids([0, 1, 2])})",
        f"DELETE FROM lake.crm.items WHERE id IN ({_ids([1])})",
    )
    end = _write(items, f"UPDATE lake.crm.items SET b = 'z' WHERE id = '{_id(4)}'")
    told = [(row["_snapshot"], row["_kind"], row["_id"]) for row in _staged(items, "items", start, end)]
    assert told == [
        (touched, "update", _id(0)),
        (touched, "delete", _id(1)),
        (touched, "update", _id(2)),
        (end, "update", _id(4)),
    ]


@pytest.mark.parametrize("per_commit", [True, False], ids=["by commit", "by window"])
def test_an_id_that_stands_twice_is_told_once(items: Lake, per_commit: bool) -> None:
    start = items.snapshot()
    _write(items, f"INSERT INTO lake.crm.items VALUES ('{_id(8)}', 1, 'p'), ('{_id(8)}', 2, 'q')")
    end = _write(items, f"UPDATE lake.crm.items SET b = 'z' WHERE id = '{_id(4)}'")
    rows = _staged(items, "items", start, end, per_commit=per_commit)
    assert [row["_id"] for row in rows] == [_id(8), _id(4)]


def test_snapshots_parked_by_the_catalog_are_brought_back(items: Lake) -> None:
    from lake import catalog

    start = items.snapshot()
    for value in range(8):
        end = _write(items, f"UPDATE lake.crm.items SET a = {value + 10} WHERE id = '{_id(1)}'")
    catalog.park(items, keep=2)
    assert [row["a"] for row in _staged(items, "items", start, end)] == list(range(10, 18))


def test_an_expired_start_says_from_where_one_can_read(items: Lake) -> None:
    start = items.snapshot()
    end = _write(items, "UPDATE lake.crm.items SET a = a + 1")
    with items.session() as session:
        session.execute(f"CALL ducklake_expire_snapshots('lake', versions => {list(range(end))})")
        with pytest.raises(FeedExpiredError, match=str(end)) as caught:
            items.feed.stage(session, "crm", "items", after=start, until=end, into="f")
    assert (caught.value.after, caught.value.oldest) == (start, end)


@pytest.mark.parametrize(
    ("name", "after", "until", "message"),
    [
        ("nobody", 0, 2, r"no table crm\.nobody"),
        ("items", 3, 2, "ends before it begins"),
        ("items", 2, 999, "no snapshot 999"),
        ("keyless", 2, 4, "no column id"),
    ],
    ids=["no such table", "backwards", "the future", "a table without id"],
)
def test_a_window_that_cannot_be_read_says_why(
    items: Lake, name: str, after: int, until: int, message: str
) -> None:
    _write(items, "CREATE TABLE lake.crm.keyless (a INT)")
    with items.session() as session, pytest.raises(FeedError, match=message):
        items.feed.stage(session, "crm", name, after=after, until=until, into="f")


def test_the_tables_that_changed_are_named(items: Lake) -> None:
    start = items.snapshot()
    _write(items, "CREATE TABLE lake.meta.others (id UUID)")
    _write(items, "UPDATE lake.crm.items SET a = 0")
    end = _write(items, "INSERT INTO lake.meta.others VALUES (uuid())")
    assert items.feed.tables_changed(start, end) == {("crm", "items"), ("meta", "others"), ("ops", "changes")}
    assert items.feed.tables_changed(end - 1, end) == {("meta", "others"), ("ops", "changes")}
    assert items.feed.tables_changed(end, end) == set()


def test_a_name_with_quotes_is_staged_like_any_other(lake: Lake) -> None:
    name = """it's "odd" """
    _write(lake, f'CREATE TABLE {table("crm", name)} (id UUID, "a ""b" INT)')
    end = _write(lake, f"INSERT INTO {table('crm', name)} VALUES ('{_id(1)}', 4)")
    assert [row['a "b'] for row in _staged(lake, name, 0, end)] == [4]


# What is done to a table in one commit, or to all files between commits.
_SOME = st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True)
_WRITE = st.one_of(
    st.tuples(st.just("insert"), _SOME, st.integers(0, 2)),
    st.tuples(st.just("update"), _SOME, st.integers(0, 2)),
    st.tuples(st.just("delete"), _SOME, st.just(0)),
)
_KEEP = st.tuples(st.sampled_from([_FLUSH, _FULL, _CHECKPOINT]))
_STEP = st.one_of(st.lists(_WRITE, min_size=1, max_size=1), st.lists(_WRITE, min_size=2, max_size=3), _KEEP)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """One lake for all the random tables; it flushes early, so that rows lie in the catalog and in files."""
    folder = tmp_path_factory.mktemp("feed")
    config = LakeConfig(
        catalog=new_catalog(folder), data_path=str(folder / "data"), threads=1, inlined_rows=2
    )
    with Lake.open(config) as lake:
        yield lake


class _Model:
    """What the table must be, kept in a dict; a commit writes each record once, or several times when it may."""

    def __init__(self, lake: Lake, name: str) -> None:
        self.lake, self.name, self.rows = lake, name, dict[int, Row]()
        self.start = _write(lake, f"CREATE TABLE {table('crm', name)} (id UUID, a INT, b VARCHAR)")
        self.expected: States = {}

    def commit(self, writes: list[tuple[str, list[int], int]], *, again: bool) -> None:
        before, statements, seen = dict(self.rows), list[str](), set[int]()
        for kind, numbers, value in writes:
            present = kind != "insert"
            chosen = [n for n in numbers if (n in self.rows) == present and (again or n not in seen)]
            # An insert and a delete of the same record in one transaction leave traces that no reader can undo.
            if kind == "delete":
                chosen = [n for n in chosen if n in before]
            if chosen:
                statements.append(self._apply(kind, chosen, value))
                seen.update(chosen)
        if statements:
            snapshot = _write(self.lake, *statements)
            for number in before.keys() | self.rows.keys():
                pair = (before.get(number), self.rows.get(number))
                if pair[0] != pair[1]:
                    self.expected[snapshot, number] = pair

    def _apply(self, kind: str, numbers: list[int], value: int) -> str:
        place = table("crm", self.name)
        if kind == "insert":
            self.rows |= {n: {"a": value, "b": "new"} for n in numbers}
            return f"INSERT INTO {place} VALUES " + ", ".join(
                f"('{_id(n)}', {value}, 'new')" for n in numbers
            )
        if kind == "update":
            self.rows |= {n: {"a": value, "b": f"b{value}"} for n in numbers}
            return f"UPDATE {place} SET a = {value}, b = 'b{value}' WHERE id IN ({_ids(numbers)})"
        self.rows = {n: row for n, row in self.rows.items() if n not in numbers}
        return f"DELETE FROM {place} WHERE id IN ({_ids(numbers)})"


def _check_against_model(lake: Lake, steps: list[Any], *, again: bool) -> None:
    model = _Model(lake, f"t{lake.snapshot()}")
    for step in steps:
        if isinstance(step, tuple):
            _maintain(lake, step[0])
        else:
            model.commit(step, again=again)
    end = lake.snapshot()
    middle = (model.start + end) // 2
    for after, until in ((0, end), (model.start, middle), (middle, end)):
        expected = {key: pair for key, pair in model.expected.items() if after < key[0] <= until}
        if until < model.start:
            continue
        assert _states(_staged(lake, model.name, after, until), ["a", "b"]) == expected
    _write(lake, f"DROP TABLE {table('crm', model.name)}")


_EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@_EXAMPLES
@given(steps=st.lists(_STEP, min_size=3, max_size=9))
def test_the_states_told_are_those_of_the_commits(workshop: Lake, steps: list[Any]) -> None:
    _check_against_model(workshop, steps, again=False)


@_EXAMPLES
@given(steps=st.lists(_STEP, min_size=3, max_size=9))
def test_a_writer_who_touches_rows_twice_does_not_mislead(workshop: Lake, steps: list[Any]) -> None:
    _check_against_model(workshop, steps, again=True)
