"""Calls of other systems that flows want: rows of the outbox, stored with what else the window did."""

from datetime import UTC, datetime

from flows.outbox_tables import OUTBOX, TOO_MANY
from flows.sides import SideTable, register
from lake import Transaction, ident

# Named here anew: the module that owns this name imports the actions, which import this.
RUNS = "flow_runs_staged"

CALLS = "calls"
COLUMNS = {"url": "VARCHAR", "payload": "VARCHAR", "headers": "VARCHAR", "purpose": "VARCHAR"}

HOST_SQL = r"lower(regexp_extract(url, '^https?://([^/?#]*@)?([^/?#]+)', 2))"
"""Host and port of an address: whose limits count."""


def write(tx: Transaction, rows: str) -> None:
    """Queue the calls that stand in the temp table `rows`; the id of each is its idempotency key."""
    tx.execute(
        f"INSERT INTO {OUTBOX} BY NAME SELECT c._id AS id, 'webhook' AS channel, c._run AS run_id, r.flow AS flow, "
        f"r.flow_id AS flow_id, r.load_id AS load_id, r.module AS module, r.record_id AS record_id, c.url AS url, "
        f"c.payload AS payload, c.headers AS headers, c.purpose AS purpose, {HOST_SQL} AS host, "
        f"{HOST_SQL} AS recipient, "
        "CASE WHEN c._held THEN 'held' ELSE 'queued' END AS state, "
        "CASE WHEN c._held THEN $reason END AS reason, 0 AS attempts, $now AS next_attempt_at, $now AS created_at, "
        f"$now AS updated_at, c._run AS change_id FROM {ident(rows)} c JOIN {ident(RUNS)} r ON r.id = c._run",
        {"now": datetime.now(UTC), "reason": TOO_MANY},
    )


SIDE = register(CALLS, SideTable(COLUMNS, write, outcome="queued"))
