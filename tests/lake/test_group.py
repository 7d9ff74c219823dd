"""Group commit: many small writers share a transaction, and each learns its own outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl
import pytest

from lake import Change, Lake, LakeConfig, Transaction, table
from lake.errors import LakeLockedError

NOTES = table("crm", "notes")
CHANGES = table("ops", "changes")


@dataclass(frozen=True)
class Note:
    number: int
    keys: frozenset[str] = frozenset()
    change: Change = field(default_factory=lambda: Change(actor="anna", door="api"))


@pytest.fixture
def notes(lake: Lake) -> Lake:
    ddl = f"CREATE TABLE {NOTES} (number integer, change_id uuid, version bigint)"
    lake.commit(lambda tx: tx.execute(ddl), Change(actor="anna", door="test"))
    return lake


def write(tx: Transaction, payloads: Sequence[Note]) -> list[int | Exception]:
    """Stores even numbers, refuses odd ones, and knows nothing of 13."""
    if any(note.number == 13 for note in payloads):
        raise RuntimeError("13 breaks the handler")
    rows = {"number": [note.number for note in payloads], "change_id": [note.change.id for note in payloads]}
    tx.register("staged", pl.DataFrame(rows))
    tx.execute(
        f"INSERT INTO {NOTES} SELECT number, change_id::uuid, ? FROM staged WHERE number % 2 = 0",
        [tx.snapshot],
    )
    return [tx.snapshot if note.number % 2 == 0 else ValueError(f"{note.number} is odd") for note in payloads]


def submit_all(
    lake: Lake, payloads: Sequence[Note], handler: Callable[..., list[int | Exception]] = write
) -> dict[int, int | Exception]:
    def one(note: Note) -> int | Exception:
        try:
            return lake.group.submit(handler, note)
        except Exception as error:
            return error

    # While the lock is held nobody can commit, so that the callers are sure to meet.
    with ThreadPoolExecutor(max_workers=len(payloads)) as pool:
        with lake.door.hold():
            futures = [pool.submit(one, note) for note in payloads]
            wait_for(lake, callers=len(payloads))
        return {note.number: future.result() for note, future in zip(payloads, futures, strict=True)}


def wait_for(lake: Lake, *, callers: int) -> None:
    while len(lake.group) < callers:
        time.sleep(0.002)


def stored(lake: Lake) -> list[int]:
    return lake.read(f"SELECT number FROM {NOTES} ORDER BY number")["number"].to_list()


def test_each_caller_gets_its_own_value_or_its_own_error(notes: Lake) -> None:
    outcomes = submit_all(notes, [Note(number) for number in range(10)])
    assert {number for number, outcome in outcomes.items() if isinstance(outcome, int)} == {0, 2, 4, 6, 8}
    assert [str(outcomes[number]) for number in (1, 3)] == ["1 is odd", "3 is odd"]
    assert stored(notes) == [0, 2, 4, 6, 8]


def test_callers_share_one_snapshot_and_keep_their_own_changes(notes: Lake) -> None:
    before = notes.snapshot()
    outcomes = submit_all(notes, [Note(number) for number in range(0, 40, 2)])
    assert set(outcomes.values()) == {before + 1} and notes.snapshot() == before + 1
    joined = notes.read(
        f"SELECT DISTINCT c.id FROM {NOTES} n JOIN {CHANGES} c ON c.id = n.change_id AND c.snapshot = n.version "
        "AND c.actor = 'anna'"
    )
    assert joined.height == 20


def test_one_that_breaks_the_handler_harms_nobody_else(notes: Lake) -> None:
    outcomes = submit_all(notes, [Note(number) for number in (2, 13, 4, 5)])
    assert stored(notes) == [2, 4]
    assert isinstance(outcomes[13], RuntimeError) and isinstance(outcomes[5], ValueError)
    assert isinstance(outcomes[2], int) and isinstance(outcomes[4], int)


def test_only_what_was_stored_is_recorded(notes: Lake) -> None:
    refused, kept = Note(1), Note(2)
    submit_all(notes, [refused, kept])
    found = notes.read(f"SELECT id FROM {CHANGES}")["id"].to_list()
    assert kept.change.id in found and refused.change.id not in found


def test_a_group_in_which_all_are_refused_makes_no_snapshot(notes: Lake) -> None:
    before = notes.snapshot()
    submit_all(notes, [Note(1), Note(3)])
    assert notes.snapshot() == before


def test_two_on_the_same_row_are_never_in_one_transaction_and_keep_their_order(notes: Lake) -> None:
    same = frozenset({"customer:1"})
    payloads = [
        Note(0, same),
        Note(2),
        Note(4, same),
        Note(6, same | {"customer:2"}),
        Note(8, frozenset({"customer:2"})),
    ]
    outcomes = submit_all(notes, payloads)
    assert len({outcomes[0], outcomes[4], outcomes[6]}) == 3
    assert outcomes[6] != outcomes[8]


def test_a_group_has_a_largest_size(notes: Lake) -> None:
    sizes: list[int] = []

    def count(tx: Transaction, payloads: Sequence[Note]) -> list[int | Exception]:
        sizes.append(len(payloads))
        return [0] * len(payloads)

    submit_all(notes, [Note(number) for number in range(140)], count)
    assert sum(sizes) == 140 and max(sizes) == 128


def test_one_caller_alone_commits_under_its_own_change(notes: Lake) -> None:
    note = Note(2)
    seen: list[str] = []

    def handler(tx: Transaction, payloads: Sequence[Note]) -> list[int | Exception]:
        seen.append(tx.change_id)
        return write(tx, payloads)

    notes.group.submit(handler, note)
    assert seen == [note.change.id]
    assert (
        notes.read(f"SELECT snapshot FROM {CHANGES} WHERE id = ?", [note.change.id]).item()
        == notes.snapshot()
    )


def test_different_handlers_share_the_transaction(notes: Lake) -> None:
    def other(tx: Transaction, payloads: Sequence[Note]) -> list[int | Exception]:
        return [-tx.snapshot for _ in payloads]

    with ThreadPoolExecutor(max_workers=2) as pool:
        with notes.door.hold():
            futures = [pool.submit(notes.group.submit, handler, Note(2)) for handler in (write, other)]
            wait_for(notes, callers=2)
    first, second = (future.result() for future in futures)
    assert first == -second


def test_a_lock_that_stays_taken_reaches_every_caller(notes: Lake) -> None:
    config = LakeConfig(catalog=notes.config.catalog, data_path=notes.config.data_path, lock_timeout=0.5)
    with Lake.open(config) as second, notes.door.hold(), ThreadPoolExecutor(max_workers=3) as pool:
        futures = [pool.submit(second.group.submit, write, Note(number)) for number in (0, 2, 4)]
        assert all(isinstance(future.exception(timeout=20), LakeLockedError) for future in futures)
    assert stored(notes) == []


def test_everybody_is_served_when_many_come_again_and_again(notes: Lake) -> None:
    def client(start: int) -> None:
        for step in range(5):
            notes.group.submit(write, Note(2 * (start + 100 * step)))

    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(client, range(16)))
    assert len(stored(notes)) == len(set(stored(notes))) == 80
