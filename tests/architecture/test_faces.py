"""SQL lives beside the noun that owns it, never in a face."""

from __future__ import annotations

import re

import pytest

from tests.architecture.source import FACES, literals, sources

SQL = re.compile(
    r"\b(SELECT\s.+?\sFROM|INSERT\s+INTO|DELETE\s+FROM|UPDATE\s+\S+\s+SET|MERGE\s+INTO|CREATE\s+(OR\s+REPLACE\s+)?"
    r"(TEMP\s+)?(TABLE|VIEW)|ALTER\s+TABLE|DROP\s+(TABLE|VIEW)|COPY\s+\S+\s+(TO|FROM))\b"
    r"|\bselect\s+(\*|count\()",
    re.DOTALL,
)


SHOWS_EXAMPLES = ("api/queries.py", "pages/_ui/explore.py")
"""Where a person writes a SELECT of his own: the example that he begins with is his, not ours."""


def test_no_face_contains_sql() -> None:
    wrong = [
        f"{source.name}:{line} {text[:60]!r}"
        for source in sources(*FACES)
        for text, line in literals(source)
        if SQL.search(text) and not (source.name in SHOWS_EXAMPLES and text.startswith("SELECT "))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("SELECT name FROM crm.customers", True, id="a query"),
        pytest.param("WITH a AS (SELECT 1\n FROM b) TABLE a", True, id="a query over lines"),
        pytest.param("select * from customers", True, id="a small query"),
        pytest.param("INSERT INTO t VALUES (1)", True, id="an insert"),
        pytest.param("Select a row from the list", False, id="prose"),
        pytest.param("Update the record to set its status", False, id="prose with two keywords"),
    ],
)
def test_the_pattern_tells_sql_from_prose(text: str, found: bool) -> None:
    assert bool(SQL.search(text)) is found
