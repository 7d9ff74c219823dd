"""Cancelling runs: what was written stays, messages that have not left are dropped."""

from collections.abc import Sequence

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from flows.errors import UnknownRun
from flows.outbox import drop_messages
from flows.run_history import Run, list_runs
from flows.store import find_stored
from flows.waits import TIMERS
from lake import Change, Lake, Transaction, table

_RUNS = table("ops", "flow_runs")


def cancel_runs_of(
    lake: Lake, flow: str, *, record_ids: Sequence[str], actor: Actor
) -> tuple[list[Run], int]:
    """Cancel every run of a flow for some records.

    Returns:
        The runs, and how many messages were dropped.

    Raises:
        UnknownFlow: There is no such flow.
        UnknownRun: It never ran for one of them, or not for one that the actor may see.
        Forbidden: The actor may only look.
    """
    actor.require_change("flows")
    slug, runs = find_stored(read_catalog(lake), flow).slug, []
    for record_id in record_ids:
        of_record = list_runs(lake, actor=actor, flow=slug, record_id=record_id, limit=10_000)
        if not of_record:
            raise UnknownRun(f"of {slug} for {record_id}")
        runs += of_record
    return _cancel(lake, runs, actor)


def cancel_runs(lake: Lake, run_id: str, *, actor: Actor) -> tuple[list[Run], int]:
    """Cancel a run, or all runs of a command.

    Returns:
        The runs, and how many messages were dropped.

    Raises:
        UnknownRun: There is no such run or command, or none of a record that the actor may see.
        Forbidden: The actor may only look.
    """
    actor.require_change("flows")
    runs = list_runs(lake, actor=actor, run_id=run_id) or list_runs(
        lake, actor=actor, change_id=run_id, limit=10_000
    )
    if not runs:
        raise UnknownRun(run_id)
    return _cancel(lake, runs, actor)


def _cancel(lake: Lake, runs: list[Run], actor: Actor) -> tuple[list[Run], int]:
    ids = [run.id for run in runs]

    def work(tx: Transaction) -> int:
        dropped, _ = drop_messages(tx, lake, run_ids=ids, reason=f"cancelled by {actor.user}")
        tx.execute(f"DELETE FROM {TIMERS} WHERE CAST(run_id AS VARCHAR) IN (SELECT unnest(?))", [ids])
        tx.execute(
            f"UPDATE {_RUNS} SET state = 'cancelled' WHERE state <> 'cancelled' "
            "AND CAST(id AS VARCHAR) IN (SELECT unnest(?))",
            [ids],
        )
        return dropped

    dropped = lake.commit(work, Change(actor=actor.user, door="flow:cancel", reason="runs cancelled")).value
    return runs, dropped
