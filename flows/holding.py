"""Runs that are held against a storm: counted, released, or dropped by a person."""

from collections.abc import Sequence
from datetime import UTC, datetime

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from flows.commit import prepare, store
from flows.resume import stage_resumed
from flows.store import find_stored
from lake import Change, Lake, Transaction, table

_RUNS_OF_LAKE = table("ops", "flow_runs")


def count_held(lake: Lake, *, actor: Actor) -> dict[str, int]:
    """How many runs are held, by the flow's slug; for administrators."""
    actor.require_admin("flows")
    rows = lake.read(
        f"SELECT flow, count(*) AS n FROM {_RUNS_OF_LAKE} WHERE state = 'held' GROUP BY 1 ORDER BY 1"
    )
    return dict(rows.iter_rows())


def release_runs(lake: Lake, flow: str, *, actor: Actor, ids: Sequence[str] | None = None) -> int:
    """Let held runs of a flow go: those named, or all. They see the records as they are now; returns how many.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow: There is no such flow.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    slug = find_stored(catalog, flow).slug
    some, values = _chosen(slug, ids)
    change = Change(actor=actor.user, door="flow:release", reason=f"held runs of {slug} released")
    with lake.session(bulk=True) as session:
        staged = stage_resumed(
            session,
            lake,
            going=f"SELECT id AS run_id, '' AS start, NULL::UUID AS timer, 'held' AS expects, 1 AS attempt "
            f"FROM {_RUNS_OF_LAKE} WHERE {some}",
            values=values,
            now=datetime.now(UTC),
        )
        if staged is None:
            return 0
        prepared = prepare(session, staged)
        hold_over = catalog.workspace.hold_messages_over
        session.commit(lambda tx: store(tx, prepared, hold_over=hold_over), change)
        return staged.runs


def drop_runs(lake: Lake, flow: str, *, actor: Actor, ids: Sequence[str] | None = None) -> int:
    """Decide against held runs of a flow: those named, or all; returns how many.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow: There is no such flow.
    """
    actor.require_admin("flows")
    slug = find_stored(read_catalog(lake), flow).slug
    some, values = _chosen(slug, ids)

    def work(tx: Transaction) -> int:
        count = tx.execute(
            f"UPDATE {_RUNS_OF_LAKE} SET state = 'cancelled', error = $why WHERE {some}",
            {**values, "why": f"dropped by {actor.user}"},
        )
        if not count:
            tx.cancel()
        return count

    change = Change(actor=actor.user, door="flow:cancel", reason=f"held runs of {slug} dropped")
    return lake.commit(work, change).value


def _chosen(slug: str, ids: Sequence[str] | None) -> tuple[str, dict[str, object]]:
    some = "state = 'held' AND flow = $flow"
    if ids is None:
        return some, {"flow": slug}
    return some + " AND CAST(id AS VARCHAR) IN (SELECT unnest($ids))", {"flow": slug, "ids": list(ids)}
