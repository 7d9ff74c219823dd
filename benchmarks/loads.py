"""Loading a million customers, against DuckDB's own `CREATE TABLE … AS SELECT * FROM read_csv(…)` into the same lake.

Three loads, each in a process of its own so that the peak of memory is its own: the first load, the same key again
with half of the rows changed, and a first load with ten active flows. The source's rows are kept as they were given
and e-mails and phones become contact points, as in any load of customers.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.report import Report, timed
from crm_core.access import Actor
from crm_core.definitions import apply_pack, save
from crm_core.loading import LoadOptions, load
from crm_core.workspace import prepare
from flows import schema_sql
from flows.after_load import settle_load
from lake import Lake, LakeConfig, table

ROWS = 1_000_000
FLOWS = 10
MEMORY_LIMIT_GB = 2.0
ADMIN = Actor.local_admin()
HEADER = "external_id,name,kind,first_name,last_name,company,email,phone,country,city,birthday,credit_limit"
"""Twelve columns."""


def write_csv(path: Path, *, rows: int = ROWS, changed: bool = False) -> Path:
    """Write customers that are told apart by `external_id`; with `changed` every second one has moved and married."""
    import duckdb

    odd = "i % 2 = 1" if changed else "false"
    select = f"""
        SELECT 'C' || i AS external_id, first_name || ' ' || last_name AS name, 'person' AS kind, first_name, last_name,
          CASE WHEN i % 3 = 0 THEN 'Company ' || (i % 9973) END AS company,
          lower(first_name) || '.' || i || '@mail.example' AS email,
          '+49301' || lpad(CAST(i AS VARCHAR), 7, '0') AS phone, ['DE','FR','AT','CH','NL'][i % 5 + 1] AS country,
          CASE WHEN {odd} THEN 'Bremen' ELSE ['Berlin','Paris','Wien','Bern','Delft'][i % 5 + 1] END AS city,
          DATE '1950-01-01' + CAST(i % 18000 AS INTEGER) AS birthday, (i % 500) * 10 || '.50 EUR' AS credit_limit
        FROM (SELECT i, ['Anna','Ben','Cora','Dan','Eva','Finn','Gül','Hanna'][i % 8 + 1] AS first_name,
          CASE WHEN {odd} THEN 'Neumann' ELSE ['Müller','Moreau','Huber','Rossi','Visser'][i % 5 + 1] END AS last_name
          FROM range({rows}) AS r(i))"""
    duckdb.sql(f"COPY ({select}) TO '{path}' (FORMAT csv, HEADER)")
    return path


def flow(number: int) -> dict[str, Any]:
    """A flow that looks at every new customer, and acts on a few hundred of the million."""
    return {
        "flow": f"bench-{number}",
        "module": "customers",
        "trigger": {"event": "created"},
        "when": {"all": [{"field": "company", "op": "eq", "value": f"Company {number * 7}"},
                         {"field": "credit_limit", "op": "gt", "value": 100}]},
        "do": [{"set_field": {"remarks": f"seen by {number}"}}],
    }  # fmt: skip


def open_lake(folder: Path) -> Lake:
    """A lake with the shipped modules."""
    lake = Lake.open(
        LakeConfig(catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"))
    )
    prepare(lake, schemas=[schema_sql()])
    apply_pack(lake, "logistics", actor=Actor.system())
    return lake


def main() -> None:
    """One load in this process: prints its seconds, its peak of memory in MiB and what it did, as JSON."""
    folder, file, flows = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    with open_lake(folder) as lake:
        save(lake, [("flow", flow(number)) for number in range(flows)], actor=Actor.system())
        started, worked = time.perf_counter(), time.process_time()
        options = LoadOptions(key=("external_id",), source="bench")
        result = load(lake, [file], module="customers", actor=ADMIN, options=options)
        if flows:
            settle_load(lake, result)
        seconds, cpu = time.perf_counter() - started, time.process_time() - worked
        done = lake.read(f"SELECT count(*) AS n FROM {table('ops', 'flow_runs')}").item() if flows else 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {
        "seconds": seconds,
        "cpu": cpu,
        "peak": peak,
        "runs": done,
        "inserted": result.inserted,
        "updated": result.updated,
    }
    print(json.dumps(told))


def _loaded(folder: Path, file: Path, *, flows: int = 0) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "benchmarks.loads", str(folder), str(file), str(flows)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _plain(folder: Path, file: Path) -> tuple[float, float]:
    """Seconds, and seconds of processors, of DuckDB's own load of the file into a DuckLake of its own."""
    folder.mkdir()
    with Lake.open(
        LakeConfig(catalog=f"sqlite:{folder / 'catalog.sqlite'}", data_path=str(folder / "data"))
    ) as lake:
        with lake.session() as s:
            worked = time.process_time()
            seconds = timed(
                lambda: s.execute(f"CREATE TABLE lake.main.plain AS SELECT * FROM read_csv('{file}')")
            )
            return seconds, time.process_time() - worked


def run(report: Report, folder: Path, *, rows: int = ROWS) -> None:
    """Measure the loads and note their ratios."""
    first, second = (
        write_csv(folder / "first.csv", rows=rows),
        write_csv(folder / "second.csv", rows=rows, changed=True),
    )
    plain, plain_cpu = min(_plain(folder / f"plain{number}", first) for number in range(3))
    loaded = _loaded(folder / "lake", first)
    upserted = _loaded(folder / "lake", second)
    flowed = _loaded(folder / "flows", first, flows=FLOWS)
    if (loaded["inserted"], upserted["updated"], flowed["inserted"]) != (rows, rows // 2, rows) or not flowed[
        "runs"
    ]:
        raise AssertionError(f"the loads did not do what is measured: {loaded}, {upserted}, {flowed}")
    what = f"load {rows / 1e6:g}M customers × 12 columns"
    report.ratio(f"{what}, first load", loaded["seconds"], plain, at_most=5)
    report.ratio(f"{what}, upsert with half of the rows changed", upserted["seconds"], plain, at_most=7)
    report.ratio(
        f"{what}, with {FLOWS} active flows ({flowed['runs']} runs)", flowed["seconds"], plain, at_most=9
    )
    work = ", ".join(f"{one['cpu'] / plain_cpu:.1f}×" for one in (loaded, upserted, flowed))
    report.add(f"{what}, work of all processors beside plain (first, upsert, with flows)", work)
    peak = max(one["peak"] for one in (loaded, upserted, flowed)) / 1024
    report.add(
        f"{what}, peak memory",
        f"{peak:.2f} GiB",
        aim=f"≤ {MEMORY_LIMIT_GB:g} GB",
        met=peak <= MEMORY_LIMIT_GB,
    )


if __name__ == "__main__":
    main()
