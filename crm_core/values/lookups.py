"""Values that libraries standardise: each distinct one is looked up once, and easy ones in SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from crm_core.values.phone_plan import calling_codes, dials_abroad_with_00, national_plan
from crm_core.values.standards import standardise

Params = Sequence[Any] | Mapping[str, Any] | None
KNOWN = "values_known"
_ASKED = "values_asked"
_EASY_FROM = 500
"""From how many phone numbers on the short way in SQL is worth its own statements."""


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
    asked = s.read(f"SELECT kind, region, count(given) AS n FROM {_ASKED} GROUP BY ALL")
    for kind, region, count in asked.iter_rows():
        if kind == "phone" and count >= _EASY_FROM:
            _easy_phones(s, region)
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


def _easy_phones(s: Runner, region: str) -> None:
    """The numbers that numbering plans settle without the library; see `phone_plan`."""
    s.register("values_codes", calling_codes())
    abroad = "'^([+]|00)'" if dials_abroad_with_00(region) else "'^[+]'"
    s.execute(
        f"CREATE OR REPLACE TEMP TABLE values_bare AS SELECT given, "
        f"regexp_replace(given, '[ ().\\-/]', '', 'g') AS bare FROM {_ASKED} "
        "WHERE kind = 'phone' AND region = ? AND regexp_full_match(given, '[+]?[0-9 ().\\-/]+')",
        [region],
    )
    # A number begins with exactly one calling code, of one, two or three digits: three joins on equal keys.
    for length in (1, 2, 3):
        s.execute(
            f"INSERT INTO {KNOWN} SELECT 'phone', ?, given, concat('+', digits) FROM (SELECT given, "
            f"regexp_replace(bare, {abroad}, '') AS digits FROM values_bare "
            f"WHERE regexp_matches(bare, {abroad})) b "
            f"JOIN values_codes c ON c.code = left(digits, {length}) "
            f"WHERE list_contains(c.lengths, length(digits) - {length}) "
            f"AND (c.prefix = '' OR NOT starts_with(substr(digits, {length + 1}), c.prefix)) "
            # A bracketed zero, as in +49 (0)30, is the library's.
            "AND NOT contains(given, '(0')",
            [region],
        )
    plan = national_plan(region)
    if plan is None:
        return
    s.execute(
        f"INSERT INTO {KNOWN} SELECT 'phone', $region, given, concat('+', $code, substr(bare, 2)) "
        "FROM values_bare WHERE starts_with(bare, '0') AND NOT starts_with(bare, '00') "
        "AND list_contains($lengths, length(bare) - 1) AND NOT regexp_full_match(bare, $general)",
        {"region": region, "code": plan.code, "lengths": list(plan.lengths), "general": plan.general},
    )
