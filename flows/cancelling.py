"""Cancelling runs: what was written stays, messages that have not left are dropped."""

from crm_core.access import Actor
from flows.errors import UnknownRun
from flows.outbox import drop_messages
from flows.run_history import Run, list_runs
from lake import Change, Lake, Transaction, table

_RUNS = table("ops", "flow_runs")


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
    ids = [run.id for run in runs]

    def work(tx: Transaction) -> int:
        dropped, _ = drop_messages(tx, lake, run_ids=ids, reason=f"cancelled by {actor.user}")
        tx.execute(
            f"UPDATE {_RUNS} SET state = 'cancelled' WHERE state <> 'cancelled' "
            "AND CAST(id AS VARCHAR) IN (SELECT unnest(?))",
            [ids],
        )
        return dropped

    dropped = lake.commit(work, Change(actor=actor.user, door="flow:cancel", reason="runs cancelled")).value
    return runs, dropped
