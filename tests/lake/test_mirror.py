"""The serving copy of a lake."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lake import Change, Lake, Transaction, maintenance, table
from lake.held import Gathered, Held
from lake.mirror import POLL_SECONDS, Mirror

NOTES, OTHER = ("crm", "notes"), ("crm", "other")
ONE, TWO = (f"00000000-0000-7000-8000-00000000000{n}" for n in (1, 2))


@pytest.fixture
def mirror(lake: Lake) -> Iterator[Mirror]:
    """A copy of two tables with a row each."""
    for name in (NOTES, OTHER):
        write(lake, f"CREATE TABLE {table(*name)} (id uuid, owner uuid, words varchar)")
        write(lake, f"INSERT INTO {table(*name)} VALUES (uuid(), uuid(), 'Grüße')")
    made = lake.start_mirror()
    made.follow({NOTES: Held(("owner",), ("id", "owner"), ("words",)), OTHER: Held()})
    assert made.current()
    yield made


def write(lake: Lake, sql: str) -> int:
    return lake.commit(lambda tx: tx.execute(sql), Change(actor="test", door="test")).snapshot or 0


def test_a_table_is_held_as_it_is_until_it_changes(lake: Lake, mirror: Mirror) -> None:
    seen = [mirror.holds([NOTES], until=lake.snapshot())]
    for name in (OTHER, NOTES, OTHER):
        seen.append(mirror.holds([NOTES], until=write(lake, f"UPDATE {table(*name)} SET words = 'new'")))
    assert seen == [True, True, False, False]
    assert mirror.current() and mirror.holds([NOTES, OTHER], until=lake.snapshot())


def test_a_copy_that_was_never_made_holds_nothing(lake: Lake) -> None:
    assert not lake.start_mirror().holds([NOTES], until=lake.snapshot())


def test_the_view_has_the_columns_of_the_table_and_the_stored_rows_have_what_they_are_found_by(
    lake: Lake, mirror: Mirror
) -> None:
    plain = lake.read('SELECT * FROM "mirror"."crm"."notes"')
    stored = lake.read('SELECT * FROM "mirror"."crm_keyed"."notes"')
    assert plain.columns == ["id", "owner", "words"]
    assert stored["search__text"].to_list() == ["gruße"]
    assert stored["owner__key"].to_list() == [int(plain["owner"][0][-12:], 16)]


def test_another_way_of_holding_a_table_makes_its_copy_anew(lake: Lake, mirror: Mirror) -> None:
    mirror.follow({NOTES: Held((), ("id",)), OTHER: Held(keys=("id",))})
    assert mirror.current()
    assert lake.read('SELECT * FROM "mirror"."crm_keyed"."notes"').columns == [
        "id",
        "owner",
        "words",
        "id__key",
    ]
    assert lake.read('SELECT count(*) AS n FROM "mirror"."crm"."other"').item() == 1


def test_what_changed_is_followed_though_maintenance_wrote_the_rows_anew(lake: Lake) -> None:
    people = table("crm", "people")
    write(lake, f"CREATE TABLE {people} (id uuid, words varchar, version bigint)")
    lake.commit(
        lambda tx: tx.execute(f"INSERT INTO {people} SELECT uuid(), 'old', ? FROM range(50)", [tx.snapshot]),
        Change(actor="test", door="test"),
    )
    made = lake.start_mirror()
    made.follow({("crm", "people"): Held(keys=("id",))})
    assert made.current()
    lake.commit(
        lambda tx: tx.execute(f"UPDATE {people} SET words = 'new', version = ?", [tx.snapshot]),
        Change(actor="test", door="test"),
    )
    maintenance.run(lake)
    assert made.current()
    assert lake.read('SELECT DISTINCT words FROM "mirror"."crm"."people"').rows() == [("new",)]


def test_rows_without_an_id_are_followed_by_what_tells_them_apart_and_no_others_are_copied(
    lake: Lake,
) -> None:
    marks = table("ops", "marks")
    write(lake, f"CREATE TABLE {marks} (reader varchar, about uuid, place integer, version bigint)")
    write(lake, f"INSERT INTO {marks} SELECT 'r' || n, '{ONE}', 0, 1 FROM range(50) t(n)")
    made = lake.start_mirror()
    made.follow({("ops", "marks"): Held(rows=("reader", "about"))})
    assert made.current()
    made._session.execute('DELETE FROM "mirror"."ops_keyed"."marks" WHERE reader = \'r7\'')

    def mark(tx: Transaction) -> None:
        tx.execute(f"DELETE FROM {marks} WHERE reader = 'r3'")
        rows = f"('r3', '{ONE}', 1, ?), ('r3', '{TWO}', 2, ?)"
        tx.execute(f"INSERT INTO {marks} VALUES {rows}", [tx.snapshot, tx.snapshot])

    lake.commit(mark, Change(actor="test", door="test"))
    maintenance.run(lake)
    assert made.current()
    held = lake.read(
        'SELECT reader, place FROM "mirror"."ops"."marks" WHERE reader IN (\'r3\', \'r7\') ORDER BY place'
    )
    assert held.rows() == [("r3", 1), ("r3", 2)]


def test_a_commit_of_this_process_is_the_newest_snapshot_at_once(lake: Lake) -> None:
    lake.start_mirror()
    for number in range(3):
        done = write(lake, f"CREATE TABLE {table('crm', f't{number}')} (id uuid)")
        assert lake.recent_snapshot() == done


def test_a_commit_of_another_process_is_known_after_the_next_poll(lake: Lake) -> None:
    lake.start_mirror()
    before = lake.recent_snapshot()
    with Lake.open(lake.config) as other:
        done = write(other, f"CREATE TABLE {table(*NOTES)} (id uuid)")
    assert lake.recent_snapshot() in (before, done)
    time.sleep(POLL_SECONDS * 1.2)
    assert lake.recent_snapshot() == done


def test_without_a_serving_copy_the_newest_snapshot_is_asked_for_each_time(lake: Lake) -> None:
    lake.recent_snapshot()
    with Lake.open(lake.config) as other:
        done = write(other, f"CREATE TABLE {table(*NOTES)} (id uuid)")
    assert lake.recent_snapshot() == done


def test_what_nobody_awaits_comes_soon_and_is_not_waited_for(lake: Lake, mirror: Mirror) -> None:
    before = lake.known_snapshot()
    sql = f"UPDATE {table(*NOTES)} SET words = 'kept'"
    lake.commit(lambda tx: tx.execute(sql), Change(actor="test", door="test", awaited=False))
    assert lake.known_snapshot() == before
    deadline = time.monotonic() + 20
    while lake.known_snapshot() == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert lake.read('SELECT words FROM "mirror"."crm"."notes"').item() == "kept"


def test_who_has_not_looked_for_long_sees_what_others_wrote(lake: Lake, mirror: Mirror) -> None:
    time.sleep(1.1)
    with Lake.open(lake.config) as other:
        done = write(other, f"UPDATE {table(*NOTES)} SET words = 'theirs'")
    assert lake.known_snapshot() == done
    assert lake.read('SELECT words FROM "mirror"."crm"."notes"').item() == "theirs"


PEOPLE, POINTS = ("crm", "people"), ("crm", "points")
GATHERING = {
    PEOPLE: Held((), ("id",), ("name",), (Gathered(POINTS, "owner", ("value", "label")),)),
    POINTS: Held(("owner",), ("id", "owner"), ("value",)),
}
FIRST, SECOND = (f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2))
CHANGES = {
    "a new row": f"INSERT INTO {{points}} VALUES (uuid(), '{SECOND}', 'new@x.example', 'home', NULL, NULL)",
    "another text": "UPDATE {points} SET value = 'CHANGED' WHERE value = 'a1'",
    "another owner": f"UPDATE {{points}} SET owner = '{SECOND}' WHERE value = 'a1'",
    "no owner": "UPDATE {points} SET owner = NULL WHERE value = 'a1'",
    "a row taken away": "UPDATE {points} SET deleted_at = now() WHERE value = 'a1'",
    "a row gone for good": "DELETE FROM {points} WHERE value = 'a1'",
    "another name": "UPDATE {people} SET name = 'Ännchen' WHERE name = 'Anna'",
    "a further column": "ALTER TABLE {points} ADD COLUMN note varchar",
    "all rows": "UPDATE {points} SET value = value || '!'",
}


@pytest.fixture
def people(lake: Lake) -> Lake:
    """Two people, one of whom has two contact points."""
    write(lake, f"CREATE TABLE {table(*PEOPLE)} (id uuid, name varchar)")
    write(
        lake,
        f"CREATE TABLE {table(*POINTS)} (id uuid, owner uuid, value varchar, label varchar, "
        "deleted_at timestamptz, version bigint)",
    )
    write(lake, f"INSERT INTO {table(*PEOPLE)} VALUES ('{FIRST}', 'Anna'), ('{SECOND}', 'Ben')")
    write(
        lake,
        f"INSERT INTO {table(*POINTS)} SELECT uuid(), '{FIRST}', 'a' || n, 'Label', NULL, 1 FROM range(2) r(n)",
    )
    return lake


def searched(lake: Lake) -> dict[str, set[str]]:
    """Id → the texts that a search finds a person by."""
    assert lake.start_mirror().current()
    rows = lake.read('SELECT CAST(id AS VARCHAR), search__text FROM "mirror"."crm_keyed"."people"')
    return {id_: set(text.split("\x1f")) for id_, text in rows.iter_rows()}


def test_texts_of_rows_that_point_here_are_found_here(people: Lake) -> None:
    people.start_mirror().follow(GATHERING)
    assert searched(people) == {FIRST: {"anna", "a0", "a1", "label"}, SECOND: {"ben"}}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_gathered_texts_follow_every_change(people: Lake, change: str) -> None:
    people.start_mirror().follow(GATHERING)
    before = searched(people)
    write(people, change.format(points=table(*POINTS), people=table(*PEOPLE)))
    mended = searched(people)
    with Lake.open(people.config) as fresh:
        fresh.start_mirror().follow(GATHERING)
        assert mended == searched(fresh)
    assert mended != before or "ALTER" in change
