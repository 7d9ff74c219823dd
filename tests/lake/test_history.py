"""A record's past: what changed, when, by whom and why."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from lake import Change, Lake, Transaction
from lake.errors import FeedError, LakeError

_ID = "01900000-0000-7000-8000-000000000001"
_OTHER = "01900000-0000-7000-8000-000000000002"
_MAINTENANCE = (
    "CALL ducklake_flush_inlined_data('lake')",
    "CALL ducklake_merge_adjacent_files('lake')",
    "CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)",
)


@pytest.fixture
def people(lake: Lake) -> Lake:
    """A table with one record: made by a load, then changed by anna and by a flow."""
    _write(
        lake, "CREATE TABLE lake.crm.people (id UUID, name VARCHAR, age INT, tags VARCHAR[], change_id UUID)"
    )
    _write(lake, f"INSERT INTO lake.crm.people VALUES ('{_ID}', 'Ada', 36, ['x'], $change)", actor="loader")
    _write(
        lake,
        "UPDATE lake.crm.people SET name = 'Ada L.', change_id = $change",
        actor="anna",
        reason="her wish",
    )
    _write(lake, "UPDATE lake.crm.people SET age = 37, tags = ['x', 'y'], change_id = $change", actor="flow")
    return lake


def _write(lake: Lake, sql: str, *, actor: str = "test", reason: str = "", day: int = 1) -> int:
    when = datetime(2026, 3, day, 12, tzinfo=UTC)

    def work(tx: Transaction) -> None:
        tx.execute(sql, {"change": tx.change_id} if "$change" in sql else None)

    return lake.commit(work, Change(actor=actor, door="test", reason=reason, occurred_at=when)).snapshot


def _maintain(lake: Lake) -> None:
    with lake.session() as session:
        for call in _MAINTENANCE:
            session.execute(call)


def _told(lake: Lake, record: str = _ID) -> list[tuple[object, ...]]:
    history = lake.history.of_record("crm", "people", record)
    return [tuple(row) for row in history.select("field", "old", "new", "kind", "actor").iter_rows()]


_MADE = [
    ("age", None, "36", "insert", "loader"),
    ("name", None, "Ada", "insert", "loader"),
    ("tags", None, "[x]", "insert", "loader"),
]
_CHANGED = [
    ("name", "Ada", "Ada L.", "update", "anna"),
    ("age", "36", "37", "update", "flow"),
    ("tags", "[x]", "[x, y]", "update", "flow"),
]


def test_each_field_tells_its_old_and_new_value_and_who_changed_it(people: Lake) -> None:
    assert _told(people) == _MADE + _CHANGED


def test_each_change_names_its_reason_its_instant_and_its_snapshot(people: Lake) -> None:
    row = people.history.of_record("crm", "people", _ID).filter(pl.col("actor") == "anna").to_dicts()[0]
    assert (row["reason"], row["door"]) == ("her wish", "test")
    assert row["occurred_at"] == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert (
        people.read("SELECT snapshot FROM lake.ops.changes WHERE id = ?", [row["change_id"]]).item()
        == row["snapshot"]
    )


def test_maintenance_changes_nothing_of_the_past(people: Lake) -> None:
    _maintain(people)
    assert _told(people) == _MADE + _CHANGED
    _write(people, "UPDATE lake.crm.people SET age = 38, change_id = $change", actor="bob")
    _maintain(people)
    assert _told(people) == [*_MADE, *_CHANGED, ("age", "37", "38", "update", "bob")]


def test_a_version_from_outside_the_door_is_external(people: Lake) -> None:
    with people.session() as outside:
        outside.execute("UPDATE lake.crm.people SET age = 99")
    last = people.history.of_record("crm", "people", _ID).tail(1).to_dicts()[0]
    assert (last["field"], last["new"], last["actor"], last["change_id"]) == ("age", "99", "external", None)
    assert abs((datetime.now(UTC) - last["occurred_at"]).total_seconds()) < 600


@pytest.mark.parametrize("maintained", [False, True], ids=["as written", "after maintenance"])
def test_a_removed_record_ends_with_who_removed_it(people: Lake, maintained: bool) -> None:
    if maintained:
        _maintain(people)
    _write(people, "DELETE FROM lake.crm.people", actor="carl")
    for age in range(4):
        _write(people, f"INSERT INTO lake.crm.people VALUES ('{_OTHER}', 'Bo', {age}, NULL, $change)")
    assert _told(people)[-3:] == [
        ("age", "37", None, "delete", "carl"),
        ("name", "Ada L.", None, "delete", "carl"),
        ("tags", "[x, y]", None, "delete", "carl"),
    ]


def test_a_column_that_came_later_has_a_past_from_then_on(people: Lake) -> None:
    _write(people, "ALTER TABLE lake.crm.people ADD COLUMN city VARCHAR")
    _write(people, "UPDATE lake.crm.people SET city = 'Turin', change_id = $change", actor="anna")
    assert _told(people) == [*_MADE, *_CHANGED, ("city", None, "Turin", "update", "anna")]


def test_a_record_that_never_was_has_no_past(people: Lake) -> None:
    assert _told(people, _OTHER) == []


def test_a_table_that_is_not_there_says_so(people: Lake) -> None:
    with pytest.raises(FeedError, match=r"crm\.nobody"):
        people.history.of_record("crm", "nobody", _ID)


def test_what_was_expired_is_told_by_the_archive(people: Lake) -> None:
    _write(
        people,
        "INSERT INTO lake.ops.history (module, record_id, field, old, new, kind, snapshot, actor) "
        f"SELECT 'people', '{_ID}', 'name', 'Ada', 'Ada L.', 'update', 4, 'anna'",
    )
    keep = _write(people, "UPDATE lake.crm.people SET age = 40, change_id = $change", actor="dora")
    with people.session() as session:
        session.execute(f"CALL ducklake_expire_snapshots('lake', versions => {list(range(keep - 1))})")
    assert _told(people) == [
        ("name", "Ada", "Ada L.", "update", "anna"),
        ("age", "37", "40", "update", "dora"),
    ]


def test_a_table_is_read_as_of_a_snapshot_or_an_instant(people: Lake) -> None:
    late = _write(people, "UPDATE lake.crm.people SET age = 50, change_id = $change", day=9)
    moments = {
        late - 1: 37,
        late: 50,
        datetime(2026, 3, 8, tzinfo=UTC): 37,
        datetime(2026, 3, 10, tzinfo=UTC): 50,
    }
    for moment, age in moments.items():
        place = people.history.as_of("crm", "people", moment, alias="p")
        assert people.read(f"SELECT p.age FROM {place}").item() == age


def test_the_past_is_filtered_as_it_was_then(people: Lake) -> None:
    before = people.snapshot()
    _write(people, "UPDATE lake.crm.people SET age = 90")
    _maintain(people)
    assert (
        people.read(f"SELECT name FROM {people.history.as_of('crm', 'people', before)} WHERE age = 37").height
        == 1
    )
    assert people.read(f"SELECT min(age) FROM {people.history.as_of('crm', 'people', before)}").item() == 37


def test_before_the_table_was_made_there_is_nothing_to_read(people: Lake) -> None:
    with pytest.raises(LakeError):
        people.read(f"SELECT * FROM {people.history.as_of('crm', 'people', 1)}")
