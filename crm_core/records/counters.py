"""Auto-numbers: counted up under the writer lock, never given twice."""

from crm_core.model import Module
from crm_core.model.fields import AutoNumberField
from lake import Transaction, ident, table

_COUNTERS = table("ops", "counters")


def give_numbers(tx: Transaction, module: Module, rows: str) -> None:
    """Fill the auto-numbers of new rows, in the order of `_row`; numbers that rows bring along are kept.

    A number brought along moves the counter behind it, so that it is not given again.

    Args:
        tx: the transaction that stores the rows.
        module: whose rows they are.
        rows: the temp table with them.
    """
    for field in module.fields:
        if isinstance(field, AutoNumberField):
            _number(tx, module, field, rows)


def _number(tx: Transaction, module: Module, field: AutoNumberField, rows: str) -> None:
    column, key = ident(field.slug), f"{module.slug}.{field.slug}"
    suffix = f"try_cast(substr({column}, $skip) AS BIGINT)"
    brought = tx.read(
        f"SELECT coalesce(max({suffix}) FILTER (starts_with({column}, $prefix)), -1) AS highest, "
        f"count(*) - count({column}) AS open FROM {ident(rows)}",
        {"skip": len(field.prefix) + 1, "prefix": field.prefix},
    ).row(0)
    known = tx.read(f"SELECT max(value) AS value FROM {_COUNTERS} WHERE name = ?", [key]).item()
    last = max(field.start - 1 if known is None else int(known), int(brought[0]))
    if brought[1]:
        number = (
            "concat($prefix, CASE WHEN length(place) < $digits THEN lpad(place, $digits, '0') ELSE place END)"
        )
        places = (
            f"SELECT _row, CAST($last + row_number() OVER (ORDER BY _row) AS VARCHAR) AS place "
            f"FROM {ident(rows)} WHERE {column} IS NULL"
        )
        tx.execute(
            f"UPDATE {ident(rows)} SET {column} = n.number FROM (SELECT _row, {number} AS number FROM ({places})) n "
            f"WHERE n._row = {ident(rows)}._row",
            {"prefix": field.prefix, "digits": field.digits, "last": last},
        )
    new = last + int(brought[1])
    if known is None:
        tx.execute(f"INSERT INTO {_COUNTERS} VALUES (?, ?)", [key, new])
    elif new != int(known):
        tx.execute(f"UPDATE {_COUNTERS} SET value = ? WHERE name = ?", [new, key])
