"""Mail that did not arrive, told where it stands and sent again from there by whoever may write."""

from collections.abc import Sequence
from datetime import UTC, datetime

from crm_core.access import Actor
from crm_core.definitions import read_catalog
from crm_core.query import read_record
from flows.actions.send_email import COMMUNICATIONS
from flows.errors import UnknownMessage
from flows.outbox import set_states
from flows.outbox_tables import OUTBOX
from flows.writing import write_message_states
from lake import Change, Lake, Transaction

AGAIN = ("dead", "dropped")
"""States of the outbox from which a message leaves once more; what came back was taken by a server already."""


def read_failures(lake: Lake, ids: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """Message → why it failed and whether it can be sent again; the caller knows who may see the messages."""
    if not ids:
        return {}
    rows = lake.read(
        "SELECT CAST(communication_id AS VARCHAR) AS id, string_agg(DISTINCT reason, '; ') AS reason, "
        "bool_or(state IN (SELECT unnest($again))) AS again "
        f"FROM {OUTBOX} WHERE CAST(communication_id AS VARCHAR) IN (SELECT unnest($ids)) AND reason IS NOT NULL "
        "GROUP BY communication_id",
        {"ids": list(ids), "again": list(AGAIN)},
    )
    return {row["id"]: (row["reason"], bool(row["again"])) for row in rows.to_dicts()}


def send_again(lake: Lake, communication_id: str, *, actor: Actor) -> int:
    """Put a message that failed into the queue again, for those addresses at which it failed; returns how many.

    Whether one may write to them is asked again when it leaves.

    Raises:
        Forbidden: The actor may only look.
        RecordNotFound: There is no such message, or none that the actor may see.
        UnknownMessage: Nothing of it failed for good.
    """
    actor.require_change("mail")
    message = read_record(
        lake, read_catalog(lake), module=COMMUNICATIONS, record_id=communication_id, actor=actor
    )

    def work(tx: Transaction) -> int:
        found = tx.read(
            f"SELECT CAST(id AS VARCHAR) AS id FROM {OUTBOX} WHERE CAST(communication_id AS VARCHAR) = $id "
            "AND state IN (SELECT unnest($again))",
            {"id": message["id"], "again": list(AGAIN)},
        )["id"].to_list()
        if not found:
            raise UnknownMessage(communication_id, "one that failed")
        set_states(tx, found, state="queued", reason="to be tried again", next_attempt_at=datetime.now(UTC))
        write_message_states(tx, lake, {message["id"]: "queued"})
        return len(found)

    return lake.commit(work, Change(actor=actor.user, door="outbox", reason="mail sent again")).value
