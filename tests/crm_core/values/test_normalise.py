"""A value is read as what its field is, or stands among the problems; the same from text, program and typed table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core.model.fields import FIELD_KINDS
from crm_core.people import read_directory
from crm_core.values import Reading, normalise
from crm_core.values.plan import _READERS
from lake import Session
from tests.crm_core.conftest import Crm


@pytest.fixture(scope="module")
def session(shared: Crm) -> Iterator[Session]:
    with shared.lake.session() as s:
        yield s


def read(
    shared: Crm, session: Session, frame: pl.DataFrame, **more: Any
) -> tuple[list[dict[str, Any]], list[Any]]:
    """The typed rows, and (row, field, code) of every problem."""
    session.register("given", frame.with_row_index("_row"))
    directory = read_directory(shared.lake)
    typed = normalise(
        session, shared.catalog, module="customers", directory=directory, staged="given", **more
    )
    rows = session.read("SELECT * FROM typed ORDER BY _row").to_dicts()
    problems = session.read("SELECT _row, field, code FROM problems ORDER BY ALL").rows()
    assert typed.found == len(problems)
    return rows, problems


def read_one(shared: Crm, session: Session, column: str, value: Any, **more: Any) -> tuple[Any, str | None]:
    """What becomes of one value, and the code of what is wrong with it."""
    frame = pl.DataFrame(
        {column: [value]}, schema={column: pl.List(pl.String) if isinstance(value, list) else None}
    )
    rows, problems = read(
        shared, session, frame.cast({column: pl.String}) if value is None else frame, **more
    )
    return rows[0][column], problems[0][2] if problems else None


GOOD = [
    ("name", "  Anna\u00a0", "Anna"),
    ("name", "", None),
    ("notes", "two\nlines", "two\nlines"),
    ("email", "Anna.B@EXAMPLE.com", "Anna.B@example.com"),
    ("email", "müller@bücher.example", "müller@bücher.example"),
    ("phone", "030 1234567", "+49301234567"),
    ("phone", "+49 (0)30 1234567", "+49301234567"),
    ("phone", "0044 20 7946 0958", "+442079460958"),
    ("country", "Deutschland", "DE"),
    ("country", "aut", "AT"),
    ("country", "NO", "NO"),
    ("country", "Côte d'Ivoire", "CI"),
    ("kind", "COMPANY", "company"),
    ("langs", "German; en,en", ["de", "en"]),
    ("langs", ["fr", "de"], ["fr", "de"]),
    ("langs", '["en"]', ["en"]),
    ("langs", [], None),
    ("age", "42", 42),
    ("age", "42.0", 42),
    ("score", "1e3", Decimal("1000")),
    ("score", "-.5", Decimal("-0.5")),
    ("credit", "12.50", Decimal("12.5")),
    ("credit", "12.50 usd", Decimal("12.5")),
    ("vip", "Ja", True),
    ("vip", "0", False),
    ("born", "2026-02-03", date(2026, 2, 3)),
    ("born", "2026-02-03T23:30:00Z", date(2026, 2, 3)),
    ("seen", "2026-07-01T10:00", datetime(2026, 7, 1, 8, tzinfo=UTC)),
    ("seen", "2026-07-01 10:00:00.5+05:30", datetime(2026, 7, 1, 4, 30, 0, 500000, tzinfo=UTC)),
    ("seen", "2026-01-01", datetime(2025, 12, 31, 23, tzinfo=UTC)),
    ("site", "www.shop.example/a?b=c", "https://www.shop.example/a?b=c"),
    ("site", "http://shop.example", "http://shop.example"),
    ("facts", '{"a": [1, null]}', '{"a": [1, null]}'),
    ("manager", "BOB@tests.example", "bob"),
    ("owner", "Sue Seller", "sue"),
    ("workers", "bob, sue", ["bob", "sue"]),
    ("team", "Customer Service", "service"),
    ("folder", "Active", "active"),
    ("tags", "a|b|a", ["a", "b"]),
]

BAD = [
    ("name", "x" * 81, "length"),
    ("name", "a\x01b".replace("\x01", "\n"), None),
    ("email", "anna@", "type"),
    ("email", "a@b@c.example", "type"),
    ("phone", "12", "type"),
    ("phone", "call me", "type"),
    ("country", "Atlantis", "type"),
    ("kind", "robot", "option"),
    ("langs", "de;xx", "option"),
    ("age", "12.5", "type"),
    ("age", "1e3", "type"),
    ("age", "151", "range"),
    ("age", "99999999999999999999", "type"),
    ("score", "NaN", "type"),
    ("score", "1,5", "type"),
    ("score", "1234567890123", "type"),
    ("credit", "12 XYZ", "currency"),
    ("credit", "1EUR2", "type"),
    ("credit", "-1", "range"),
    ("vip", "maybe", "type"),
    ("born", "2026-02-30", "type"),
    ("born", "infinity", "type"),
    ("born", "01.02.2026", "type"),
    ("seen", "yesterday", "type"),
    ("seen", "2026-07-01T25:00", "type"),
    ("tax_id", "de1", "pattern"),
    ("site", "javascript:alert(1)", "type"),
    ("site", "https://user@host.example", "type"),
    ("facts", '{"a"', "type"),
    ("manager", "old", "type"),
    ("workers", "bob;nobody", "option"),
    ("team", "none", "option"),
    ("folder", "none", "option"),
    ("papers", "not-an-id", "option"),
]


@pytest.mark.parametrize(
    ("column", "given_value", "expected"), GOOD, ids=[f"{c}-{v!r:.20}" for c, v, _ in GOOD]
)
def test_text_becomes_a_value(
    shared: Crm, session: Session, column: str, given_value: Any, expected: Any
) -> None:
    assert read_one(shared, session, column, given_value) == (expected, None)


@pytest.mark.parametrize(("column", "given_value", "code"), BAD, ids=[f"{c}-{v!r:.20}" for c, v, _ in BAD])
def test_what_is_no_value_is_missing_and_says_why(
    shared: Crm, session: Session, column: str, given_value: Any, code: str | None
) -> None:
    value, found = read_one(shared, session, column, given_value)
    assert found == code and (value is None) is (code is not None)


def test_every_kind_of_field_is_read() -> None:
    assert set(_READERS) == set(FIELD_KINDS)


@pytest.mark.parametrize(
    ("column", "series", "expected"),
    [
        ("age", pl.Series([7], dtype=pl.Int16), 7),
        ("age", pl.Series([7.0]), 7),
        ("score", pl.Series([0.5]), Decimal("0.5")),
        ("credit", pl.Series([Decimal("1.25")]), Decimal("1.25")),
        ("vip", pl.Series([True]), True),
        ("born", pl.Series([date(2026, 1, 2)]), date(2026, 1, 2)),
        ("born", pl.Series([datetime(2026, 1, 1, 23, 30, tzinfo=UTC)]), date(2026, 1, 2)),
        ("seen", pl.Series([datetime(2026, 7, 1, 10)]), datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("seen", pl.Series([date(2026, 7, 1)]), datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("name", pl.Series([12]), "12"),
        ("kind", pl.Series(["company"], dtype=pl.Categorical), "company"),
    ],
    ids=lambda value: str(getattr(value, "dtype", value)),
)
def test_typed_columns_are_taken_as_they_are(
    shared: Crm, session: Session, column: str, series: pl.Series, expected: Any
) -> None:
    rows, problems = read(shared, session, pl.DataFrame({column: series}))
    assert (rows[0][column], problems) == (expected, [])


@pytest.mark.parametrize(
    ("column", "value"),
    [("age", float("nan")), ("age", 7.5), ("score", float("inf")), ("credit", float("nan"))],
)
def test_numbers_that_are_none_are_problems(shared: Crm, session: Session, column: str, value: float) -> None:
    rows, problems = read(shared, session, pl.DataFrame({column: [value]}))
    assert rows[0][column] is None and problems == [(0, column, "type")]


def test_a_source_is_read_by_its_own_habits(shared: Crm, session: Session) -> None:
    habits = Reading("America/New_York", "US", "USD", ",", ".", ("%d.%m.%Y",), ("%d.%m.%Y %H:%M",))
    frame = pl.DataFrame(
        {"score": ["1.234,5"], "credit": ["1.000,50"], "born": ["01.02.2026"], "seen": ["01.07.2026 10:00"],
         "phone": ["(212) 555-0100"]}
    )  # fmt: skip
    rows, problems = read(shared, session, frame, reading=habits)
    assert problems == []
    assert (rows[0]["score"], rows[0]["credit"], rows[0]["credit__currency"]) == (
        Decimal("1234.5"),
        Decimal("1000.5"),
        "USD",
    )
    assert (rows[0]["born"], rows[0]["seen"]) == (date(2026, 2, 1), datetime(2026, 7, 1, 14, tzinfo=UTC))
    assert rows[0]["phone"] == "+12125550100"


def test_a_money_takes_its_currency_from_column_text_field_or_workspace(
    shared: Crm, session: Session
) -> None:
    frame = pl.DataFrame(
        {"credit": ["5", "5 USD", "€5", None], "credit__currency": ["chf", None, None, "GBP"]}
    )
    rows, problems = read(shared, session, frame)
    assert [row["credit__currency"] for row in rows] == ["CHF", "USD", "EUR", None] and problems == []


def test_an_address_is_its_parts_or_a_street(shared: Crm, session: Session) -> None:
    parts = pl.DataFrame({"home__city": [" Bonn "], "home__country": ["Germany"]})
    rows, problems = read(shared, session, parts)
    assert (rows[0]["home__city"], rows[0]["home__country"], problems) == ("Bonn", "DE", [])
    rows, _ = read(shared, session, pl.DataFrame({"home": ["Main Street 1"]}))
    assert rows[0]["home__street"] == "Main Street 1"


def test_all_problems_of_all_rows_are_found_at_once(shared: Crm, session: Session) -> None:
    frame = pl.DataFrame(
        {"age": ["x", "1", "200"], "vip": ["?", "yes", None], "home__country": [None, "Nowhere", None]}
    )
    rows, problems = read(shared, session, frame)
    assert problems == [(0, "age", "type"), (0, "vip", "type"), (1, "home", "type"), (2, "age", "range")]
    assert [row["age"] for row in rows] == [None, 1, None]


def test_a_problem_says_what_came_in(shared: Crm, session: Session) -> None:
    read(shared, session, pl.DataFrame({"age": [" 12.5 "], "credit": ["12 XYZ"]}))
    told = session.read("SELECT field, message, received FROM problems ORDER BY field").rows()
    assert told[0] == ("age", "“age”: “ 12.5 ” is no whole number", " 12.5 ")
    assert told[1][2] == "12 XYZ" and "ISO 4217" in told[1][1]


def test_the_character_nul_is_refused(shared: Crm, session: Session) -> None:
    session.execute("CREATE OR REPLACE TEMP TABLE nul AS SELECT 0 AS _row, 'a' || chr(0) AS name")
    directory = read_directory(shared.lake)
    typed = normalise(session, shared.catalog, module="customers", directory=directory, staged="nul")
    assert (
        session.read("SELECT code FROM problems")["code"].to_list() == ["nul_character"] and typed.found == 1
    )


def test_columns_that_begin_with_an_underscore_are_carried_along(shared: Crm, session: Session) -> None:
    rows, _ = read(shared, session, pl.DataFrame({"_line": [7], "name": ["A"], "unknown": ["x"]}))
    assert rows[0]["_line"] == 7 and "unknown" not in rows[0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.one_of(st.none(), st.text(st.characters(exclude_characters="\x00", codec="utf-8"))), min_size=1
    )
)
def test_reading_what_was_read_changes_nothing(
    shared: Crm, session: Session, texts: list[str | None]
) -> None:
    frame = pl.DataFrame({"name": texts, "notes": texts, "phone": texts, "email": texts, "site": texts})
    once, _ = read(shared, session, frame.cast(pl.String))
    fields = frame.columns
    again = pl.DataFrame(
        [{name: row[name] for name in fields} for row in once], schema=dict.fromkeys(fields, pl.String)
    )
    twice, problems = read(shared, session, again)
    assert problems == []
    assert [{name: row[name] for name in fields} for row in twice] == [
        {n: r[n] for n in fields} for r in once
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.decimals(-(10**11), 10**11, places=4, allow_nan=False), min_size=1))
def test_numbers_survive_as_text(shared: Crm, session: Session, numbers: list[Decimal]) -> None:
    rows, problems = read(shared, session, pl.DataFrame({"score": [str(number) for number in numbers]}))
    assert problems == [] and [row["score"] for row in rows] == numbers
