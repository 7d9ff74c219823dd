"""What people said to messages of a purpose, asked again at the moment of sending."""

from collections.abc import Sequence

import polars as pl

from crm_core.model.documents import WorkspaceSettings
from lake import Transaction, ident, table

REFUSED = ("objected", "withdrawn", "denied")
GRANTED = "granted"
_CONSENTS = table("access", "consents")

CHANNELS: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "sms": ("sms", "phone"),
    "whatsapp": ("whatsapp", "phone"),
}
"""Channel of a message → the channels of consents that speak for it: who agrees to his phone agrees to both."""


def judge(tx: Transaction, workspace: WorkspaceSettings, *, due: str, into: str) -> None:
    """Find for each message what its address said last, and why it may not be sent, if it may not.

    Args:
        tx: a transaction.
        workspace: its purposes.
        due: a temp table with `id`, `channel`, `recipient` and `purpose` of messages.
        into: the temp table to make, with `id`, `consent` (the state, NULL for none), `consent_id`, `consent_at` and
            `refusal` (a sentence, NULL when it may be sent).
    """
    heard = [(channel, one) for channel, ones in CHANNELS.items() for one in ones]
    tx.register("consent_channels", pl.DataFrame(heard, schema=["channel", "heard"], orient="row"))
    purposes = [(one.slug, one.basis) for one in workspace.purposes]
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
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {ident(into)} AS SELECT d.id, s.state AS consent, s.consent_id, "
        "s.occurred_at AS consent_at, CASE "
        "WHEN d.channel NOT IN (SELECT channel FROM consent_channels) OR d.purpose IS NULL THEN NULL "
        f"WHEN p.basis = 'no_objection' AND s.state IN ({_words(REFUSED)}) "
        "THEN 'the address objected to messages with the purpose ' || d.purpose "
        f"WHEN coalesce(p.basis, 'consent') = 'consent' AND s.state IS DISTINCT FROM '{GRANTED}' "
        "THEN 'there is no consent any more to messages with the purpose ' || d.purpose END AS refusal "
        f"FROM {ident(due)} d LEFT JOIN ({said}) s ON s.id = d.id "
        "LEFT JOIN consent_purposes p ON p.slug = d.purpose"
    )


def address_sql(address: str, channel: str) -> str:
    """An address as it is compared: mail without case, numbers by their digits."""
    return (
        f"CASE WHEN {channel} = 'email' THEN lower(trim({address})) "
        f"ELSE regexp_replace({address}, '[^0-9]', '', 'g') END"
    )


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
