"""What was measured, as lines of one table."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Line:
    """One figure beside what it was measured against and what was aimed at."""

    what: str
    measured: str
    aim: str
    met: bool | None


@dataclass
class Report:
    """The lines of a run, printed as they come."""

    lines: list[Line] = field(default_factory=list)

    def add(self, what: str, measured: str, *, aim: str = "", met: bool | None = None) -> None:
        """Note a figure; `met` is None where nothing was aimed at."""
        line = Line(what, measured, aim, met)
        self.lines.append(line)
        print(
            f"{what}: {measured}" + (f" (aim {aim}: {'met' if met else 'not met'})" if aim else ""),
            flush=True,
        )

    def ratio(self, what: str, ours: float, theirs: float, *, at_most: float) -> None:
        """Note how many times longer ours took."""
        times = ours / theirs
        measured = f"{times:.1f}× ({ours:.2f} s against {theirs:.2f} s)"
        self.add(what, measured, aim=f"≤ {at_most:g}×", met=times <= at_most)

    def p95(self, what: str, seconds: list[float], *, at_most_ms: float) -> None:
        """Note the median and the 95th percentile of some durations."""
        high = percentile(seconds, 0.95) * 1000
        measured = f"p50 {statistics.median(seconds) * 1000:.0f} ms, p95 {high:.0f} ms"
        self.add(what, measured, aim=f"p95 ≤ {at_most_ms:g} ms", met=high <= at_most_ms)

    def markdown(self, before: str = "") -> str:
        """The table; lines of the one before, which were not measured anew, stay where they stood."""
        head = ["| what | measured | aim | |", "| --- | --- | --- | --- |"]
        verdict = {True: "met", False: "**not met**", None: ""}
        kept = [row for row in before.splitlines() if row.startswith("| ") and row not in head]
        rows = {row.split(" | ")[0].removeprefix("| "): row for row in kept}
        rows |= {
            line.what: f"| {line.what} | {line.measured} | {line.aim} | {verdict[line.met]} |"
            for line in self.lines
        }
        return "\n".join([*head, *rows.values()]) + "\n"


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def timed(work: Callable[[], object]) -> float:
    """How many seconds it took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def times(work: Callable[[int], object], *, runs: int, warm: int = 2) -> list[float]:
    """How many seconds each run took, after some that do not count."""
    for number in range(warm):
        work(number)
    return [timed(lambda number=number: work(number)) for number in range(runs)]  # type: ignore[misc]
