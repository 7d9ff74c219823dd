"""Auto-numbers: counted up under the writer lock, never given twice."""

import threading
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sqlglot import exp

from crm_core.model import Module
from crm_core.model.fields import AutoNumberField
from crm_core.values.lookups import Runner
from lake import Transaction, ident, table
from lake.door import Door

_COUNTERS = table("ops", "counters")


@dataclass(frozen=True)
class _Seen:
    """What counters stood at, and the snapshot up to which nobody else had moved any."""

    snapshot: int
    values: dict[str, int]


_seen: weakref.WeakKeyDictionary[Door, _Seen] = weakref.WeakKeyDictionary()
_guard = threading.Lock()


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
    counted = tuple(
        _number(tx, module, field, rows, known=_remembered(tx, f"{module.slug}.{field.slug}"))
        for field in module.fields
        if isinstance(field, AutoNumberField)
    )
    store_counters(tx, counted)


def number_rows(s: Runner, module: Module, rows: str) -> tuple[Counted, ...]:
    """Fill the auto-numbers of new rows and move no counter; they hold while `counters_hold`."""
    return tuple(
        _number(s, module, field, rows, known=_read(s, f"{module.slug}.{field.slug}"))
        for field in module.fields
        if isinstance(field, AutoNumberField)
    )


def number_view(s: Runner, module: Module, rows: str) -> tuple[tuple[Counted, ...], dict[str, str]] | None:
    """Number the rows of a view, none of which brings a number along, in the order of `_row`.

    Returns:
        The counters as by `number_rows`, and column → SQL of the number over a row; None where rows are missing in
        between, so that a row's number does not follow from its `_row`.
    """
    first, last, count = s.read(f"SELECT min(_row), max(_row), count(*) FROM {ident(rows)}").row(0)
    if not count or last - first + 1 != count:
        return None
    counted, columns = [], {}
    for field in module.fields:
        if isinstance(field, AutoNumberField):
            key = f"{module.slug}.{field.slug}"
            known = _read(s, key)
            before = field.start - 1 if known is None else known
            place = f"CAST(_row + {before + 1 - first} AS VARCHAR)"
            prefix = exp.Literal.string(field.prefix).sql("duckdb")
            columns[field.slug] = _written(place, prefix, str(field.digits))
            counted.append(Counted(key, known, before + count))
    return tuple(counted), columns


def counters_hold(tx: Runner, counted: Sequence[Counted]) -> bool:
    """Whether nobody has been given a number since rows were numbered."""
    return all(_read(tx, one.name) == one.known for one in counted)


def store_counters(tx: Transaction, counted: Sequence[Counted]) -> None:
    """Move the counters behind the numbers given."""
    for one in counted:
        if one.known is None:
            tx.execute(f"INSERT INTO {_COUNTERS} VALUES (?, ?)", [one.name, one.new])
        elif one.new != one.known:
            tx.execute(f"UPDATE {_COUNTERS} SET value = ? WHERE name = ?", [one.new, one.name])
    if counted:
        values = _of(tx)
        values |= {one.name: one.new for one in counted}
        tx.then(partial(_remember, tx.door, values))


def _remembered(tx: Transaction, name: str) -> int | None:
    """Where a counter stands, without a look into the lake while nobody else has moved any."""
    values = _of(tx)
    if name not in values:
        value = _read(tx, name)
        if value is None:
            return None
        values[name] = value
    return values[name]


def _of(tx: Transaction) -> dict[str, int]:
    """The counters as this transaction sees them, as far as they are known."""
    if _COUNTERS not in tx.kept:
        with _guard:
            seen = _seen.get(tx.door)
        stands = seen is not None and not tx.touched_since(seen.snapshot, "ops", "counters")
        tx.kept[_COUNTERS] = dict(seen.values) if seen is not None and stands else {}
    known: dict[str, int] = tx.kept[_COUNTERS]
    return known


def _remember(door: Door, values: dict[str, int], snapshot: int) -> None:
    with _guard:
        seen = _seen.get(door)
        if seen is None or seen.snapshot < snapshot:
            _seen[door] = _Seen(snapshot, dict(values))


def _read(s: Runner, name: str) -> int | None:
    value = s.read(f"SELECT max(value) AS value FROM {_COUNTERS} WHERE name = ?", [name]).item()
    return None if value is None else int(value)


def _number(tx: Runner, module: Module, field: AutoNumberField, rows: str, *, known: int | None) -> Counted:
    column, key = ident(field.slug), f"{module.slug}.{field.slug}"
    suffix = f"try_cast(substr({column}, $skip) AS BIGINT)"
    brought = tx.read(
        f"SELECT coalesce(max({suffix}) FILTER (starts_with({column}, $prefix)), -1) AS highest, "
        f"count(*) - count({column}) AS open FROM {ident(rows)}",
        {"skip": len(field.prefix) + 1, "prefix": field.prefix},
    ).row(0)
    last = max(field.start - 1 if known is None else known, int(brought[0]))
    if brought[1]:
        number = _written("place", "$prefix", "$digits")
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


def _written(place: str, prefix: str, digits: str) -> str:
    return f"concat({prefix}, CASE WHEN length({place}) < {digits} THEN lpad({place}, {digits}, '0') ELSE {place} END)"
