"""What follows a load: its flows run at once where nobody else follows the feed, and are undone with it."""

from dataclasses import replace
from typing import Any

from crm_core.access import Actor
from crm_core.loading import LoadResult, UndoResult, on_undo, undo
from flows.outbox import drop_messages
from flows.runner import run_until_current
from lake import Lake, Transaction, table


def settle_load(lake: Lake, result: LoadResult, *, silent: bool = False) -> LoadResult:
    """Work through what the load set off, unless another process does; mail is never waited for.

    What was loaded silently sets off nothing.

    Returns:
        The result with the number of messages that are held for a person, as far as they were made here.
    """
    if silent:
        return result
    reports = run_until_current(lake)
    return replace(result, held_messages=sum(report.held for report in reports))


def undo_load(lake: Lake, load_id: str, *, actor: Actor) -> UndoResult:
    """Take a load back with what flows did because of it; see `crm_core.loading.undo`."""
    return undo(lake, load_id, actor=actor)


@on_undo
def revoke_messages(tx: Transaction, lake: Lake, load_id: str) -> list[dict[str, Any]]:
    """Within the undo of a load: its messages do not leave any more; those that have left are given back."""
    _, gone = drop_messages(tx, lake, reason="its load was undone", load_id=load_id, tell=False)
    left = tx.read(
        "SELECT CAST(id AS VARCHAR) AS message, channel, recipient, state, flow "
        f"FROM {table('ops', 'outbox')} WHERE CAST(id AS VARCHAR) IN (SELECT unnest($ids)) ORDER BY id",
        {"ids": gone},
    )
    return left.to_dicts()
