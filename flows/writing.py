"""The state of messages, kept in step with the outbox by the same way that all records are written."""

from collections.abc import Mapping

import polars as pl

from crm_core.access import Actor
from crm_core.definitions import read_catalog_in
from crm_core.people import read_directory_in
from crm_core.records.rows import write_rows
from crm_core.records.writer import Writer
from flows.actions.send_email import COMMUNICATIONS
from lake import Lake, Transaction


def write_message_states(
    tx: Transaction, lake: Lake, states: Mapping[str, str], *, message_ids: Mapping[str, str] | None = None
) -> int:
    """Set the state of messages, and the Message-ID where one is known; returns how many changed.

    Args:
        tx: the transaction that changes the outbox.
        lake: its lake.
        states: id of a communication → its state.
        message_ids: id of a communication → the Message-ID that it left under.
    """
    known = message_ids or {}
    rows = [(one, state, known.get(one)) for one, state in states.items() if one is not None]
    names = {"id": pl.String, "state": pl.String, "message_id": pl.String}
    return write_messages(tx, lake, pl.DataFrame(rows, schema=names, orient="row"))


def write_messages(tx: Transaction, lake: Lake, rows: pl.DataFrame) -> int:
    """Change messages as all records are changed; returns how many differ now.

    Args:
        tx: the transaction that changes the outbox.
        lake: its lake.
        rows: `id` of a communication, once each, and columns of that module; those that it does not have are passed
            over, and a missing value keeps the one there is.
    """
    writer = Writer(
        read_catalog_in(tx, lake), read_directory_in(tx, lake), Actor.system(), door="outbox", trusted=True
    )
    return write_rows(tx, writer, module=COMMUNICATIONS, rows=rows)
