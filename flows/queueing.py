"""What is to leave the house, put into the outbox with what else a window did: at once, or held for a person."""

from collections.abc import Sequence
from datetime import UTC, datetime

from crm_core.records.insert import Ready
from flows.outbox_tables import OUTBOX, TOO_MANY
from flows.runs import RUNS
from lake import Transaction, ident


def hold(tx: Transaction, messages: Ready | None, calls: Sequence[str], *, over: int) -> bool:
    """Hold all that a window would send when it is too much; returns whether it is held.

    Args:
        tx: the window's transaction.
        messages: the new records among which messages are.
        calls: temp tables of side rows that leave the house; those that are held say so in `_held`.
        over: with more messages and calls together than so many, all of them wait.
    """
    counted = [f"SELECT count(*) AS n FROM {ident(rows)}" for rows in calls]
    if messages is not None:
        counted.append(f"SELECT count(*) AS n FROM {ident(messages.table)} WHERE _recipient IS NOT NULL")
    if not counted:
        return False
    if tx.read(f"SELECT sum(n) AS n FROM ({' UNION ALL '.join(counted)})")["n"][0] <= over:
        return False
    for rows in calls:
        tx.execute(f"UPDATE {ident(rows)} SET _held = true")
    if messages is not None:
        tx.execute(f"UPDATE {ident(messages.table)} SET state = 'held' WHERE _recipient IS NOT NULL")
    return True


def queue_messages(tx: Transaction, messages: Ready, *, held: bool) -> None:
    """Put the messages among the new records into the outbox."""
    tx.execute(
        f"INSERT INTO {OUTBOX} BY NAME SELECT uuidv7() AS id, m._channel AS channel, m.id AS communication_id, "
        "m._run AS run_id, r.flow AS flow, r.load_id AS load_id, m._recipient AS recipient, "
        "nullif(m._reply_to, '') AS reply_to, m._purpose AS purpose, m._attachments AS attachments, "
        "r.flow_id AS flow_id, r.module AS module, r.record_id AS record_id, "
        "$state AS state, $reason AS reason, 0 AS attempts, "
        "$now AS next_attempt_at, $now AS created_at, $now AS updated_at, m._run AS change_id "
        f"FROM {ident(messages.table)} m JOIN {ident(RUNS)} r ON r.id = m._run WHERE m._recipient IS NOT NULL",
        {
            "state": "held" if held else "queued",
            "reason": TOO_MANY if held else None,
            "now": datetime.now(UTC),
        },
    )
