"""Measure, and write `benchmarks/results.md`: `python -m benchmarks`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import rules
from benchmarks.report import Report
from lake import Lake, LakeConfig


def main() -> None:
    """Run what is measured so far, each in a lake of its own."""
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        config = LakeConfig(catalog=f"sqlite:{Path(folder) / 'catalog.sqlite'}", data_path=f"{folder}/data")
        with Lake.open(config) as lake:
            rules.run(report, lake)
    Path(__file__).with_name("results.md").write_text(
        f"# What was measured\n\n{report.markdown()}", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
