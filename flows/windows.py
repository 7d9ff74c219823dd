"""Which snapshots are read together, and which definitions hold for them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from crm_core.definition_documents import build_catalog
from crm_core.definition_versions import current_rows_sql, read_row
from crm_core.definitions import read_catalog
from crm_core.model import Catalog
from flows.active import ActiveFlow, active_flows, waits_for_changes
from flows.compiler import flow_reads_the_clock
from flows.provenance import SILENT_DOORS
from flows.staging import Window
from flows.steps import Wait
from lake import Change, Lake, Transaction, cursors, table

CURSOR = "flows"
MAX_SNAPSHOTS = 500
"""Commits that are read together at most; one commit, however large, is never divided."""

CLOCK_STEP = 60.0
"""Seconds between the commits of one window at most, when a condition asks what time it is."""

_DEFINITIONS = table("meta", "definitions")
_CHANGES = table("ops", "changes")


def read_cursor(lake: Lake) -> int:
    """The last snapshot whose changes the flows have seen; 0 in a new lake."""
    return lake.cursors.read(CURSOR) or 0


def pass_over_silence(lake: Lake) -> bool:
    """Store that the flows have seen everything, where nothing since the cursor can set any of them off.

    What a demo wrote need not be read for nothing by the first runner. A commit without provenance was made from
    outside the door, and is left to the runner, as is everything before it.

    Returns:
        Whether the cursor moved to the end.
    """

    def work(tx: Transaction) -> bool:
        cursor = cursors.read(tx, CURSOR) or 0
        found = tx.read(
            "SELECT count(DISTINCT snapshot) AS told, "
            "count(*) FILTER (NOT list_contains($silent, door)) AS heard "
            f"FROM {_CHANGES} WHERE snapshot > $cursor AND snapshot < $here",
            {"silent": [*SILENT_DOORS, "people"], "cursor": cursor, "here": tx.snapshot},
        ).row(0, named=True)
        if found["heard"] or found["told"] != tx.snapshot - cursor - 1 or not found["told"]:
            tx.cancel()
            return False
        return cursors.advance(tx, CURSOR, tx.snapshot)

    return lake.commit(work, Change(actor="system", door="flow:window", reason="nothing to do so far")).value


def catalog_at(lake: Lake, snapshot: int) -> Catalog:
    """The definitions as they were at a snapshot."""
    current = read_catalog(lake)
    if current.version <= snapshot:
        return current
    rows = lake.read(current_rows_sql("WHERE snapshot <= $until"), {"until": snapshot})
    mark = lake.read(
        f"SELECT coalesce(max(snapshot), 0) AS n FROM {_DEFINITIONS} WHERE snapshot <= ?", [snapshot]
    )
    return build_catalog(map(read_row, rows.to_dicts()), version=int(mark["n"][0]))


def next_window(
    lake: Lake, *, after: int, now: datetime | None = None, max_snapshots: int = MAX_SNAPSHOTS
) -> tuple[Window, Catalog] | None:
    """The next snapshots to read and the definitions they were made under; None when all are read.

    A window ends before definitions change, so that every change meets the flows that were active when it was made;
    and where a condition asks for the time, its commits lie within a minute of each other.

    Args:
        lake: the lake.
        after: the last snapshot that was read.
        now: the aware instant that counts as now; by default that of the window's last commit where it matters.
        max_snapshots: how many commits at most.
    """
    current = lake.snapshot()
    if after >= current:
        return None
    until, catalog = min(current, after + max_snapshots), read_catalog(lake)
    if catalog.version > after + 1:
        until = _before_definitions_change(lake, after, until)
        catalog = catalog_at(lake, until)
    return clock_window(lake, active_flows(catalog), after=after, until=until, now=now), catalog


def clock_window(
    lake: Lake, flows: Sequence[ActiveFlow], *, after: int, until: int, now: datetime | None
) -> Window:
    """The commits up to `until` as a window; fewer, where a flow asks for the time and they lie too far apart."""
    moment = now or datetime.now(UTC)
    if any(_asks_in_windows(flow) for flow in flows):
        until, times = _within_a_minute(until, _commit_times(lake, after, until))
        moment = now or (times[-1][1] if times else moment)
    return Window(after, until, until, moment)


def _asks_in_windows(flow: ActiveFlow) -> bool:
    """Whether what changes mean to a flow depends on when they are looked at; the clock's own flows see no changes."""
    waits = any(isinstance(one.step, Wait) for one in flow.definition.steps)
    return (waits_for_changes(flow) or waits) and flow_reads_the_clock(flow.definition)


def _before_definitions_change(lake: Lake, after: int, until: int) -> int:
    """The last snapshot up to which the definitions of the first one hold."""
    changed = lake.read(
        f"SELECT min(snapshot) AS s FROM {_DEFINITIONS} WHERE snapshot > ? AND snapshot <= ?",
        [after + 1, until],
    )["s"][0]
    return until if changed is None else int(changed) - 1


def _commit_times(lake: Lake, after: int, until: int) -> list[tuple[int, datetime]]:
    rows = lake.read(
        f"SELECT snapshot, max(occurred_at) AS moment FROM {_CHANGES} WHERE snapshot > ? AND snapshot <= ? "
        "GROUP BY snapshot ORDER BY snapshot",
        [after, until],
    )
    return list(rows.iter_rows())


def _within_a_minute(until: int, times: list[tuple[int, datetime]]) -> tuple[int, list[tuple[int, datetime]]]:
    for place, (snapshot, moment) in enumerate(times):
        if abs((moment - times[0][1]).total_seconds()) > CLOCK_STEP:
            return snapshot - 1, times[:place]
    return until, times
