"""Nothing expires by itself; what expires is told before, and nothing that somebody needs goes."""

from __future__ import annotations

import time
from datetime import timedelta

import polars as pl
import pytest

from lake import Change, Lake, catalog, cursors, maintenance, retention, table
from lake.door import Transaction
from lake.errors import LakeError, RetentionError

NOTES = table("crm", "notes")
ANNA = "00000000-0000-7000-8000-000000000001"
BEN = "00000000-0000-7000-8000-000000000002"
NOW = timedelta(0)


def commit(lake: Lake, sql: str, params: list[object] | None = None) -> int:
    def work(tx: Transaction) -> None:
        tx.execute(sql.replace("%change", f"'{tx.change_id}'"), params)

    return lake.commit(work, Change(actor="anna", door="test", reason="because")).snapshot


@pytest.fixture
def notes(lake: Lake) -> Lake:
    """Two records with a history, one of them gone."""
    commit(lake, f"CREATE TABLE {NOTES} (id uuid, body varchar, amount decimal(9, 2), change_id uuid)")
    commit(lake, f"INSERT INTO {NOTES} VALUES (?, 'one', 1.5, %change), (?, NULL, 2, %change)", [ANNA, BEN])
    commit(lake, f"UPDATE {NOTES} SET body = 'two', change_id = %change WHERE id = ?", [ANNA])
    commit(lake, f"DELETE FROM {NOTES} WHERE id = ?", [BEN])
    commit(lake, f"UPDATE {NOTES} SET amount = 3, change_id = %change WHERE id = ?", [ANNA])
    time.sleep(0.01)
    return lake


def told(lake: Lake, record: str) -> pl.DataFrame:
    return lake.history.of_record("crm", "notes", record)


def test_a_record_tells_the_same_history_after_its_snapshots_expired(notes: Lake) -> None:
    before = {record: told(notes, record) for record in (ANNA, BEN)}
    assert before[ANNA].height == 4 and before[BEN].height == 2
    report = retention.expire(notes, keep=NOW)
    assert report.snapshots > 3 and report.field_changes == 6
    for record, rows in before.items():
        assert told(notes, record).rows() == rows.rows()
    assert notes.read(f"SELECT body, amount::varchar FROM {NOTES}").rows() == [("two", "3.00")]


def test_expired_snapshots_are_gone_and_the_rest_is_there(notes: Lake) -> None:
    last = notes.snapshot()
    report = retention.expire(notes, keep=NOW)
    assert report.oldest_kept == last
    assert notes.read(f"FROM {NOTES} AT (VERSION => {last})").height == 1
    with pytest.raises(LakeError, match="No snapshot found"):
        notes.read(f"FROM {NOTES} AT (VERSION => {last - 1})")


def test_expiring_twice_copies_nothing_twice(notes: Lake) -> None:
    retention.expire(notes, keep=NOW)
    commit(notes, f"UPDATE {NOTES} SET body = 'three', change_id = %change")
    time.sleep(0.01)
    retention.expire(notes, keep=NOW)
    copied = notes.read(
        f"SELECT field, new FROM {table('ops', 'history')} WHERE record_id = ? ORDER BY snapshot, 1", [ANNA]
    )
    assert copied.rows() == [
        ("amount", "1.50"),
        ("body", "one"),
        ("body", "two"),
        ("amount", "3.00"),
        ("body", "three"),
    ]


def test_parked_snapshots_expire_too(notes: Lake) -> None:
    with notes.door.hold():
        catalog.park(notes, keep=2)
    before = told(notes, ANNA).rows()
    retention.expire(notes, keep=NOW)
    maintenance.run(notes)
    assert told(notes, ANNA).rows() == before
    with pytest.raises(LakeError, match="No snapshot found"):
        notes.read(f"FROM {NOTES} AT (VERSION => 3)")


def test_a_dry_run_tells_what_would_go_and_changes_nothing(notes: Lake) -> None:
    last = notes.snapshot()
    report = retention.expire(notes, keep=NOW, dry_run=True)
    assert (report.oldest_kept, report.snapshots > 3) == (last, True)
    assert notes.snapshot() == last
    assert notes.read(f"FROM {NOTES} AT (VERSION => {last - 1})").height == 1


def test_young_snapshots_stay(notes: Lake) -> None:
    assert retention.expire(notes, keep=timedelta(hours=1)).snapshots == 0


@pytest.mark.parametrize("by", ["a cursor", "a load"])
def test_what_is_still_needed_stays_and_the_error_names_who_needs_it(notes: Lake, by: str) -> None:
    needed = {"a load": 3} if by == "a load" else {}
    if by == "a cursor":
        notes.commit(lambda tx: cursors.advance(tx, "a cursor", 3), Change(actor="system", door="runner"))
    with pytest.raises(RetentionError, match=f"{by} .from snapshot 3") as caught:
        retention.expire(notes, keep=NOW, needed=needed)
    assert (caught.value.needed_by, caught.value.oldest_needed) == ((by,), 3)
    assert notes.read(f"FROM {NOTES} AT (VERSION => 4)").height == 2
