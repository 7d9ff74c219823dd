"""What changed while a flow was paused with a queue, worked off once it is active again."""

from dataclasses import dataclass

from flows.active import active_flows
from flows.commit import Stored, prepare, store
from flows.manual import stage_again
from flows.pauses import due, move
from flows.runs import deepest
from flows.windows import MAX_SNAPSHOTS, catalog_at, clock_window
from lake import Change, Lake, Transaction


@dataclass(frozen=True)
class CaughtUp:
    """What a flow did with a part of what waited for it; `snapshot` is None when somebody else was there first."""

    flow: str
    changes: int
    runs: int
    stored: Stored
    snapshot: int | None


def catch_up(lake: Lake, *, read: int, max_snapshots: int = MAX_SNAPSHOTS) -> CaughtUp | None:
    """Work off the next commits that wait for a flow; None when nothing waits. The caller holds the lease `runner`.

    Every change meets the version that was activated, and related records as they were at the time. Effects, runs and
    the flow's cursor are one commit.

    Args:
        lake: the lake.
        read: the last snapshot that the runner has read.
        max_snapshots: how many commits at most.
    """
    found = due(lake, read=read)
    if found is None:
        return None
    stretch, place = found
    assert stretch.until is not None
    catalog = catalog_at(lake, stretch.until)
    flows = [flow for flow in active_flows(catalog) if flow.slug == stretch.flow]
    window = clock_window(lake, flows, after=place, until=min(stretch.until, place + max_snapshots), now=None)
    with lake.session(bulk=True) as session:
        staged = stage_again(session, lake, catalog, flows, window)
        prepared = prepare(session, staged)

        def work(tx: Transaction) -> Stored | None:
            if not move(tx, stretch, place=place, until=window.until):
                tx.cancel()
                return None
            return store(tx, prepared, hold_over=catalog.workspace.hold_messages_over)

        reason = f"flow {stretch.flow}: what waited while it was paused"
        change = Change(actor="system", door="flow:window", reason=reason, depth=deepest(session))
        done = session.commit(work, change)
    return CaughtUp(
        stretch.flow,
        staged.changes,
        staged.runs,
        done.value or Stored(),
        done.snapshot if done.wrote else None,
    )
