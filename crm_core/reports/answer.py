"""What a report answers: rows of groups with a value each, what they are called, and the same as a table."""

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import polars as pl

from crm_core.model import Report
from crm_core.reports.periods import Range

Unit = Literal["number", "money", "seconds", "ratio"]


@dataclass(frozen=True)
class Key:
    """A group as it is read: its value (None: the record has none), label, colour; `other` stands for all the rest."""

    value: str | None
    label: str
    color: str = ""
    other: bool = False


@dataclass(frozen=True)
class Row:
    """What was computed of one group (or pair of groups) in one currency, and of how many records."""

    keys: tuple[Key, ...]
    value: Decimal
    count: int
    currency: str = ""


@dataclass(frozen=True)
class Result:
    """The answer of a report: its rows in order, what the columns are called, and the unit of the values.

    `seconds` are lengths of time; of `money` each row has its currency. `adds_up` says whether the values may be added
    to each other within a currency. The range is the one that was asked for. A statement in SQL has its own `table`.
    """

    report: Report
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    measured: str
    unit: Unit
    adds_up: bool
    range: Range
    table: pl.DataFrame | None = None

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies of the values, the most frequent first; an empty one for plain numbers."""
        counts: dict[str, int] = {}
        for row in self.rows:
            counts[row.currency] = counts.get(row.currency, 0) + row.count
        return tuple(sorted(counts, key=lambda code: (-counts[code], code)))

    def keys(self, place: int) -> tuple[Key, ...]:
        """The groups of the first (0) or second (1) kind, each once, in their order."""
        return tuple(dict.fromkeys(row.keys[place] for row in self.rows if len(row.keys) > place))

    def totals(self) -> dict[str, Decimal]:
        """Currency → the sum of the values, where they add up."""
        if not self.adds_up:
            return {}
        return {
            code: sum((row.value for row in self.rows if row.currency == code), Decimal(0))
            for code in self.currencies
        }

    def frame(self) -> pl.DataFrame:
        """The rows as a table: a column for each group, the currency where there is one, the value, the records."""
        if self.table is not None:
            return self.table
        columns: dict[str, list[Any]] = {
            name: [row.keys[place].label for row in self.rows] for place, name in enumerate(self.names)
        }
        if self.unit == "money":
            columns[free_name("Currency", columns)] = [row.currency for row in self.rows]
        measured = f"{self.measured} (seconds)" if self.unit == "seconds" else self.measured
        if self.report.measure.kind != "count":
            columns[free_name(measured, columns)] = [row.value for row in self.rows]
        columns[free_name("Records", columns)] = [row.count for row in self.rows]
        return pl.DataFrame(columns)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """A name for a column that no other has."""
    return wanted if wanted not in taken else free_name(f"{wanted} again", taken)
