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
    catalog = read_catalog_in(tx, lake)
    if not rows.height or COMMUNICATIONS not in catalog.modules:
        return 0
    writer = Writer(catalog, read_directory_in(tx, lake), Actor.system(), door="outbox", trusted=True)
    fields = writable(catalog, COMMUNICATIONS)
    kinds = catalog.columns(COMMUNICATIONS)
    given = {name: kinds[name] for name in rows.columns if name in fields and name in kinds}
    tx.register(f"{_STATES}__arrow", rows.with_row_index("_row"))
    columns = ", ".join(f"CAST({ident(name)} AS {kind}) AS {ident(name)}" for name, kind in given.items())
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_STATES} AS SELECT CAST(_row AS BIGINT) AS _row, CAST(id AS UUID) AS _id, "
        f"{columns} FROM {ident(_STATES + '__arrow')}"
    )
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {_STATES}__problems ({PROBLEM_COLUMNS})")
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
