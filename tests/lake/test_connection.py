"""Opening a lake and reading it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from lake import Change, Lake, LakeConfig, Transaction, ident, maintenance, table
from lake.errors import (
    CancelledError,
    InvalidNameError,
    NulCharacterError,
    SettingError,
    StatementError,
)

NOTES = table("crm", "notes")


def by_anna() -> Change:
    return Change(actor="anna", door="test")


def make_notes(lake: Lake, *bodies: str | None) -> int:
    def work(tx: Transaction) -> None:
        tx.execute(f"CREATE TABLE {NOTES} (id integer NOT NULL, body varchar)")
        for number, body in enumerate(bodies):
            tx.execute(f"INSERT INTO {NOTES} VALUES (?, ?)", [number, body])

    return lake.commit(work, by_anna()).snapshot


def test_a_new_lake_has_its_schemas_and_tables(lake: Lake) -> None:
    found = lake.read(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL"
    )
    assert found.rows() == [("ops", "changes"), ("ops", "cursors"), ("ops", "history")]
    schemas = lake.read("SELECT schema_name FROM duckdb_schemas() WHERE database_name = 'lake'")
    assert set(schemas["schema_name"]) == {"main", "crm", "meta", "ops", "access"}


def test_opening_a_lake_again_finds_what_was_written(lake_config: LakeConfig) -> None:
    with Lake.open(lake_config) as first:
        made = make_notes(first, "it's", None)
    with Lake.open(lake_config) as second:
        assert second.snapshot() == made
        assert second.read(f"FROM {NOTES} ORDER BY id").rows() == [(0, "it's"), (1, None)]


def test_two_processes_may_make_the_same_lake_at_once(lake_config: LakeConfig) -> None:
    script = (
        "import sys; from lake import Lake, LakeConfig\n"
        "with Lake.open(LakeConfig(catalog=sys.argv[1], data_path=sys.argv[2])) as lake: print(lake.snapshot())"
    )
    command = [sys.executable, "-c", script, lake_config.catalog, lake_config.data_path]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ends = [process.communicate(timeout=60) for process in both]
    assert [out.strip() for out, _ in ends] == ["1", "1"], ends


def test_no_progress_is_printed_among_what_a_program_answers() -> None:
    script = (
        "from lake.engine import connect\n"
        "root = connect(extensions=(), settings={})\n"
        "print(root.execute(\"SELECT current_setting('enable_progress_bar')\").fetchall())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[(False,)]"


def test_nothing_is_downloaded_and_extensions_come_from_the_wheels(lake: Lake) -> None:
    found = lake.read(
        "SELECT extension_name FROM duckdb_extensions() WHERE loaded AND extension_name IN ('ducklake', 'excel')"
    )
    assert found["extension_name"].to_list() == ["ducklake"]
    lake.load_extension("excel")
    settings = lake.read(
        "SELECT current_setting('autoinstall_known_extensions') AS a, "
        "current_setting('allow_unsigned_extensions') AS b"
    )
    assert settings.row(0) == (False, False)


def test_instants_are_utc_on_every_cursor(lake: Lake) -> None:
    sql = "SELECT timestamptz '2026-01-02 03:04:05+02' AS t, current_setting('TimeZone') AS zone"
    with lake.session() as session:
        for found in (lake.read(sql), session.read(sql)):
            assert found.row(0) == (datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC), "UTC")


def test_reads_run_in_parallel_with_an_open_transaction(lake: Lake) -> None:
    make_notes(lake, "old")
    seen: list[int] = []

    def work(tx: Transaction) -> None:
        tx.execute(f"INSERT INTO {NOTES} VALUES (9, 'new')")
        reader = threading.Thread(target=lambda: seen.append(lake.read(f"FROM {NOTES}").height))
        reader.start()
        reader.join(timeout=10)
        assert tx.read(f"FROM {NOTES}").height == 2

    lake.commit(work, by_anna())
    assert seen == [1]
    assert lake.read(f"FROM {NOTES}").height == 2


@pytest.mark.parametrize(
    "params",
    [["a\x00b"], {"p": "a\x00b"}, [["fine", "a\x00b"]], [{"k": "\x00"}]],
    ids=["positional", "named", "in a list", "in a map"],
)
def test_the_character_nul_is_refused_in_bound_values(
    lake: Lake, params: list[object] | dict[str, object]
) -> None:
    with pytest.raises(NulCharacterError, match=r"U\+0000"):
        lake.read("SELECT $p" if isinstance(params, dict) else "SELECT ?", params)


@pytest.mark.parametrize(
    "column",
    [["ok", "a\x00"], [["ok"], ["a\x00"]], pl.Series(["ok", "a\x00"], dtype=pl.Categorical)],
    ids=["text", "list", "dictionary"],
)
def test_the_character_nul_is_refused_in_registered_tables(
    lake: Lake, column: list[object] | pl.Series
) -> None:
    with lake.session() as session, pytest.raises(NulCharacterError, match="body"):
        session.register("staged", pl.DataFrame({"body": column}))


def test_a_registered_table_is_read_like_any_other(lake: Lake) -> None:
    with lake.session() as session:
        session.register("staged", pl.DataFrame({"n": [1, 2, 3]}))
        assert session.read("SELECT sum(n) AS n FROM staged")["n"].to_list() == [6]


def test_a_wrong_statement_says_which_and_leaves_the_lake_usable(lake: Lake) -> None:
    with pytest.raises(StatementError, match="nowhere") as caught:
        lake.read('FROM "lake"."crm"."nowhere"')
    assert caught.value.sql == 'FROM "lake"."crm"."nowhere"'
    assert lake.read("SELECT 1 AS n").item() == 1


def test_a_running_statement_can_be_interrupted(lake: Lake) -> None:
    with lake.session() as session:
        threading.Timer(0.3, session.interrupt).start()
        with pytest.raises(CancelledError):
            session.read("SELECT count(*) FROM range(100000000) a, range(1000) b WHERE a.range + b.range = 7")
        assert session.read("SELECT 1 AS n").item() == 1


def test_a_time_finds_its_snapshot(lake: Lake) -> None:
    make_notes(lake)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    change = Change(actor="anna", door="test", occurred_at=past)
    done = lake.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} VALUES (1, 'then')"), change)
    assert lake.snapshot_at(past) == done.snapshot
    assert lake.snapshot_at(past - timedelta(days=1)) == 0


def test_a_schema_is_made_once_and_missing_columns_are_added(lake: Lake) -> None:
    first = "CREATE TABLE IF NOT EXISTS meta.things (id uuid NOT NULL);"
    second = (
        "-- things\nCREATE TABLE IF NOT EXISTS meta.things (id uuid NOT NULL, tags varchar[]);"
        "CREATE TABLE IF NOT EXISTS meta.more (n integer); ALTER TABLE meta.more SET SORTED BY (n);"
        'CREATE VIEW IF NOT EXISTS main."odd-name" AS SELECT id FROM meta.things;'
    )
    assert lake.bootstrap(first) and not lake.bootstrap(first)
    before = lake.snapshot()
    assert lake.bootstrap(second) and not lake.bootstrap(second)
    assert lake.snapshot() == before + 1
    assert lake.read(f"FROM {table('meta', 'things')}").columns == ["id", "tags"]
    assert lake.read(f"FROM {table('main', 'odd-name')}").columns == ["id"]


def test_a_column_that_may_be_missing_now_may_be_so_in_an_older_table(lake: Lake) -> None:
    lake.bootstrap("CREATE TABLE IF NOT EXISTS meta.things (id uuid NOT NULL, name varchar NOT NULL);")
    relaxed = "CREATE TABLE IF NOT EXISTS meta.things (id uuid NOT NULL, name varchar);"
    assert lake.bootstrap(relaxed) and not lake.bootstrap(relaxed)
    place = table("meta", "things")
    lake.commit(
        lambda tx: tx.execute(f"INSERT INTO {place} VALUES (uuid(), NULL)"), Change(actor="t", door="t")
    )
    assert lake.read(f"SELECT name FROM {place}")["name"].to_list() == [None]


def altered_elsewhere(lake: Lake, other: Lake) -> int:
    """A table that `lake` has read, with rows in the catalog under its older and its newer schema."""
    before = make_notes(other, "one")
    other.commit(lambda tx: tx.execute(f"ALTER TABLE {NOTES} ADD COLUMN added integer"), by_anna())
    other.commit(lambda tx: tx.execute(f"INSERT INTO {NOTES} VALUES (2, 'two', 2)"), by_anna())
    assert lake.read(f"FROM {NOTES}").height == 2
    return before


def test_readers_do_not_notice_that_another_process_moves_the_rows(lake: Lake) -> None:
    with Lake.open(lake.config) as other, lake.session() as session:
        before = altered_elsewhere(lake, other)
        session.execute("CREATE TEMP TABLE kept AS SELECT 7 AS n")
        for _ in range(2):
            maintenance.run(other, everything=True)
            assert lake.read(f"FROM {NOTES}").height == 2
            assert lake.read(f"FROM {NOTES} AT (VERSION => {before})").height == 1
            assert session.read(f"FROM {NOTES}, kept").height == 2


@pytest.mark.parametrize("light", [False, True])
def test_writers_do_not_notice_that_another_process_moves_the_rows(lake: Lake, light: bool) -> None:
    with Lake.open(lake.config) as other:
        lake.commit(lambda tx: tx.read("FROM lake.ops.changes"), by_anna(), light=light)
        altered_elsewhere(lake, other)
        maintenance.run(other, everything=True)
        sql = f"UPDATE {NOTES} SET added = 5"
        assert lake.commit(lambda tx: tx.execute(sql), by_anna(), light=light).value == 2
        assert other.read(f"SELECT sum(added) FROM {NOTES}").item() == 10


def test_a_flush_by_another_program_is_noticed_and_the_catalog_read_afresh(lake_config: LakeConfig) -> None:
    with Lake.open(replace(lake_config, threads=1)) as lake, Lake.open(lake_config) as other:
        before = altered_elsewhere(lake, other)
        other.read("CALL ducklake_flush_inlined_data('lake')")
        assert lake.read(f"FROM {NOTES}").height == 2
        assert lake.read(f"FROM {NOTES} AT (VERSION => {before})").height == 1
        assert lake.commit(lambda tx: tx.execute(f"UPDATE {NOTES} SET added = 5"), by_anna()).value == 2


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 129], ids=["empty", "control character", "too long"])
def test_a_name_that_cannot_be_one_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        ident("crm", name)


def test_quotes_in_a_name_are_doubled() -> None:
    assert ident("crm", 'a"; DROP') == '"crm"."a""; DROP"'


@pytest.mark.parametrize(
    "catalog", ["mysql:x", "sqlite", "/tmp/file.sqlite"], ids=["kind", "no place", "bare path"]
)
def test_an_unknown_catalog_is_refused_by_name(catalog: str) -> None:
    with pytest.raises(SettingError, match="sqlite:/path") as caught:
        LakeConfig(catalog=catalog, data_path="/tmp/data")
    assert caught.value.received == catalog


def test_a_catalog_that_is_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite").write_bytes(b"not a catalog" * 1000)
    with pytest.raises(SettingError, match="cannot be opened"):
        Lake.open(
            LakeConfig(catalog=f"sqlite:{tmp_path / 'catalog.sqlite'}", data_path=str(tmp_path / "data"))
        )


def test_a_lake_that_was_moved_with_its_data_opens(
    tmp_path: Path, new_catalog: Callable[[Path], str]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    catalog = new_catalog(old)
    with Lake.open(LakeConfig(catalog=catalog, data_path=str(old / "data"))) as lake:
        make_notes(lake, "kept")
        lake.commit(
            lambda tx: tx.execute(f"INSERT INTO {NOTES} SELECT range, 'x' FROM range(2000)"), by_anna()
        )
    old.rename(new)
    moved = LakeConfig(catalog=catalog.replace(str(old), str(new)), data_path=str(new / "data"))
    with Lake.open(moved) as lake:
        assert lake.read(f"FROM {NOTES}").height == 2001


def test_another_data_path_is_refused_while_the_stored_one_is_there(lake: Lake, tmp_path: Path) -> None:
    other = LakeConfig(catalog=lake.config.catalog, data_path=str(tmp_path / "elsewhere"))
    with pytest.raises(SettingError, match="elsewhere"):
        Lake.open(other)


def test_an_object_store_without_its_extension_says_what_to_install(tmp_path: Path) -> None:
    config = LakeConfig(catalog=f"sqlite:{tmp_path / 'catalog.sqlite'}", data_path="s3://bucket/lake")
    with pytest.raises(SettingError, match="duckdb-extension-httpfs"):
        Lake.open(config)
