"""Taking messages from the outbox: as many of each kind and host as have room, judged, and recorded as attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from crm_core.definitions import read_catalog, read_catalog_in
from crm_core.model import Catalog
from flows.actions.send_email import COMMUNICATIONS
from flows.consent import judge
from flows.loops import refuse_loops
from flows.outbox_tables import DELIVERIES, OUTBOX, WAITING
from flows.writing import write_message_states
from lake import Change, Lake, Transaction, new_id, table

MOST = 2000
"""Messages that are taken in one commit at most."""

ASKED_AGAIN = timedelta(hours=1)
"""After how long a message for somebody who is not to be reached is looked at again: he may be before his day."""

LaneKey = tuple[str, str]
"""Channel and host: whose limits count. Mail and text messages have one server each, so no host."""

_KEY = "o.channel AS channel, coalesce(o.host, '') AS host"
_DUE = "outbox_due"
_JUDGED = "outbox_judged"


@dataclass(frozen=True)
class Rooms:
    """How many messages may be taken now: by channel for a lane that is not named, and by lane.

    A channel that is not there gets nothing.
    """

    channels: Mapping[str, int]
    lanes: Mapping[LaneKey, int]

    def within(self, used: Mapping[LaneKey, int], per_minute: Mapping[str, int]) -> "Rooms":
        """The same, kept below what a lane may get in a minute, of which so many are used."""
        channels = {one: min(room, per_minute.get(one) or room) for one, room in self.channels.items()}
        lanes = {key: self.lanes.get(key, channels.get(key[0], 0)) for key in {*self.lanes, *used}}
        limited = {
            key: min(room, max(0, per_minute[key[0]] - used.get(key, 0))) if per_minute.get(key[0]) else room
            for key, room in lanes.items()
        }
        return Rooms(channels, limited)


@dataclass(frozen=True)
class Claimed:
    """What was taken: one row a message, with everything to send it; `refused` were dropped for want of consent."""

    rows: pl.DataFrame
    refused: int = 0


def recover(lake: Lake, now: datetime) -> int:
    """Messages found in the middle of an attempt belong to a process that died: their outcome is unknown.

    To be called under the lease of the delivery, before anything is taken. Returns how many there were.
    """
    if not lake.read(f"SELECT 1 FROM {OUTBOX} WHERE state = 'sending' LIMIT 1").height:
        return 0

    def work(tx: Transaction) -> int:
        tx.execute(
            f"UPDATE {DELIVERIES} SET state = 'unknown', finished_at = $now, "
            "answer = 'the process ended before the answer was known' WHERE state = 'sending'",
            {"now": now},
        )
        return tx.execute(
            f"UPDATE {OUTBOX} SET state = 'unknown', next_attempt_at = $now, updated_at = $now, "
            "reason = 'the outcome of the attempt before is unknown' WHERE state = 'sending'",
            {"now": now},
        )

    return lake.commit(work, Change(actor="system", door="delivery", reason="attempts of before")).value


def used_in_the_last_minute(lake: Lake, now: datetime) -> dict[LaneKey, int]:
    """How many attempts each lane had within the minute before."""
    rows = lake.read(
        f"SELECT {_KEY}, count(*) AS n FROM {DELIVERIES} d JOIN {OUTBOX} o ON o.id = d.outbox_id "
        "WHERE d.started_at > $since AND d.state <> 'not_tried' GROUP BY ALL",
        {"since": now - timedelta(minutes=1)},
    )
    return {(channel, host): n for channel, host, n in rows.iter_rows()}


def claim(lake: Lake, rooms: Rooms, *, now: datetime, domain: str) -> Claimed:
    """Take messages that are due, and record an attempt for each before it is made.

    Every lane gets its share, whatever waits in the others. A message whose address has withdrawn its consent, or
    objected, is dropped; one that was dropped meanwhile is left out.

    Args:
        lake: the lake.
        rooms: how many of each lane.
        now: the aware instant that counts as now.
        domain: the right side of new Message-IDs.
    """
    due = _due(lake, rooms, now)
    if not due.height:
        return Claimed(due)

    def work(tx: Transaction) -> int:
        catalog = read_catalog_in(tx, lake)
        tx.register("outbox_chosen", due)
        known = _columns(catalog)
        messages = f"LEFT JOIN {table('crm', COMMUNICATIONS)} m ON m.id = o.communication_id" if known else ""
        tx.execute(
            f"CREATE OR REPLACE TEMP TABLE {_DUE} AS SELECT o.id, o.channel, o.recipient, o.communication_id, "
            f"o.run_id, o.record_id, coalesce(o.purpose, {'m.purpose' if 'purpose' in known else 'NULL'}) AS purpose, "
            f"o.run_id IS NULL AS by_hand, o.run_id IS NULL AND {_judged_before(known)} AS answers FROM {OUTBOX} o "
            "JOIN outbox_chosen d ON d.id = CAST(o.id AS VARCHAR) "
            f"{messages} WHERE o.state IN ({_words(WAITING)})"
        )
        judge(tx, catalog, due=_DUE, into=_JUDGED, now=now)
        refuse_loops(tx, due=_DUE, judged=_JUDGED, now=now)
        _begin(tx, now=now, domain=domain)
        return _drop_refused(tx, lake)

    refused = lake.commit(work, Change(actor="system", door="delivery", reason="attempts begin")).value
    return Claimed(_taken(lake, due), refused)


def _judged_before(known: Mapping[str, str]) -> str:
    """Whether a person's message was judged as it leaves now: it answers somebody, or was not put off when written."""
    answers = "m.in_reply_to IS NOT NULL OR " if "in_reply_to" in known else ""
    later = (
        "coalesce(m.occurred_at > o.created_at + INTERVAL 1 MINUTE, false)"
        if "occurred_at" in known
        else "false"
    )
    return f"({answers}NOT {later})"


def _due(lake: Lake, rooms: Rooms, now: datetime) -> pl.DataFrame:
    """Ids of what may be taken, the oldest of each lane first, and no lane before another."""
    open_ = [(channel, "", room) for channel, room in rooms.channels.items() if room > 0]
    named = [(channel, host, room) for (channel, host), room in rooms.lanes.items()]
    schema = {"channel": pl.String, "host": pl.String, "room": pl.Int64}
    with lake.session() as session:
        session.register("rooms_open", pl.DataFrame(open_, schema=schema, orient="row"))
        session.register("rooms_named", pl.DataFrame(named, schema=schema, orient="row"))
        return session.read(
            f"WITH waiting AS (SELECT CAST(o.id AS VARCHAR) AS id, {_KEY}, row_number() OVER "
            "(PARTITION BY o.channel, coalesce(o.host, '') ORDER BY o.next_attempt_at, o.id) AS place "
            f"FROM {OUTBOX} o WHERE o.state IN ({_words(WAITING)}) AND o.next_attempt_at <= $now) "
            "SELECT w.id FROM waiting w JOIN rooms_open c ON c.channel = w.channel "
            "LEFT JOIN rooms_named l ON l.channel = w.channel AND l.host = w.host "
            f"WHERE w.place <= coalesce(l.room, c.room) ORDER BY w.place, w.id LIMIT {MOST}",
            {"now": now},
        )


def _begin(tx: Transaction, *, now: datetime, domain: str) -> None:
    values = {"now": now, "domain": domain, "again": now + ASKED_AGAIN}
    leaves = "j.refusal IS NULL AND j.until IS NULL"
    tx.execute(
        f"UPDATE {OUTBOX} SET state = CASE WHEN {leaves} THEN 'sending' WHEN j.refusal IS NULL THEN state "
        f"ELSE 'dropped' END, attempts = attempts + CASE WHEN {leaves} THEN 1 ELSE 0 END, updated_at = $now, "
        "next_attempt_at = CASE WHEN j.refusal IS NULL AND j.until IS NOT NULL THEN least(j.until, $again) "
        "ELSE next_attempt_at END, "
        "reason = CASE WHEN state = 'unknown' AND j.refusal IS NOT NULL "
        "THEN 'outcome unknown, and not tried again: ' ELSE '' END || coalesce(j.refusal, j.unreachable), "
        "consent = j.consent, consent_id = j.consent_id, consent_at = j.consent_at, "
        f"message_id = CASE WHEN channel = 'email' AND {leaves} "
        f"THEN coalesce(message_id, '<' || CAST({OUTBOX}.id AS VARCHAR) || '@' || $domain || '>') ELSE message_id END "
        f"FROM {_JUDGED} j WHERE j.id = {OUTBOX}.id",
        values,
    )
    taken = tx.read(
        f"SELECT CAST(o.id AS VARCHAR) AS outbox_id, o.attempts AS attempt FROM {OUTBOX} o JOIN {_JUDGED} j "
        "ON j.id = o.id WHERE j.refusal IS NULL AND j.until IS NULL"
    )
    tx.register(
        "outbox_attempts",
        taken.with_columns(pl.Series("id", [new_id() for _ in range(taken.height)], dtype=pl.String)),
    )
    tx.execute(
        f"INSERT INTO {DELIVERIES} (id, outbox_id, attempt, state, started_at) "
        "SELECT CAST(id AS UUID), CAST(outbox_id AS UUID), attempt, 'sending', $now FROM outbox_attempts",
        {"now": now},
    )


def _drop_refused(tx: Transaction, lake: Lake) -> int:
    refused = tx.read(
        f"SELECT CAST(d.communication_id AS VARCHAR) AS id FROM {_DUE} d JOIN {_JUDGED} j ON j.id = d.id "
        "WHERE j.refusal IS NOT NULL"
    )
    write_message_states(tx, lake, dict.fromkeys(refused["id"], "failed"))
    return refused.height


def _taken(lake: Lake, due: pl.DataFrame) -> pl.DataFrame:
    """The messages that are being sent now, with their words."""
    with lake.session() as session:
        session.register("outbox_chosen", due)
        known = _columns(read_catalog(lake))
        words = ("from", "to", "cc", "subject", "text", "html", "in_reply_to", "references")
        chosen = ", ".join(
            f'm."{name}" AS "{name}"' if name in known else f'NULL::VARCHAR AS "{name}"' for name in words
        )
        messages = f"LEFT JOIN {table('crm', COMMUNICATIONS)} m ON m.id = o.communication_id" if known else ""
        found = "m.id IS NOT NULL" if known else "false"
        return session.read(
            f"SELECT CAST(o.id AS VARCHAR) AS id, {_KEY}, o.attempts, o.recipient, o.reply_to, o.message_id, "
            "o.created_at, o.purpose, o.attachments, o.flow_id, o.url, o.payload, o.headers, "
            "o.run_id IS NOT NULL AS automatic, "
            f"o.communication_id IS NULL OR {found} AS is_there, {chosen} "
            f"FROM {OUTBOX} o JOIN outbox_chosen d ON d.id = CAST(o.id AS VARCHAR) {messages} "
            "WHERE o.state = 'sending' ORDER BY o.id"
        )


def _columns(catalog: Catalog) -> Mapping[str, str]:
    return catalog.columns(COMMUNICATIONS) if COMMUNICATIONS in catalog.modules else {}


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
