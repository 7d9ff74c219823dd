"""The write door: one writer, one transaction, its provenance, and what happens when something goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lake import Change, Lake, LakeConfig, Transaction, engine, new_id, table
from lake.errors import LakeError, LakeLockedError, StatementError, TransactionAbortedError
from lake.lock import WRITER_KEY, connect_postgres

NOTES = table("crm", "notes")
CHANGES = table("ops", "changes")


def by_anna(**more: object) -> Change:
    return Change(actor="anna", door="test", **more)  # type: ignore[arg-type]


def insert(*numbers: int, lake: Lake) -> int:
    sql = f"INSERT INTO {NOTES} (id) SELECT unnest(?::integer[])"
    return lake.commit(lambda tx: tx.execute(sql, [list(numbers)]), by_anna()).snapshot


def ids(lake: Lake) -> list[int]:
    return lake.read(f"SELECT id FROM {NOTES} ORDER BY id")["id"].to_list()


@pytest.fixture
def notes(lake: Lake) -> Lake:
    lake.commit(lambda tx: tx.execute(f"CREATE TABLE {NOTES} (id integer NOT NULL, body varchar)"), by_anna())
    return lake


def test_a_commit_stands_in_the_changes_with_its_snapshot(notes: Lake) -> None:
    then = datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)
    cause, load = new_id(), new_id()
    change = Change(
        actor="ben", door="api", reason="asked", load_id=load, cause_id=cause, depth=2, occurred_at=then
    )
    done = notes.commit(lambda tx: (tx.change_id, tx.snapshot, tx.occurred_at), change)
    assert done.value == (change.id, done.snapshot, then)
    found = notes.read(f"FROM {CHANGES} WHERE id = ?", [change.id]).row(0)
    assert found == (change.id, "ben", "api", "asked", load, None, cause, 2, then, done.snapshot)


def test_the_snapshot_that_rows_are_stamped_with_is_the_one_they_appear_in(notes: Lake) -> None:
    sql = f"INSERT INTO {NOTES} VALUES (?, NULL)"
    done = notes.commit(lambda tx: tx.execute(sql, [tx.snapshot]), by_anna())
    assert ids(notes) == [done.snapshot]
    assert notes.read(f"FROM {NOTES} AT (VERSION => {done.snapshot - 1})").height == 0
    assert notes.read(f"FROM {NOTES} AT (VERSION => {done.snapshot})").height == 1


def test_further_changes_are_recorded_with_the_commit(notes: Lake) -> None:
    others = [by_anna(reason=f"row {number}") for number in range(40)]
    done = notes.commit(lambda tx: tx.record(others), by_anna())
    stored = notes.read(f"SELECT id FROM {CHANGES} WHERE snapshot = ?", [done.snapshot])
    assert set(stored["id"]) == {done.change_id, *(change.id for change in others)}


def test_an_error_in_the_work_rolls_everything_back_and_reaches_the_caller(notes: Lake) -> None:
    before = notes.snapshot()

    def work(tx: Transaction) -> None:
        tx.execute(f"INSERT INTO {NOTES} VALUES (1, 'half')")
        raise KeyError("mine")

    with notes.session() as session:
        with pytest.raises(KeyError, match="mine"):
            session.commit(work, by_anna())
        assert (ids(notes), notes.snapshot()) == ([], before)
        session.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} VALUES (2, 'whole')"), by_anna())
    assert ids(notes) == [2]


def test_a_failed_statement_rolls_everything_back_and_leaves_the_session_usable(notes: Lake) -> None:
    def work(tx: Transaction) -> None:
        tx.execute(f"INSERT INTO {NOTES} VALUES (1, 'fine')")
        tx.execute(f"INSERT INTO {NOTES} VALUES (NULL, 'not null')")

    with notes.session() as session:
        with pytest.raises(StatementError, match="NOT NULL"):
            session.commit(work, by_anna())
        session.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} VALUES (2, 'after')"), by_anna())
    assert ids(notes) == [2]


def test_work_that_swallows_a_failed_statement_is_not_taken_for_stored(notes: Lake) -> None:
    def work(tx: Transaction) -> str:
        tx.execute(f"INSERT INTO {NOTES} VALUES (1, 'fine')")
        try:
            tx.read("SELECT no_such_column")
        except LakeError:
            return "never mind"
        return "fine"

    with pytest.raises(TransactionAbortedError, match="no_such_column"):
        notes.commit(work, by_anna())
    assert ids(notes) == []


def test_a_cancelled_transaction_writes_nothing_and_gives_its_value(notes: Lake) -> None:
    before = notes.snapshot()

    def work(tx: Transaction) -> str:
        tx.execute(f"INSERT INTO {NOTES} VALUES (1, 'no')")
        tx.cancel()
        return "nothing to do"

    done = notes.commit(work, by_anna())
    assert (done.value, done.wrote, done.snapshot) == ("nothing to do", False, before)
    assert (ids(notes), notes.snapshot()) == ([], before)


def test_what_was_staged_before_the_lock_is_there_in_the_transaction(notes: Lake) -> None:
    with notes.session() as session:
        session.execute("CREATE TEMP TABLE staged AS SELECT range::integer AS id FROM range(5)")
        done = session.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} (id) FROM staged"), by_anna())
    assert done.value == 5
    assert ids(notes) == [0, 1, 2, 3, 4]


def test_a_handful_of_rows_goes_by_the_light_engine_into_tables_just_changed(notes: Lake) -> None:
    sql = f"INSERT INTO {NOTES} (id, added) VALUES (?, 'x')"
    notes.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} (id) VALUES (1)"), by_anna(), light=True)
    notes.commit(lambda tx: tx.execute(f"ALTER TABLE {NOTES} ADD COLUMN added varchar"), by_anna())
    done = notes.commit(lambda tx: tx.execute(sql, [2]), by_anna(), light=True)
    assert notes.snapshot() == done.snapshot
    assert notes.read(f"SELECT id, added FROM {NOTES} ORDER BY id").rows() == [(1, None), (2, "x")]


def test_millions_of_rows_go_by_an_engine_of_bounded_memory_that_spills_beside_the_catalog(
    notes: Lake,
) -> None:
    with notes.session(bulk=True) as session:
        limit, spill = session.read(
            "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
        ).row(0)
        session.execute("CREATE TEMP TABLE staged AS SELECT range::integer AS id FROM range(3)")
        session.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} (id) FROM staged"), by_anna())
    assert limit == "1.1 GiB"
    assert notes.config.kind != "sqlite" or Path(spill).parent == Path(notes.config.place).parent
    assert ids(notes) == [0, 1, 2]


def test_several_tables_change_together_or_not_at_all(notes: Lake) -> None:
    other = table("crm", "other")
    notes.commit(lambda tx: tx.execute(f"CREATE TABLE {other} (id integer)"), by_anna())

    def work(tx: Transaction, *, fail: bool) -> None:
        tx.execute(f"INSERT INTO {NOTES} (id) VALUES (1)")
        tx.execute(f"INSERT INTO {other} VALUES (1)")
        if fail:
            raise ValueError

    with pytest.raises(ValueError):
        notes.commit(lambda tx: work(tx, fail=True), by_anna())
    assert notes.read(f"FROM {other}").height == 0
    notes.commit(lambda tx: work(tx, fail=False), by_anna())
    assert notes.read(f"FROM {other}").height == len(ids(notes)) == 1


def test_writers_in_many_threads_lose_nothing(notes: Lake) -> None:
    def write(thread: int) -> None:
        for number in range(5):
            insert(thread * 10 + number, lake=notes)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert ids(notes) == sorted(thread * 10 + number for thread in range(6) for number in range(5))
    stamped = notes.read(f"SELECT count(DISTINCT snapshot) AS n, count(*) AS m FROM {CHANGES}")
    assert stamped["n"].item() == stamped["m"].item()


WRITER = """
import sys
from lake import Change, Lake, LakeConfig
with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2])) as lake:
    for number in range(10):
        lake.commit(
            lambda tx: tx.execute('UPDATE "lake"."crm"."notes" SET id = id + 1'), Change(actor="x", door="test")
        )
"""


def test_processes_that_update_the_same_row_lose_no_update(notes: Lake) -> None:
    insert(0, lake=notes)
    command = [sys.executable, "-c", WRITER, notes.config.catalog, notes.config.data_path]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=90)[1] for process in both] == ["", ""]
    assert ids(notes) == [20]


@pytest.fixture
def outsider(lake: Lake) -> Iterator[engine.Cursor]:
    """Another program on the same lake, which knows nothing of our lock."""
    plain = engine.connect(extensions=("ducklake", lake.config.kind), settings={})
    plain.execute(f"ATTACH 'ducklake:{lake.config.catalog}' AS theirs (DATA_PATH '{lake.config.data_path}')")
    yield plain
    plain.close()


def test_an_outside_writer_between_begin_and_commit_makes_the_work_run_again(
    notes: Lake, outsider: engine.Cursor
) -> None:
    runs: list[int] = []

    def work(tx: Transaction) -> None:
        runs.append(tx.snapshot)
        tx.execute(f"INSERT INTO {NOTES} (id) VALUES (?)", [tx.snapshot])
        if len(runs) == 1:
            outsider.execute("INSERT INTO theirs.crm.notes (id) VALUES (-1)")

    done = notes.commit(work, by_anna())
    assert runs == [done.snapshot - 1, done.snapshot]
    assert ids(notes) == [-1, done.snapshot]
    assert notes.read(f"FROM {NOTES} AT (VERSION => {done.snapshot - 1})")["id"].to_list() == [-1]


def test_a_lock_that_stays_taken_is_an_error_that_names_the_catalog(notes: Lake) -> None:
    config = LakeConfig(catalog=notes.config.catalog, data_path=notes.config.data_path, lock_timeout=0.3)
    with Lake.open(config) as second, notes.door.hold(), pytest.raises(LakeLockedError) as caught:
        insert(1, lake=second)
    assert "locked by another process" in str(caught.value)
    assert Path(config.place).name in str(caught.value) or config.kind == "postgres"
    insert(2, lake=notes)
    assert ids(notes) == [2]


EXCLUSIVE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(60)
"""


@contextmanager
def catalog_locked_by_another_program(config: LakeConfig) -> Iterator[None]:
    if config.kind == "postgres":
        with connect_postgres(config.place) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [WRITER_KEY])
            yield
        return
    command = [sys.executable, "-c", EXCLUSIVE, config.place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        yield
        holder.kill()


def test_a_catalog_locked_by_another_program_is_read_and_waited_for(notes: Lake) -> None:
    insert(1, lake=notes)
    impatient = LakeConfig(catalog=notes.config.catalog, data_path=notes.config.data_path, lock_timeout=0.5)
    with catalog_locked_by_another_program(notes.config), Lake.open(impatient) as second:
        assert ids(second) == [1]
        with pytest.raises(LakeLockedError, match="locked by another process"):
            insert(2, lake=second)
        patient = threading.Thread(target=insert, args=(3,), kwargs={"lake": notes})
        patient.start()
    patient.join(timeout=30)
    assert ids(notes) == [1, 3]


HOLDER = """
import sys, time
from lake import Lake, LakeConfig
with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2])) as lake, lake.door.hold():
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_of_a_killed_process_is_free(notes: Lake) -> None:
    command = [sys.executable, "-c", HOLDER, notes.config.catalog, notes.config.data_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        holder.kill()
    insert(1, lake=notes)
    assert ids(notes) == [1]


FILL = """
import json, resource, sys
from lake import Change, Lake, LakeConfig
from lake.errors import StorageFullError
with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2])) as lake:
    def write(sql):
        lake.commit(lambda tx: tx.execute(sql), Change(actor="x", door="test"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
    try:
        write("INSERT INTO lake.crm.notes SELECT range, uuid()::varchar FROM range(500000)")
    except StorageFullError as error:
        message, unfinished = str(error), error.file
    seen = lake.read("FROM lake.crm.notes").height
    write("INSERT INTO lake.crm.notes VALUES (2, 'after')")
    print(json.dumps([message, unfinished, seen]))
"""


def test_a_disk_that_fills_is_said_and_the_lake_stays_readable_and_writable(notes: Lake) -> None:
    insert(1, lake=notes)
    command = [sys.executable, "-c", FILL, notes.config.catalog, notes.config.data_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    message, unfinished, seen = json.loads(done.stdout)
    assert "No space is left" in message and seen == 1
    assert not Path(unfinished).exists()
    assert ids(notes) == [1, 2]


def test_what_waits_for_a_commit_is_told_once_it_stands(notes: Lake) -> None:
    told: list[int] = []

    def work(tx: Transaction) -> None:
        tx.then(told.append)
        tx.execute(f"INSERT INTO {NOTES} (id) VALUES (1)")
        assert told == []

    done = notes.commit(work, by_anna())
    assert told == [done.snapshot]


def test_what_waits_for_a_commit_that_fails_is_never_told(notes: Lake) -> None:
    told: list[int] = []

    def work(tx: Transaction) -> None:
        tx.then(told.append)
        raise LookupError

    with pytest.raises(LookupError):
        notes.commit(work, by_anna())
    assert told == []
