"""Maintenance changes how a table lies on disk, and nothing that anybody can read."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from lake import Change, Lake, catalog, maintenance, table

NOTES = table("crm", "notes")
EAGER = maintenance.Policy(inlined_rows=1, dead_share=0.3)


def run_sql(lake: Lake, sql: str) -> int:
    return lake.commit(lambda tx: tx.execute(sql), Change(actor="anna", door="test")).snapshot


@pytest.fixture
def notes(lake: Lake) -> Lake:
    run_sql(lake, f"CREATE TABLE {NOTES} (id integer, body varchar)")
    return lake


def past(lake: Lake, snapshot: int) -> list[tuple[object, ...]]:
    return lake.read(f"FROM {NOTES} AT (VERSION => {snapshot}) ORDER BY ALL").rows()


def churn(lake: Lake, rounds: int) -> dict[int, list[tuple[object, ...]]]:
    """Inserts, updates and deletes in memory and in files; returns every state by its snapshot."""
    states: dict[int, list[tuple[object, ...]]] = {}
    for number in range(rounds):
        start = number * 100
        for sql in (
            f"INSERT INTO {NOTES} SELECT {start} + range, 'new' FROM range({20 if number % 2 else 700})",
            f"UPDATE {NOTES} SET body = 'changed {number}' WHERE id % 7 = {number % 7}",
            f"DELETE FROM {NOTES} WHERE id % 11 = {number % 11}",
        ):
            snapshot = run_sql(lake, sql)
            states[snapshot] = past(lake, snapshot)
    return states


def test_every_state_reads_the_same_after_maintenance(notes: Lake) -> None:
    states: dict[int, list[tuple[object, ...]]] = {}
    for _ in range(3):
        states |= churn(notes, 2)
        report = maintenance.run(notes, policy=EAGER)
        assert "crm.notes" in report.tables
    assert {snapshot: past(notes, snapshot) for snapshot in states} == states
    assert notes.read(f"FROM {NOTES} ORDER BY ALL").rows() == states[max(states)]


def notes_state(lake: Lake) -> maintenance.TableState:
    [state] = [state for state in maintenance.read_states(lake) if state.name == "notes"]
    return state


def test_small_writes_become_one_small_file(notes: Lake) -> None:
    for number in range(3):
        run_sql(notes, f"INSERT INTO {NOTES} VALUES ({number}, 'x')")
        maintenance.run(notes, policy=EAGER)
        assert (notes_state(notes).inlined, len(notes_state(notes).files)) == (0, 1)


def test_files_with_a_few_deleted_rows_do_not_pile_up(notes: Lake) -> None:
    for number in range(12):
        run_sql(notes, f"INSERT INTO {NOTES} SELECT {number}, 'x' FROM range(200)")
        run_sql(
            notes, f"DELETE FROM {NOTES} WHERE rowid = (SELECT min(rowid) FROM {NOTES} WHERE id = {number})"
        )
        maintenance.run(notes, policy=maintenance.Policy(inlined_rows=1))
    assert len(notes_state(notes).files) < 5
    assert notes.read(f"SELECT count(*) FROM {NOTES}").item() == 12 * 199


def test_a_file_of_deleted_rows_is_rewritten(notes: Lake) -> None:
    run_sql(notes, f"INSERT INTO {NOTES} SELECT range, 'x' FROM range(2000)")
    run_sql(notes, f"DELETE FROM {NOTES} WHERE id < 1500")
    report = maintenance.run(notes, policy=EAGER)
    assert report.rewritten_files == 1
    assert [(rows, deleted) for _, rows, deleted in notes_state(notes).files] == [(500, 0)]


def test_it_is_due_only_when_there_is_something_to_do(notes: Lake) -> None:
    policy = maintenance.Policy(inlined_rows=10)
    maintenance.run(notes, everything=True)
    assert not maintenance.should_run(notes, policy=policy)
    run_sql(notes, f"INSERT INTO {NOTES} SELECT range, 'x' FROM range(10)")
    assert maintenance.should_run(notes, policy=policy)
    assert maintenance.run(notes, policy=policy).tables == ("crm.notes",)
    before = notes.snapshot()
    maintenance.run(notes, policy=policy)
    assert notes.snapshot() == before


def test_readers_and_writers_go_on_meanwhile(notes: Lake) -> None:
    stop = threading.Event()
    problems: list[BaseException] = []
    written: list[int] = []

    def write() -> None:
        try:
            while not stop.is_set():
                run_sql(notes, f"INSERT INTO {NOTES} VALUES ({len(written)}, 'x')")
                written.append(len(written))
        except BaseException as error:
            problems.append(error)

    def read() -> None:
        try:
            seen = 0
            while not stop.is_set():
                now = notes.read(f"SELECT count(*) AS n, count(DISTINCT id) AS d FROM {NOTES}").row(0)
                assert now[0] == now[1] >= seen
                seen = now[0]
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=write), threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        maintenance.run(notes, policy=EAGER)
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join(timeout=30)
    assert problems == []
    assert notes.read(f"SELECT id FROM {NOTES} ORDER BY id")["id"].to_list() == written


def test_orphans_go_when_they_are_older_than_any_load(notes: Lake) -> None:
    run_sql(notes, f"INSERT INTO {NOTES} SELECT range, 'x' FROM range(2000)")
    folder = Path(notes.config.data_path) / "crm" / "notes"
    young, old = folder / "young.parquet", folder / "old.parquet"
    for file in (young, old):
        pl.DataFrame({"id": [1]}).write_parquet(file)
    os.utime(old, (time.time() - 3 * 86400,) * 2)
    assert maintenance.run(notes).removed_files == 1
    assert young.exists() and not old.exists()
    assert notes.read(f"FROM {NOTES}").height == 2000


def test_merged_files_stay_for_whoever_still_reads_them(notes: Lake) -> None:
    for _ in range(2):
        run_sql(notes, f"INSERT INTO {NOTES} SELECT range, 'x' FROM range(1000)")
    folder = Path(notes.config.data_path) / "crm" / "notes"
    before = set(folder.glob("*.parquet"))
    maintenance.run(notes, policy=EAGER)
    assert before < set(folder.glob("*.parquet"))
    patient = maintenance.Policy(old_files_after=timedelta(days=-2))
    assert maintenance.run(notes, policy=patient).removed_files == 2
    assert not before & set(folder.glob("*.parquet"))
    assert notes.read(f"FROM {NOTES}").height == 2000


def test_parked_snapshots_are_read_like_any_other(notes: Lake) -> None:
    if notes.config.kind == "postgres":
        assert catalog.park(notes, keep=1) == 0
        return
    states = churn(notes, 2)
    oldest = min(states)
    with notes.door.hold():
        assert catalog.park(notes, keep=2) > len(states) - 2
    assert past(notes, oldest) == states[oldest]
    with notes.session() as session:
        sql = f"SELECT count(*) AS n FROM {NOTES} AT (VERSION => {oldest + 1})"
        assert session.read(sql).item() == len(states[oldest + 1])
    copied = run_sql(
        notes, f"INSERT INTO {NOTES} SELECT id, 'copy' FROM {NOTES} AT (VERSION => {oldest + 2})"
    )
    assert len(past(notes, copied)) == len(states[max(states)]) + len(states[oldest + 2])


def test_parking_and_bringing_back_loses_no_snapshot(notes: Lake) -> None:
    churn(notes, 2)
    sql = "SELECT count(*) AS n FROM ducklake_snapshot"
    before = int(catalog.query(notes, sql)[0]["n"])
    with notes.session() as session:
        for _ in range(2):
            with notes.door.hold():
                catalog.park(notes, keep=2)
            notes.door.bring_back(session.cursor, None)
    assert int(catalog.query(notes, sql)[0]["n"]) == before
