"""Auto-numbers: counted up under the writer lock, never given twice."""

from collections.abc import Sequence
from dataclasses import dataclass

from crm_core.model import Module
from crm_core.model.fields import AutoNumberField
from crm_core.values.lookups import Runner
from lake import Transaction, ident, table

_COUNTERS = table("ops", "counters")


@dataclass(frozen=True)
class Counted:
    """What a counter was when rows were numbered (None: there was none), and what it must be then."""

    name: str
    known: int | None
    new: int


def give_numbers(tx: Transaction, module: Module, rows: str) -> None:
    """Fill the auto-numbers of new rows, in the order of `_row`; numbers that rows bring along are kept.

    A number brought along moves the counter behind it, so that it is not given again.

    Args:
        tx: the transaction that stores the rows.
        module: whose rows they are.
        rows: the temp table with them.
    """
    store_counters(tx, number_rows(tx, module, rows))


def number_rows(s: Runner, module: Module, rows: str) -> tuple[Counted, ...]:
    """Fill the auto-numbers of new rows and move no counter; they hold while `counters_hold`."""
    return tuple(
        _number(s, module, field, rows) for field in module.fields if isinstance(field, AutoNumberField)
    )


def counters_hold(tx: Runner, counted: Sequence[Counted]) -> bool:
    """Whether nobody has been given a number since rows were numbered."""
    return all(_known(tx, one.name) == one.known for one in counted)


def store_counters(tx: Transaction, counted: Sequence[Counted]) -> None:
    """Move the counters behind the numbers given."""
    for one in counted:
        if one.known is None:
            tx.execute(f"INSERT INTO {_COUNTERS} VALUES (?, ?)", [one.name, one.new])
        elif one.new != one.known:
            tx.execute(f"UPDATE {_COUNTERS} SET value = ? WHERE name = ?", [one.new, one.name])


def _known(s: Runner, name: str) -> int | None:
    value = s.read(f"SELECT max(value) AS value FROM {_COUNTERS} WHERE name = ?", [name]).item()
    return None if value is None else int(value)


def _number(tx: Runner, module: Module, field: AutoNumberField, rows: str) -> Counted:
    column, key = ident(field.slug), f"{module.slug}.{field.slug}"
    suffix = f"try_cast(substr({column}, $skip) AS BIGINT)"
    brought = tx.read(
        f"SELECT coalesce(max({suffix}) FILTER (starts_with({column}, $prefix)), -1) AS highest, "
        f"count(*) - count({column}) AS open FROM {ident(rows)}",
        {"skip": len(field.prefix) + 1, "prefix": field.prefix},
    ).row(0)
    known = _known(tx, key)
    last = max(field.start - 1 if known is None else known, int(brought[0]))
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
    return Counted(key, known, last + int(brought[1]))
