"""Values that libraries standardise: each distinct one is looked up once, and easy ones in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from crm_core.values.standards import standardise

Params = Sequence[Any] | Mapping[str, Any] | None
KNOWN = "values_known"
_ANSWERS = dict.fromkeys(("kind", "region", "given", "value"), pl.String)


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
    """Make `values_known` (kind, region, given, value) readable: an answer to every question.

    A text that has no standard form stands there with a NULL, or not at all.
    """
    union = " UNION ALL ".join(
        f"SELECT '{q.kind}' AS kind, '{q.region}' AS region, given FROM ({q.texts_sql})" for q in questions
    )
    asked = s.read(
        f"SELECT kind, region, list(DISTINCT given) AS given FROM ({union}) WHERE given IS NOT NULL GROUP BY ALL"
    )
    answers = [
        pl.DataFrame(
            {"kind": kind, "region": region, "given": given, "value": standardise(kind, region, given)},
            schema=_ANSWERS,
        )
        for kind, region, given in asked.iter_rows()
    ]
    s.register(KNOWN, pl.concat([pl.DataFrame(schema=_ANSWERS), *answers]))
