"""Changing records by a table of new values, within a transaction that somebody else opened."""

import polars as pl

from crm_core.records.update import prepare_update, write_update
from crm_core.records.writer import Writer
from crm_core.values.normalise import PROBLEM_COLUMNS, Typed
from crm_core.values.plan import writable
from lake import Transaction, ident

_STAGED = "rows_staged"


def write_rows(tx: Transaction, writer: Writer, *, module: str, rows: pl.DataFrame) -> int:
    """Change records of a module as all records are changed, whoever may see them; returns how many differ now.

    Args:
        tx: the transaction.
        writer: on whose behalf.
        module: of which module; a workspace without it is left alone.
        rows: `id` of a record, once each, and columns of the module with values as they are stored; columns that the
            module does not have are passed over, and a missing value keeps the one there is.
    """
    if not rows.height or module not in writer.catalog.modules:
        return 0
    fields, kinds = writable(writer.catalog, module), writer.catalog.columns(module)
    given = {name: kinds[name] for name in rows.columns if name in fields and name in kinds}
    tx.register(f"{_STAGED}__arrow", rows.with_row_index("_row"))
    columns = "".join(f", CAST({ident(name)} AS {kind}) AS {ident(name)}" for name, kind in given.items())
    tx.execute(
        f"CREATE OR REPLACE TEMP TABLE {_STAGED} AS SELECT CAST(_row AS BIGINT) AS _row, CAST(id AS UUID) AS _id"
        f"{columns} FROM {ident(_STAGED + '__arrow')}"
    )
    tx.execute(f"CREATE OR REPLACE TEMP TABLE {_STAGED}__problems ({PROBLEM_COLUMNS})")
    typed = Typed(_STAGED, f"{_STAGED}__problems", given, {name: fields[name] for name in given})
    merged = prepare_update(
        tx, writer, module=module, typed=typed, staged=_STAGED, merged=f"{_STAGED}__merged", keep_empty=True
    )
    return write_update(tx, writer, merged)
