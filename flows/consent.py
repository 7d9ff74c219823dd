"""What people said to messages of a purpose, and whether they may be reached; asked again at the moment of sending."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from crm_core.availability import AWAY, QUIET, today_in, unreachable_sql
from crm_core.model import Catalog
from crm_core.trees import text
from lake import Transaction, ident, table

REFUSED = ("objected", "withdrawn", "denied")
GRANTED = "granted"
_CONSENTS = table("access", "consents")
_UNREACHABLE = "consent_unreachable"

CHANNELS: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "sms": ("sms", "phone"),
    "whatsapp": ("whatsapp", "phone"),
}
"""Channel of a message → the channels of consents that speak for it: who agrees to his phone agrees to both."""


def judge(tx: Transaction, catalog: Catalog, *, due: str, into: str, now: datetime) -> None:
    """Find for each message what its address said last, and why it may not be sent (now), if it may not.

    Who is not to be contacted gets nothing before his day: what would leave waits for it, and is refused when no day is
    known. What flows send to somebody who is away waits too; people write to him all the same, since they are told.
    What answers his own words, or was judged when a person sent it, goes in any case.

    Args:
        tx: a transaction.
        catalog: its purposes, and who keeps whether he can be reached.
        due: a temp table with `id`, `channel`, `recipient`, `purpose`, `by_hand` and `answers` of messages.
        into: the temp table to make, with `id`, `consent` (the state, NULL for none), `consent_id`, `consent_at`,
            `refusal` (why it may not be sent, or NULL), `unreachable` (likewise, when that is the reason) and
            `until` (the instant before which it waits).
        now: the aware instant at which it would leave.
    """
    heard = [(channel, one) for channel, ones in CHANNELS.items() for one in ones]
    tx.register("consent_channels", pl.DataFrame(heard, schema=["channel", "heard"], orient="row"))
    purposes = [(one.slug, one.basis) for one in catalog.workspace.purposes]
    schema = {"slug": pl.String, "basis": pl.String}
    tx.register("consent_purposes", pl.DataFrame(purposes, schema=schema, orient="row"))
    address = address_sql("d.recipient", "d.channel")
    asked = f"SELECT d.id, d.channel, d.purpose, {address} AS address FROM {ident(due)} d"
    said = (
        f"SELECT a.id, c.state, c.id AS consent_id, c.occurred_at FROM ({asked}) a "
        "JOIN consent_channels h ON h.channel = a.channel "
        f"JOIN {_CONSENTS} c ON c.channel = h.heard AND c.purpose = a.purpose "
        f"AND {address_sql('c.address', 'c.channel')} = a.address "
        "QUALIFY row_number() OVER (PARTITION BY a.id ORDER BY c.occurred_at DESC, c.id DESC) = 1"
    )
    _find_unreachable(tx, catalog, due=due, now=now)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(into)} AS SELECT d.id, s.state AS consent, s.consent_id, "
        "s.occurred_at AS consent_at, u.unreachable, u.until, CASE "
        "WHEN d.channel NOT IN (SELECT channel FROM consent_channels) OR d.purpose IS NULL THEN NULL "
        f"WHEN p.basis = 'no_objection' AND s.state IN ({_words(REFUSED)}) "
        "THEN 'the address objected to messages with the purpose ' || d.purpose "
        f"WHEN coalesce(p.basis, 'consent') = 'consent' AND s.state IS DISTINCT FROM '{GRANTED}' "
        "THEN 'there is no consent any more to messages with the purpose ' || d.purpose "
        "WHEN u.until IS NULL THEN u.unreachable END AS refusal "
        f"FROM {ident(due)} d LEFT JOIN ({said}) s ON s.id = d.id "
        f"LEFT JOIN consent_purposes p ON p.slug = d.purpose LEFT JOIN {_UNREACHABLE} u ON u.id = d.id",
    )


def _find_unreachable(tx: Transaction, catalog: Catalog, *, due: str, now: datetime) -> None:
    """The messages whose addressee is not to be reached now: why, and until when; the strictest counts."""
    query = unreachable_sql(catalog, today=today_in(catalog, now))
    columns = "d.id, 'do not contact' AS unreachable, CAST(NULL AS TIMESTAMPTZ) AS until"
    if query is None:
        tx.execute(
            f"CREATE OR REPLACE TEMP TABLE {_UNREACHABLE} AS SELECT {columns} FROM {ident(due)} d WHERE false"
        )
        return
    address = address_sql("d.recipient", "d.channel")
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_UNREACHABLE} AS SELECT d.id, "
        f"CASE u.state WHEN '{AWAY}' THEN 'away' ELSE 'do not contact' END "
        "|| coalesce(' until ' || strftime(u.until, '%-d %B %Y'), '') AS unreachable, "
        "CAST(u.until AS TIMESTAMP) AT TIME ZONE $zone AS until "
        f"FROM {ident(due)} d JOIN ({text(query)}) u "
        f"ON u.kind = CASE d.channel WHEN 'email' THEN 'email' ELSE 'phone' END AND u.address = {address} "
        "WHERE d.channel IN (SELECT channel FROM consent_channels) AND NOT d.answers "
        f"AND (u.state = '{QUIET}' OR (u.until IS NOT NULL AND NOT d.by_hand)) "
        "QUALIFY row_number() OVER (PARTITION BY d.id "
        f"ORDER BY u.state = '{QUIET}' DESC, u.until DESC NULLS FIRST) = 1",
        {"zone": catalog.workspace.time_zone},
    )


def address_sql(address: str, channel: str) -> str:
    """An address as it is compared: mail without case, numbers by their digits."""
    return (
        f"CASE WHEN {channel} = 'email' THEN lower(trim({address})) "
        f"ELSE regexp_replace({address}, '[^0-9]', '', 'g') END"
    )


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
