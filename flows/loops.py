"""Mail of flows that would answer a machine, or go back and forth with one without end."""

from datetime import timedelta

from flows.outbox_tables import OUTBOX
from lake import ident, table

MOST_AN_HOUR = 10
"""Mails of flows that an address gets within an hour at most while it writes to us."""

HOUR = timedelta(hours=1)
LONG = timedelta(days=90)
"""An answer that leaves later than that after what it answers is no answer any more."""

_MAIL_IN = table("ops", "mail_in")


def loops_sql(due: str) -> str:
    """A select of `id` and `refusal` of the mails of flows that may not leave; binds `most`, `since`, `long_ago`.

    Args:
        due: a temp table of messages, as `flows.consent.judge` takes it.
    """
    mails = (
        "SELECT d.id, d.record_id, lower(trim(d.recipient)) AS address "
        f"FROM {ident(due)} d WHERE d.channel = 'email' AND d.run_id IS NOT NULL"
    )
    answered = (
        "SELECT a.id, min('it would answer a message that is not to be answered: ' || m.unanswerable) AS refusal "
        f"FROM ({mails}) a JOIN {_MAIL_IN} m ON m.sender = a.address AND m.unanswerable IS NOT NULL "
        "AND m.received_at > $long_ago "
        "AND (m.record_id = a.record_id OR m.communication_id = a.record_id) GROUP BY a.id"
    )
    often = (
        "SELECT a.id, 'its address got ' || o.n || ' mails of flows within an hour and writes to us meanwhile: they "
        "seem to answer each other' AS refusal "
        f"FROM ({mails}) a JOIN (SELECT lower(trim(recipient)) AS address, count(*) AS n FROM {OUTBOX} "
        "WHERE channel = 'email' AND run_id IS NOT NULL AND attempts > 0 AND created_at > $since GROUP BY 1) o "
        f"ON o.address = a.address AND o.n >= $most AND a.address IN (SELECT sender FROM {_MAIL_IN} "
        "WHERE received_at > $since GROUP BY sender HAVING count(*) >= $most)"
    )
    return f"SELECT id, min(refusal) AS refusal FROM (({answered}) UNION ALL ({often})) GROUP BY id"
