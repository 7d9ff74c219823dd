"""The SQL door lets analysts compute, and lets nothing else through."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from lake import Change, Lake, LakeConfig
from lake.errors import LakeError, QueryInvalid, QueryRefused, QueryTimeout
from lake.sql_door import SqlDoor
from lake.sql_engine import SqlEngine

_CANARY = "canary-7f3a"
_RELATIONS = {
    "customers": "SELECT * EXCLUDE (team) FROM lake.crm.customers WHERE team = 'sales'",
    "orders": "SELECT id, customer, amount, placed_at FROM lake.crm.orders",
}
_TABLES = (
    "CREATE TABLE lake.crm.customers (id INTEGER, name VARCHAR, country VARCHAR, revenue DECIMAL(18,4), "
    "tags VARCHAR[], note JSON, team VARCHAR, born DATE, joined TIMESTAMPTZ)",
    "INSERT INTO lake.crm.customers SELECT i, 'Customer ' || i, ['DE', 'FR', NULL][1 + i % 3], i * 10.5, ['a', 'b'], "
    "'{\"size\": 3}', 'sales', DATE '1990-01-01' + i::INT, TIMESTAMPTZ '2026-01-01 12:00:00Z' FROM range(30) r(i)",
    f"INSERT INTO lake.crm.customers VALUES (999, '{_CANARY}', 'DE', 1, ['x'], '{{}}', 'legal', NULL, NULL)",
    "CREATE TABLE lake.crm.orders (id INTEGER, customer INTEGER, amount DOUBLE, placed_at DATE)",
    "INSERT INTO lake.crm.orders SELECT i, i % 30, i * 1.5, DATE '2026-01-01' + (i % 300)::INT FROM range(600) r(i)",
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]) -> Iterator[Lake]:
    """One lake for all: what these tests try must not change it anyway."""
    folder = tmp_path_factory.mktemp("lake")
    config = LakeConfig(catalog=new_catalog(folder), data_path=str(folder / "data"), threads=2)
    with Lake.open(config) as opened:
        opened.commit(lambda tx: [tx.execute(sql) for sql in _TABLES], Change(actor="test", door="test"))
        yield opened


@pytest.fixture(scope="module")
def door(lake: Lake) -> Iterator[SqlDoor]:
    with SqlDoor(lake, memory_limit="300MB", timeout=20.0) as opened:
        yield opened


ESCAPES = {
    "a table outside the list": "SELECT * FROM ops.changes",
    "a schema-qualified module": "SELECT * FROM crm.customers",
    "a fully qualified module": "SELECT * FROM lake.crm.customers",
    "an unlisted name": "SELECT * FROM users",
    "a csv path as a table": "SELECT * FROM '/etc/passwd.csv'",
    "a parquet path as a table": "FROM 'data/main.parquet'",
    "a path hidden by a WITH elsewhere": "SELECT * FROM (WITH \"/etc/x.csv\" AS (SELECT 1) SELECT 1), '/etc/x.csv'",
    "a catalog view hidden by a later WITH": "WITH a AS (SELECT * FROM duckdb_tables), duckdb_tables AS (SELECT 1) "
    "SELECT * FROM a",
    "a WITH that reads its own name underneath": "WITH duckdb_settings AS (SELECT * FROM duckdb_settings) "
    "SELECT * FROM duckdb_settings",
    "time travel by version": "SELECT * FROM customers AT (VERSION => 1)",
    "time travel by time": "SELECT * FROM customers AT (TIMESTAMP => now())",
    "information_schema": "SELECT * FROM information_schema.tables",
    "sqlite_master": "SELECT * FROM sqlite_master",
    "the metadata catalog": "SELECT * FROM __ducklake_metadata_lake.main.ducklake_data_file",
    "read_csv": "SELECT * FROM read_csv('/etc/passwd')",
    "read_text": "SELECT * FROM read_text('/etc/passwd')",
    "read_blob": "SELECT content FROM read_blob('/etc/passwd')",
    "read_parquet": "SELECT * FROM read_parquet('/data/**')",
    "parquet_metadata": "SELECT * FROM parquet_metadata('x')",
    "read_json": "SELECT * FROM read_json('x')",
    "glob": "SELECT * FROM glob('/*')",
    "sniff_csv": "SELECT * FROM sniff_csv('/etc/passwd')",
    "sqlite_scan": "SELECT * FROM sqlite_scan('catalog.sqlite', 'ducklake_table')",
    "postgres_query": "SELECT * FROM postgres_query('x', 'SELECT 1')",
    "ducklake_table_changes": "SELECT * FROM ducklake_table_changes('lake', 'crm', 'customers', 0, 9)",
    "ducklake_snapshots": "FROM ducklake_snapshots('lake')",
    "query": "SELECT * FROM query('SELECT 1')",
    "query_table": "SELECT * FROM query_table('lake.crm.customers')",
    "json_execute_serialized_sql": "SELECT * FROM json_execute_serialized_sql('{}')",
    "duckdb_settings": "SELECT * FROM duckdb_settings()",
    "duckdb_secrets": "SELECT * FROM duckdb_secrets()",
    "which_secret": "SELECT * FROM which_secret('s3://x', 's3')",
    "pragma_table_info": "SELECT * FROM pragma_table_info('lake.crm.customers')",
    "a qualified table function": "SELECT * FROM main.range(3), system.main.glob('*')",
    "getenv": "SELECT getenv('HOME')",
    "current_setting": "SELECT current_setting('memory_limit')",
    "current_query": "SELECT current_query()",
    "getvariable": "SELECT getvariable('x')",
    "nextval": "SELECT nextval('s')",
    "stats, which tell of hidden rows": "SELECT stats(name) FROM customers",
    "sleep": "SELECT sleep_ms(100000)",
    "error": "SELECT error('x')",
    "write_log": "SELECT write_log('x')",
    "a qualified function": "SELECT crm.lower(name) FROM customers",
    "a function in WHERE": "SELECT 1 FROM customers WHERE getenv('HOME') = 'x'",
    "a function in ORDER BY": "SELECT 1 FROM customers ORDER BY getenv('HOME')",
    "a function in LIMIT": "SELECT 1 FROM customers LIMIT (SELECT length(getenv('HOME')))",
    "a function in a window": "SELECT sum(1) OVER (PARTITION BY getenv('HOME')) FROM customers",
    "a function in FILTER": "SELECT count(*) FILTER (getenv('HOME') = 'x') FROM customers",
    "a function in a lambda": "SELECT list_transform([1], lambda x: getenv('HOME'))",
    "a function in VALUES": "VALUES (getenv('HOME'))",
    "a function in a join": "SELECT 1 FROM customers a JOIN orders b ON getenv('HOME') = 'x'",
    "a function in REPLACE": "SELECT * REPLACE (getenv('HOME') AS name) FROM customers",
    "a function in a lateral table function": "SELECT * FROM unnest([getenv('HOME')])",
    "a function in TRY": "SELECT TRY(getenv('HOME'))",
    "a table in a subquery": "SELECT (SELECT max(actor) FROM ops.changes)",
    "a table in EXISTS": "SELECT 1 WHERE EXISTS (FROM duckdb_tables)",
    "a table in a set operation": "SELECT name FROM customers UNION ALL SELECT sql FROM sqlite_master",
    "a table in a recursive WITH": "WITH RECURSIVE t AS (SELECT 1 a UNION ALL SELECT a FROM t, duckdb_views) FROM t",
    "a table in PIVOT": "FROM (PIVOT sqlite_master ON name IN ('a') USING count(*))",
    "a PIVOT that makes types": "PIVOT customers ON country USING count(*)",
    "a column by position": "SELECT #1 FROM customers",
    "rows paired by position": "SELECT * FROM customers POSITIONAL JOIN orders",
    "a type of a schema": "SELECT name::lake.crm.customers FROM customers",
    "SHOW": "SHOW ALL TABLES",
    "DESCRIBE": "DESCRIBE customers",
    "SHOW in FROM": "SELECT * FROM (SHOW TABLES)",
    "SUMMARIZE": "SUMMARIZE customers",
    "EXPLAIN": "EXPLAIN SELECT 1",
    "two statements": "SELECT 1; SELECT 2",
    "a write behind a select": "SELECT 1; DROP TABLE lake.crm.customers",
    "ATTACH": "ATTACH 'x.sqlite' (TYPE sqlite)",
    "COPY to a file": "COPY (SELECT 1) TO '/tmp/escaped.csv'",
    "COPY from a file": "COPY customers FROM '/etc/passwd'",
    "EXPORT": "EXPORT DATABASE '/tmp/escaped'",
    "PRAGMA": "PRAGMA database_list",
    "SET": "SET lock_configuration = false",
    "USE": "USE lake",
    "CALL": "CALL ducklake_expire_snapshots('lake')",
    "LOAD": "LOAD httpfs",
    "INSTALL": "INSTALL httpfs",
    "CREATE": "CREATE TABLE t AS SELECT 1",
    "CREATE MACRO": "CREATE MACRO m() AS TABLE FROM duckdb_settings()",
    "INSERT": "INSERT INTO customers VALUES (1)",
    "UPDATE": "UPDATE customers SET name = 'x'",
    "DELETE": "DELETE FROM lake.crm.customers",
    "DROP": "DROP TABLE lake.crm.customers",
    "BEGIN": "BEGIN TRANSACTION",
    "PREPARE": "PREPARE p AS SELECT 1",
    "VACUUM": "VACUUM",
    "nothing": " -- only a comment",
    "a NUL that hides the rest": "SELECT 1 \x00 FROM lake.crm.customers",
    "a parenthesis that closes ours": "SELECT 1) UNION ALL (SELECT name FROM lake.crm.customers",
    "a comment that swallows ours": "SELECT 1) /*",
    "a giant text": "SELECT repeat('x', 2000000000)",
    "a giant text by a computed length": "SELECT lpad('x', 2000 * 1000 * 1000, 'y')",
    "a giant number format": "SELECT format('{:1000000000}', 1)",
    "a statement too long": "SELECT 1 IN (" + "1," * 30_000 + "1)",
}


@pytest.mark.parametrize("sql", ESCAPES.values(), ids=ESCAPES.keys())
def test_an_escape_is_refused_and_touches_nothing(door: SqlDoor, lake: Lake, sql: str) -> None:
    before = lake.snapshot()
    with pytest.raises((QueryRefused, QueryInvalid)) as caught:
        door.run(sql, relations=_RELATIONS)
    assert _CANARY not in str(caught.value)
    assert isinstance(caught.value, QueryRefused) or "Parser" in str(caught.value)
    assert lake.snapshot() == before
    assert not Path("/tmp/escaped.csv").exists()
    assert door.run("SELECT count(*) FROM customers", relations=_RELATIONS).table.to_pydict() == {
        "count_star()": [30]
    }


ANALYSES = {
    "a filter and an order": (
        "SELECT name FROM customers WHERE country = 'FR' ORDER BY id DESC LIMIT 1",
        "Customer 28",
    ),
    "groups": ("SELECT count(*) FROM customers GROUP BY country HAVING country IS NULL", 10),
    "a join with totals": (
        "SELECT round(sum(o.amount), 1) FROM customers c JOIN orders o ON o.customer = c.id WHERE c.id = 3",
        8640.0,
    ),
    "a WITH of its own": ("WITH big AS (FROM customers WHERE revenue > 300) SELECT count(*) FROM big", 1),
    "a WITH that takes a module's name": (
        "WITH customers AS (SELECT * FROM customers WHERE id < 5) SELECT count(*) FROM customers",
        5,
    ),
    "a recursive WITH": (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT sum(n) FROM t",
        45,
    ),
    "a window": ("SELECT id FROM orders QUALIFY row_number() OVER (ORDER BY amount DESC) = 2", 598),
    "a running sum by month": (
        "SELECT sum(count(*)) OVER (ORDER BY date_trunc('month', placed_at))::INT FROM orders "
        "GROUP BY date_trunc('month', placed_at) ORDER BY 1 DESC",
        600,
    ),
    "dates": (
        "SELECT extract(year FROM born) + date_diff('day', born, born + INTERVAL 3 DAY) FROM customers",
        1993,
    ),
    "texts and patterns": (
        "SELECT regexp_extract(upper(name) || '!', '[0-9]+') FROM customers WHERE name ILIKE '%customer 7'",
        "7",
    ),
    "lists": ("SELECT list_transform(tags, lambda t: t || '1')[2] FROM customers", "b1"),
    "a comprehension": ("SELECT len([t FOR t IN tags IF t <> 'a']) FROM customers", 1),
    "unnest beside its row": ("SELECT count(*) FROM customers c, unnest(c.tags) AS u(tag)", 60),
    "json": ("SELECT (note->>'$.size')::INT + (note->'size')::INT FROM customers", 6),
    "a case and a cast": (
        "SELECT CASE WHEN TRY_CAST(name AS INT) IS NULL THEN 'text' END FROM customers",
        "text",
    ),
    "a set operation": (
        "SELECT count(*) FROM (SELECT id FROM customers EXCEPT SELECT id FROM orders WHERE id > 3)",
        4,
    ),
    "a pivot": (
        "SELECT DE FROM (PIVOT (SELECT country FROM customers) ON country IN ('DE', 'FR') USING count(*))",
        10,
    ),
    "quantiles": ("SELECT quantile_cont(amount, 0.5) FROM orders", 449.25),
    "rollup": ("SELECT count(*) FROM (SELECT country FROM customers GROUP BY ROLLUP (country))", 4),
    "a calendar without gaps": (
        "SELECT count(*) FROM range(DATE '2026-01-01', DATE '2026-02-01', INTERVAL 1 DAY)",
        31,
    ),
    "values": ("SELECT sum(n) FROM (VALUES (1), (2)) AS v(n)", 3),
    "star with exclude and columns": (
        "SELECT count(COLUMNS('^name$')) FROM (SELECT * EXCLUDE (note) FROM customers)",
        30,
    ),
    "a semicolon and a comment": ("SELECT 1 /* ; */ ; -- done;", 1),
    "no table": ("SELECT 1 + 1", 2),
    "capitals": ("select MAX(ID) from CUSTOMERS", 29),
    "padded keys and grouped digits": ("SELECT lpad('7', 3, '0') || format('{:,}', 1234567)", "0071,234,567"),
    "time zones": ("SELECT hour(joined AT TIME ZONE 'Europe/Berlin') FROM customers", 13),
}


@pytest.mark.parametrize(("sql", "first"), ANALYSES.values(), ids=ANALYSES.keys())
def test_an_analysis_runs(door: SqlDoor, sql: str, first: object) -> None:
    assert door.run(sql, relations=_RELATIONS).table.column(0)[0].as_py() == first


def test_only_the_rows_of_the_relation_are_seen(door: SqlDoor) -> None:
    result = door.run("SELECT * FROM customers", relations=_RELATIONS)
    assert result.table.num_rows == 30
    assert "team" not in result.table.column_names
    assert _CANARY not in str(result.table.to_pydict())


def test_only_what_the_query_names_is_put_in_front(door: SqlDoor) -> None:
    broken = _RELATIONS | {"tasks": "SELECT nothing FROM nowhere"}
    assert door.run("SELECT count(*) FROM orders", relations=broken).relations == ("orders",)
    with pytest.raises(QueryInvalid):
        door.run("SELECT * FROM tasks", relations=broken)


def test_a_hidden_row_cannot_make_the_query_fail(door: SqlDoor) -> None:
    trap = f"CAST(CASE WHEN name = '{_CANARY}' THEN 'x' ELSE '1' END AS INT) = 1"
    sql = f"SELECT count(*) AS n FROM customers WHERE {trap}"
    assert door.run(sql, relations=_RELATIONS).table.to_pydict() == {"n": [30]}


def test_a_failing_cast_names_only_visible_values(door: SqlDoor) -> None:
    with pytest.raises(QueryInvalid, match="Could not convert string 'Customer") as caught:
        door.run("SELECT CAST(name AS INT) FROM customers", relations=_RELATIONS)
    assert _CANARY not in str(caught.value)
    assert "sales" not in str(caught.value)


def test_an_error_shows_no_filter_of_the_relation(door: SqlDoor) -> None:
    with pytest.raises(QueryInvalid, match="nme") as caught:
        door.run("SELECT nme FROM customers", relations=_RELATIONS)
    assert "sales" not in str(caught.value) and "lake" not in str(caught.value)


def test_a_refusal_says_what_is_allowed_and_what_may_be_meant(door: SqlDoor) -> None:
    with pytest.raises(
        QueryRefused, match=r"'customer'.*customers, orders.*did you mean customers"
    ) as caught:
        door.run("SELECT * FROM customer", relations=_RELATIONS)
    assert caught.value.received == "the table 'customer'"


def test_more_rows_than_asked_for_are_cut_and_said_so(door: SqlDoor) -> None:
    cut = door.run("SELECT id FROM orders ORDER BY id DESC", relations=_RELATIONS, max_rows=3)
    assert (cut.table.to_pydict(), cut.truncated) == ({"id": [599, 598, 597]}, True)
    assert not door.run("SELECT 1 FROM customers", relations=_RELATIONS, max_rows=30).truncated


def test_values_are_bound(door: SqlDoor) -> None:
    named = door.run("SELECT $a || $b AS x", relations={}, params={"a": "x'; --", "b": 1, "unused": 2})
    assert named.table.to_pydict() == {"x": ["x'; --1"]}
    assert door.run("SELECT ? + ? AS x", relations={}, params=[1, 2]).table.to_pydict() == {"x": [3]}
    with pytest.raises(QueryInvalid, match=r"\$b"):
        door.run("SELECT $a, $b", relations={}, params={"a": 1})


def test_types_come_with_the_rows(door: SqlDoor) -> None:
    result = door.run(
        "SELECT revenue, born, now() - now() AS gap, 1 AS a, 2 AS a FROM customers", relations=_RELATIONS
    )
    assert result.types == ("DECIMAL(18,4)", "DATE", "INTERVAL", "INTEGER", "INTEGER")
    assert result.table.slice(0, 1).to_pylist() == [
        {"revenue": Decimal("0.0000"), "born": date(1990, 1, 1), "gap": "00:00:00", "a": 1, "a_1": 2}
    ]


def test_a_query_that_takes_too_long_is_stopped(door: SqlDoor) -> None:
    started = time.monotonic()
    with pytest.raises(QueryTimeout, match=r"0\.3 s"):
        door.run(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) = 1",
            relations={},
            timeout=0.3,
        )
    assert time.monotonic() - started < 10
    assert door.run("SELECT 1", relations={}, timeout=5).table.num_rows == 1


def test_a_query_that_needs_too_much_memory_says_so(door: SqlDoor) -> None:
    with pytest.raises(QueryInvalid, match="memory"):
        door.run("SELECT list(range) FROM range(1000000000)", relations={})


def test_what_is_committed_later_is_seen(door: SqlDoor, lake: Lake) -> None:
    lake.commit(
        lambda tx: tx.execute("CREATE TABLE lake.crm.news AS SELECT 1 AS a"), Change(actor="t", door="t")
    )
    news = {"news": 'SELECT a FROM "lake"."crm"."news"'}
    assert door.run("SELECT a FROM news", relations=news).table.to_pydict() == {"a": [1]}


def test_threads_share_a_door(door: SqlDoor) -> None:
    sums: list[object] = []

    def ask(n: int) -> None:
        sums.append(
            door.run("SELECT count(*) + $n AS x FROM orders", relations=_RELATIONS, params={"n": n})
            .table["x"][0]
            .as_py()
        )

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(sums) == [600 + n for n in range(6)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT levenshtein(string_agg('abc', ''), string_agg('bcd', '')) FROM range(200000)",
        "SELECT sum(len(list_transform(range(10000000), lambda x: repeat('x', 9999))))",
    ],
    ids=["a function that heeds no interrupt", "texts that no limit of DuckDB counts"],
)
def test_what_cannot_be_stopped_is_ended_with_its_process(door: SqlDoor, sql: str) -> None:
    started = time.monotonic()
    with pytest.raises((QueryTimeout, QueryInvalid), match=r"stopped|memory"):
        door.run(sql, relations={}, timeout=1.0)
    assert time.monotonic() - started < 60
    assert door.run("SELECT count(*) AS n FROM orders", relations=_RELATIONS).table.to_pydict() == {
        "n": [600]
    }


def test_a_lake_that_cannot_be_attached_says_so(tmp_path: Path) -> None:
    config = LakeConfig(catalog=f"sqlite:{tmp_path / 'nothing' / 'there.sqlite'}", data_path=str(tmp_path))
    with SqlDoor(config) as door, pytest.raises(LakeError, match=r"there\.sqlite"):
        door.run("SELECT 1", relations={})


def test_a_door_within_the_process_keeps_the_same_rules(lake: Lake) -> None:
    with SqlDoor(lake, isolated=False) as door:
        assert door.run("SELECT max(id) AS n FROM customers", relations=_RELATIONS).table.to_pydict() == {
            "n": [29]
        }
        with pytest.raises(QueryRefused):
            door.run("SELECT getenv('HOME')", relations=_RELATIONS)
        assert door._workers == []


def test_a_closed_door_leaves_no_process(lake: Lake) -> None:
    with SqlDoor(lake) as door:
        door.run("SELECT 1", relations={})
        workers = list(door._workers)
        assert [worker.alive for worker in workers] == [True]
    assert [worker.alive for worker in workers] == [False]


def test_the_catalog_is_attached_read_only(lake: Lake) -> None:
    engine = SqlEngine(lake.config, memory_limit="300MB", threads=1)
    for sql, why in {
        "DELETE FROM lake.crm.customers": "read-only",
        "SET memory_limit = '10GB'": "locked",
        "FROM read_text('/etc/passwd')": "disabled",
    }.items():
        with pytest.raises(duckdb.Error, match=why):
            engine._root.execute(sql)
    engine.close()
