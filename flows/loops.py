"""Mail of flows that would answer a machine, or go back and forth with one without end."""

from datetime import datetime, timedelta

from flows.outbox_tables import OUTBOX
from lake import Transaction, ident, table

MOST_AN_HOUR = 10
"""Mails of flows that an address gets within an hour at most while it writes to us."""

HOUR = timedelta(hours=1)
LONG = timedelta(days=90)
"""An answer that leaves later than that after what it answers is no answer any more."""

_MAIL_IN = table("ops", "mail_in")


def refuse_loops(tx: Transaction, *, due: str, judged: str, now: datetime) -> None:
    """Refuse answers of flows to messages that a machine sent (RFC 3834, section 2), or that are too old to answer;
    and one mail too many to an address that writes to us meanwhile.

    Args:
        tx: a transaction.
        due: a temp table of messages with `id`, `channel`, `recipient`, and for those of flows the `run_id` and the
            record that it ran for, `record_id`.
        judged: the temp table that `flows.consent.judge` made of them; `refusal` is filled in where it is free.
        now: the aware instant that counts as now.
    """
    tx.execute(
        "CREATE OR REPLACE TEMP TABLE loops_asked AS SELECT id, record_id, lower(trim(recipient)) AS address "
        f"FROM {ident(due)} WHERE channel = 'email' AND run_id IS NOT NULL"
    )
    if not tx.read("SELECT count(*) AS n FROM loops_asked")["n"][0]:
        return
    answers = (
        "SELECT a.id, 'it would answer a message that is not to be answered: ' || m.unanswerable AS refusal "
        f"FROM loops_asked a JOIN {_MAIL_IN} m ON m.sender = a.address AND m.unanswerable IS NOT NULL "
        "AND m.received_at > $long_ago AND (m.record_id = a.record_id OR m.communication_id = a.record_id)"
    )
    sent = (
        f"SELECT lower(trim(recipient)) AS address, count(*) AS n FROM {OUTBOX} WHERE channel = 'email' "
        "AND run_id IS NOT NULL AND attempts > 0 AND created_at > $since GROUP BY 1"
    )
    writing = (
        f"SELECT sender FROM {_MAIL_IN} WHERE received_at > $since GROUP BY sender HAVING count(*) >= $most"
    )
    often = (
        "SELECT a.id, 'its address got ' || o.n || ' mails of flows within an hour and writes to us meanwhile: "
        "they seem to answer each other' AS refusal "
        f"FROM loops_asked a JOIN ({sent}) o ON o.address = a.address AND o.n >= $most "
        f"WHERE a.address IN ({writing})"
    )
    tx.execute(
        f"UPDATE {ident(judged)} SET refusal = l.refusal FROM (SELECT id, min(refusal) AS refusal FROM "
        f"(({answers}) UNION ALL ({often})) GROUP BY id) l "
        f"WHERE l.id = {ident(judged)}.id AND {ident(judged)}.refusal IS NULL",
        {"most": MOST_AN_HOUR, "since": now - HOUR, "long_ago": now - LONG},
    )
