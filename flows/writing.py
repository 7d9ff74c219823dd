"""The state of messages, kept in step with the outbox by the same way that all records are written."""

from collections.abc import Mapping

import polars as pl

from crm_core.access import Actor
from crm_core.definitions import read_catalog_in
from crm_core.people import read_directory_in
from crm_core.records.update import prepare_update, write_update
from crm_core.records.writer import Writer
from crm_core.values.normalise import PROBLEM_COLUMNS, Typed
from crm_core.values.plan import writable
from flows.actions.send_email import COMMUNICATIONS
from lake import Lake, Transaction, ident

_STATES = "message_states"


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
    catalog = read_catalog_in(tx, lake)
    if not states or COMMUNICATIONS not in catalog.modules:
        return 0
    writer = Writer(catalog, read_directory_in(tx, lake), Actor.system(), door="outbox", trusted=True)
    known = message_ids or {}
    rows = [(number, one, state, known.get(one)) for number, (one, state) in enumerate(states.items())]
    given = {"state": "VARCHAR"} | ({"message_id": "VARCHAR"} if known else {})
    frame = pl.DataFrame(rows, schema=["_row", "_id", "state", "message_id"], orient="row")
    tx.register(f"{_STATES}__arrow", frame)
    columns = ", ".join(ident(name) for name in given)
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_STATES} AS SELECT _row, CAST(_id AS UUID) AS _id, {columns} "
        f"FROM {ident(_STATES + '__arrow')}"
    )
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {_STATES}__problems ({PROBLEM_COLUMNS})")
    fields = writable(catalog, COMMUNICATIONS)
    typed = Typed(_STATES, f"{_STATES}__problems", given, {name: fields[name] for name in given})
    merged = prepare_update(
        tx,
        writer,
        module=COMMUNICATIONS,
        typed=typed,
        staged=_STATES,
        merged=f"{_STATES}__merged",
        keep_empty=True,
    )
    return write_update(tx, writer, merged)
