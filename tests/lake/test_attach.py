"""Anybody's DuckDB can open the lake read-only, with the lines of the README, while a writer runs."""

from __future__ import annotations

import json
import subprocess
import sys

from lake import Change, Lake, table

NOTES = table("crm", "notes")

# Another process with nothing of ours but the extension wheels.
READER = """
import json, sys, duckdb
from duckdb_extensions import import_extension
con = duckdb.connect(config={"extension_directory": sys.argv[2]})
for name, loaded in json.loads(sys.argv[3]):
    import_extension(name, con=con)
    con.execute(f"LOAD {loaded}")
con.execute(f"ATTACH 'ducklake:{sys.argv[1]}' AS merganser (READ_ONLY)")
print("attached", flush=True)
for line in sys.stdin:
    rows = con.execute("SELECT count(*), count(DISTINCT id) FROM merganser.crm.notes").fetchone()
    seen = con.execute("SELECT count(*) FROM merganser.main.first_notes").fetchone()
    print(json.dumps([*rows, *seen]), flush=True)
try:
    con.execute("DELETE FROM merganser.crm.notes")
except duckdb.Error as error:
    print(json.dumps(str(error).splitlines()[0]), flush=True)
"""


def test_plain_duckdb_reads_the_lake_beside_a_writer_and_cannot_write(lake: Lake, tmp_path: object) -> None:
    def run_sql(sql: str) -> None:
        lake.commit(lambda tx: tx.execute(sql), Change(actor="anna", door="test"))

    run_sql(f"CREATE TABLE {NOTES} (id integer)")
    lake.bootstrap("CREATE VIEW IF NOT EXISTS main.first_notes AS SELECT * FROM crm.notes WHERE id < 3")
    extensions = {"sqlite": "sqlite_scanner", "postgres": "postgres_scanner"}
    needed = [["ducklake", "ducklake"], [lake.config.kind, extensions[lake.config.kind]]]
    command = [sys.executable, "-c", READER, lake.config.catalog, f"{tmp_path}/ext", json.dumps(needed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        assert reader.stdout.readline() == "attached\n"
        for number in range(8):
            run_sql(f"INSERT INTO {NOTES} VALUES ({number})")
            reader.stdin.write("again\n")
            reader.stdin.flush()
            assert json.loads(reader.stdout.readline()) == [number + 1, number + 1, min(number + 1, 3)]
        reader.stdin.close()
        assert "read-only" in json.loads(reader.stdout.readline())
