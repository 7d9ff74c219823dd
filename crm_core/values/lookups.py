"""Values that libraries standardise: each distinct one is looked up once, and easy ones in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from crm_core.values.standards import standardise

Params = Sequence[Any] | Mapping[str, Any] | None
KNOWN = "values_known"
_ASKED = "values_asked"


class Runner(Protocol):
    """A session or a transaction: whatever runs statements with temp tables of its own."""

    def execute(self, sql: str, params: Params = None) -> int:
        """Run a statement."""

    def read(self, sql: str, params: Params = None) -> pl.DataFrame:
        """Run a statement and return its result."""

    def read_arrow(self, sql: str, params: Params = None) -> pa.Table:
        """As `read`, as an Arrow table."""

    def register(self, name: str, data: pa.Table | pl.DataFrame) -> None:
        """Make a table in memory readable under a name."""


@dataclass(frozen=True)
class Question:
    """One kind of value of one region, and the statement of its texts, NULLs among them."""

    kind: str
    region: str
    texts_sql: str


def look_up(s: Runner, questions: Sequence[Question]) -> None:
    """Fill the temp table `values_known` (kind, region, given, value) with an answer to every question.

    A text that has no standard form stands there with a NULL, or not at all.
    """
    union = " UNION ALL ".join(
        f"SELECT '{q.kind}' AS kind, '{q.region}' AS region, given FROM ({q.texts_sql})" for q in questions
    )
    s.execute(f"CREATE OR REPLACE TEMP TABLE {_ASKED} AS SELECT DISTINCT kind, region, given FROM ({union})")
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE {KNOWN} (kind VARCHAR, region VARCHAR, given VARCHAR, value VARCHAR)"
    )
    rest = s.read(
        f"SELECT kind, region, list(given) AS given FROM {_ASKED} a "
        f"WHERE given IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {KNOWN} k WHERE k.given = a.given "
        "AND k.kind = a.kind AND k.region = a.region) GROUP BY ALL"
    )
    for kind, region, given in rest.iter_rows():
        answers = pl.DataFrame(
            {"given": given, "value": standardise(kind, region, given)},
            schema={"given": pl.String, "value": pl.String},
        )
        s.register("values_answers", answers)
        s.execute(f"INSERT INTO {KNOWN} SELECT ?, ?, given, value FROM values_answers", [kind, region])
