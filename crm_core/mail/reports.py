"""What follows from reports on mail that did not arrive: the message failed, and an address may be of no use."""

from collections.abc import Callable, Sequence

import polars as pl

from crm_core.mail.bounces import Bounce
from crm_core.mail.threads import MESSAGES, find_messages
from crm_core.records.rows import write_rows
from crm_core.records.writer import Writer
from lake import Lake, Transaction, table

Told = Callable[[Transaction, dict[str, str]], None]
_listeners: list[Told] = []


def on_bounced(tell: Told) -> Told:
    """Have `tell(tx, {communication id: words of the server})` called when messages of ours turn out to have failed."""
    if tell not in _listeners:
        _listeners.append(tell)
    return tell


def note_bounces(tx: Transaction, lake: Lake, writer: Writer, bounces: Sequence[Bounce]) -> None:
    """Mark the messages that failed, and the contact points whose address is of no use, within a transaction.

    Only a report on a message that we did send counts: whoever makes one up cannot silence an address.
    """
    ids = [one for bounce in bounces for one in bounce.message_ids]
    known = find_messages(tx, lake, writer.catalog, ids=ids, roots=False) if ids else {}
    failed: dict[str, str] = {}
    gone: set[str] = set()
    for bounce in bounces:
        found = next((known[one] for one in bounce.message_ids if one in known), None)
        refused = [one for one in bounce.recipients if one.failed]
        if found is None or not refused:
            continue
        failed[found.id] = (refused[0].words or f"status {refused[0].status}")[:500]
        gone |= {one.address for one in refused if one.for_good and one.address}
    sent = _sent(tx, writer, failed)
    failed = {one: words for one, words in failed.items() if one in sent}
    if not failed:
        return
    rows = pl.DataFrame([(one, "failed") for one in failed], schema=["id", "state"], orient="row")
    write_rows(tx, writer, module=MESSAGES, rows=rows)
    _mark_points(tx, writer, gone & {address for one in failed for address in sent[one]})
    for tell in _listeners:
        tell(tx, failed)


def _sent(tx: Transaction, writer: Writer, ids: dict[str, str]) -> dict[str, set[str]]:
    """Message of ours → the addresses that it went to; what came in is none of ours."""
    if not ids or not {"direction", "to"} <= set(writer.catalog.columns(MESSAGES)):
        return {}
    rows = tx.read(
        f'SELECT CAST(id AS VARCHAR) AS id, lower("to") AS to_, direction FROM {table("crm", MESSAGES)} '
        "WHERE CAST(id AS VARCHAR) IN (SELECT unnest($ids))",
        {"ids": list(ids)},
    )
    out = [(row_id, to) for row_id, to, direction in rows.iter_rows() if direction == "out"]
    return {
        row_id: {one.strip(" <>") for one in (to or "").replace("<", ",").split(",")} for row_id, to in out
    }


def _mark_points(tx: Transaction, writer: Writer, addresses: set[str]) -> None:
    customers = writer.catalog.modules.get("customers")
    points = customers.contact_points if customers is not None else None
    if points is None or not addresses or points.module not in writer.catalog.modules:
        return
    found = tx.read(
        f"SELECT CAST(id AS VARCHAR) AS id, true AS invalid FROM {table('crm', points.module)} "
        "WHERE deleted_at IS NULL AND kind = 'email' AND NOT coalesce(invalid, false) "
        "AND lower(coalesce(standardised, value)) IN (SELECT unnest($addresses))",
        {"addresses": sorted(addresses)},
    )
    write_rows(tx, writer, module=points.module, rows=found)
