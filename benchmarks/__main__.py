"""Measure, and write `benchmarks/results.md`: `python -m benchmarks [part …]`."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks import (
    backtest,
    clicks,
    crowd,
    drain,
    effects,
    growth,
    intake,
    loads,
    reads,
    rules,
    windows,
    workspace,
)
from benchmarks.report import Report

PARTS: dict[str, Callable[[Report, Path], None]] = {
    "rules": rules.run,
    "backtest": backtest.run,
    "loads": loads.run,
    "reads": reads.run,
    "intake": intake.run,
    "clicks": clicks.run,
    "workspace": workspace.run,
    "crowd": crowd.run,
    "drain": drain.run,
    "growth": growth.run,
    "windows": windows.run,
    "effects": effects.run,
}


def main() -> None:
    """Run the parts that are named, else all; their results replace those there were."""
    chosen = sys.argv[1:] or list(PARTS)
    unknown = set(chosen) - set(PARTS)
    if unknown:
        raise SystemExit(f"There is no part {', '.join(sorted(unknown))}; there are: {', '.join(PARTS)}.")
    results = Path(__file__).with_name("results.md")
    before = results.read_text(encoding="utf-8") if len(chosen) < len(PARTS) and results.exists() else ""
    report = Report()
    for part in chosen:
        with tempfile.TemporaryDirectory(prefix=f"merganser-{part}-") as folder:
            PARTS[part](report, Path(folder))
        # After each part, so that one which fails takes nothing from those before it.
        results.write_text(_document(report, before), encoding="utf-8")


def _document(report: Report, before: str) -> str:
    processors = len(os.sched_getaffinity(0))
    head = (
        "# What was measured\n\n"
        f"By `make bench` on {datetime.now(UTC):%Y-%m-%d}, each part in one run: {processors} processors "
        f"({platform.machine()}), Python {platform.python_version()}, DuckDB {version('duckdb')}. Servers, clients and "
        "browsers share the machine. Where something was aimed at, the last column says whether it was reached.\n\n"
    )
    return head + report.markdown(before)


if __name__ == "__main__":
    main()
