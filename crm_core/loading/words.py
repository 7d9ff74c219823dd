"""Columns in which few texts come again and again: each text is read once, and not once a row."""

from __future__ import annotations

from collections.abc import Mapping

from crm_core.loading.files import LARGE
from crm_core.values.lookups import Runner
from lake import ident
from lake.ingest.sql import Reading
from lake.ingest.typing import Kind, classes_sql, trimmed_sql, typed_relation

_SAMPLE, _FEW = LARGE, 1000
"""So many rows are looked at, and so many texts among them are few."""


def find_words(s: Runner, raw: str, columns: Mapping[str, str]) -> dict[str, str]:
    """Find the columns with few texts, and make a temp table `given, times` of those of each.

    Args:
        s: a session or transaction.
        raw: the staged table.
        columns: a column's name → its column of the staged table.

    Returns:
        Name → the temp table; only columns that are worth one.
    """
    if not columns:
        return {}
    head = (
        f"(SELECT {', '.join(map(ident, dict.fromkeys(columns.values())))} FROM {ident(raw)} LIMIT {_SAMPLE})"
    )
    counts = ", ".join(f"count(DISTINCT {ident(c)}) AS {ident(name)}" for name, c in columns.items())
    found = s.read(f"SELECT count(*) AS _rows, {counts} FROM {head}").row(0, named=True)
    if found["_rows"] < _SAMPLE:
        return {}
    tables = {}
    for number, (name, column) in enumerate(columns.items()):
        if found[name] <= _FEW:
            tables[name] = f"load_words_{number}"
            s.execute(
                f"CREATE OR REPLACE TEMP TABLE {tables[name]} AS SELECT {ident(column)} AS given, count(*) AS times "
                f"FROM {ident(raw)} GROUP BY given"
            )
    return tables


def evidence_of_words(s: Runner, table: str, kind: Kind) -> dict[str, int]:
    """What the rows with these texts speak for, as `evidence_sql` tells it."""
    classes = classes_sql(kind, "text")
    if classes is None:
        return {}
    found = s.read(
        f"SELECT class, CAST(sum(times) AS BIGINT) AS times FROM (SELECT {classes} AS class, times FROM "
        f"(SELECT {trimmed_sql('given')} AS text, times FROM {table})) WHERE class IS NOT NULL GROUP BY class"
    )
    return dict(found.iter_rows())


def read_words(s: Runner, table: str, name: str, reading: Reading) -> None:
    """Make the temp table `<table>_read`: `given`, and the columns that `typed_relation` gives for the reading.

    Args:
        s: a session or transaction.
        table: what `find_words` made.
        name: the result column.
        reading: of the column `_text`.
    """
    texts = f"(SELECT given, {trimmed_sql('given')} AS _text FROM {table} WHERE given IS NOT NULL)"
    select = typed_relation(texts, {name: ("_text", reading)}, keep=("given",))
    s.execute(f"CREATE OR REPLACE TEMP TABLE {table}_read AS {select}")
