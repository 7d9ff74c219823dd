"""Do commits and reads get slower with the number of commits? Nothing expires here.

Each commit inserts a record; each fourth also changes an older one and moves a cursor. Maintenance runs when it is
due. Prints the lower decile of 200 commits and of 50 reads at each mark, in ms of processor time and of
the clock, and the ratio of the former to the first mark's: what a busy neighbour adds is left out.

    python -m benchmarks.growth [--commits 20000] [--catalog postgres:host=… dbname=…]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.report import Report
from lake import Change, Lake, LakeConfig, Transaction, catalog, cursors, maintenance

WINDOW = 200
MARKS = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000)
MODULES = ("customers", "inquiries", "tasks")
Time = tuple[float, float]


def main() -> None:
    """Measure, and print one line a mark."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--commits", type=int, default=20_000)
    parser.add_argument("--catalog")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        address = options.catalog or f"sqlite:{Path(folder) / 'catalog.sqlite'}"
        with Lake.open(LakeConfig(catalog=address, data_path=str(Path(folder) / "data"), threads=1)) as lake:
            measure(lake, commits=options.commits)


def run(report: Report, folder: Path, *, commits: int = 20_000) -> None:
    """Note how many times longer commits and reads take at the end than after the first thousand commits."""
    config = LakeConfig(
        catalog=f"sqlite:{folder / 'growth.sqlite'}", data_path=str(folder / "growth"), threads=1
    )
    with Lake.open(config) as lake:
        first, last = measure(lake, commits=commits)
    for what, words in {"commit": "a small commit", "read": "a list", "point": "one record"}.items():
        times = last[what] / first[what]
        report.add(
            f"{words} after {commits:,} small commits, against after {MARKS[0]:,}",
            f"{times:.2f}× ({last[what] * 1000:.1f} ms against {first[what] * 1000:.1f} ms of processor time)",
            aim="≤ 1.5×", met=times <= 1.5,
        )  # fmt: skip


def measure(lake: Lake, *, commits: int) -> tuple[dict[str, float], dict[str, float]]:
    """Commit so often, print what the marks show, and return the processor seconds of the first and the last."""
    lake.commit(create_modules, change())
    marks = [mark for mark in MARKS if mark <= commits] or [commits]
    first: dict[str, float] = {}
    last: dict[str, float] = {}
    print(
        "commits | commit read point current: processor ms, clock ms, ratio | files (live), stats, snapshots | s"
    )
    upkeep = 0.0
    times: list[Time] = []
    for number in range(1, commits + 1):
        times.append(timed(partial(lake.commit, edit(number), change())))
        if number % 100 == 0 and maintenance.should_run(lake):
            upkeep += timed(lambda: maintenance.run(lake))[1]
        if number in marks:
            found = {"commit": decile(times[-WINDOW:]), **read_times(lake)}
            last = {name: cpu for name, (cpu, _) in found.items()}
            first = first or last
            cells = "  ".join(
                f"{cpu * 1000:5.1f} {wall * 1000:5.1f} {cpu / first[name]:4.2f}"
                for name, (cpu, wall) in found.items()
            )
            print(f"{number:7d} | {cells} | {layout(lake)} | {upkeep:5.1f}", flush=True)
            upkeep = 0.0
    return first, last


def change() -> Change:
    """Who writes here."""
    return Change(actor="bench", door="benchmark")


def create_modules(tx: Transaction) -> None:
    """Tables as wide as a module's, with some records to begin with, so that the first mark reads files too."""
    texts = ", ".join(f"field_{number} varchar" for number in range(20))
    for name in MODULES:
        tx.execute(
            f'CREATE TABLE "lake"."crm"."{name}" (id bigint, {texts}, created_at timestamptz, version bigint)'
        )
        tx.execute(
            f'INSERT INTO "lake"."crm"."{name}" (id, field_0, field_1, created_at, version) '
            "SELECT -range, 'name ' || range, 'old', ?, ? FROM range(5000)",
            [tx.occurred_at, tx.snapshot],
        )


def edit(number: int) -> Callable[[Transaction], None]:
    """One everyday edit."""

    def work(tx: Transaction) -> None:
        name, other = random.sample(MODULES, 2)
        tx.execute(
            f'INSERT INTO "lake"."crm"."{name}" (id, field_0, field_1, created_at, version) VALUES (?, ?, ?, ?, ?)',
            [number, f"name {number}", "new", tx.occurred_at, tx.snapshot],
        )
        if number % 4 == 0:
            tx.execute(
                f'UPDATE "lake"."crm"."{other}" SET field_1 = ?, version = ? WHERE id = ?',
                ["changed", tx.snapshot, random.randrange(number)],
            )
            cursors.advance(tx, "flows", tx.snapshot - 1)

    return work


def read_times(lake: Lake) -> dict[str, Time]:
    """A list, a record and the number of the newest snapshot."""
    page = 'SELECT * FROM "lake"."crm"."customers" ORDER BY version DESC LIMIT 50'
    record = 'SELECT * FROM "lake"."crm"."customers" WHERE id = 500'
    return {
        "read": decile([timed(lambda: lake.read(page)) for _ in range(50)]),
        "point": decile([timed(lambda: lake.read(record)) for _ in range(50)]),
        "current": decile([timed(lake.snapshot) for _ in range(50)]),
    }


def layout(lake: Lake) -> str:
    """How much the catalog holds."""
    sql = "SELECT count(*) AS n, count(CASE WHEN end_snapshot IS NULL THEN 1 END) AS live FROM ducklake_data_file"
    files = catalog.query(lake, sql)[0]
    snapshots = catalog.query(lake, "SELECT count(*) AS n FROM ducklake_snapshot")[0]["n"]
    stats = catalog.query(lake, "SELECT count(*) AS n FROM ducklake_file_column_stats")[0]["n"]
    return f"{files['n']} ({files['live']}) {stats} stats, {snapshots}"


def decile(times: list[Time]) -> Time:
    """What nine in ten take longer than, of each clock."""
    place = len(times) // 10
    return sorted(cpu for cpu, _ in times)[place], sorted(wall for _, wall in times)[place]


def timed(call: Callable[[], object]) -> Time:
    """Seconds that a call takes: of processor time, and on the clock."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


if __name__ == "__main__":
    main()
