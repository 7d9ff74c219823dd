"""What a column of text means: tables of columns, with the values and reasons that each must yield."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from lake import Session
from lake.ingest.typing import (
    Convention,
    Hints,
    Kind,
    evidence_sql,
    reading,
    settle,
    trimmed_sql,
    typed_relation,
)


def decide(session: Session, kind: Kind, values: Sequence[str | None], hints: Hints) -> Convention:
    session.register("given_", pl.DataFrame({"v": list(values)}, schema={"v": pl.String}))
    text = trimmed_sql("v")
    session.execute(
        f"CREATE OR REPLACE TEMP TABLE column_ AS SELECT row_number() OVER () AS n, {text} AS t FROM given_"
    )
    aggregate = evidence_sql(kind, "t")
    if aggregate is None:
        return settle(kind, {}, hints)
    found = session.read_arrow(f"SELECT {aggregate} FROM column_").column(0)[0].as_py()
    return settle(kind, dict(found or []), hints)


def read_column(
    session: Session, kind: Kind, values: Sequence[str | None], **hints: Any
) -> tuple[list[Any], list[str | None], Convention]:
    """A column's values, as text where they are instants, its reasons, and how it was read."""
    known = Hints(**hints)
    convention = decide(session, kind, values, known)
    one = reading(kind, "t", name="v", convention=convention, hints=known)
    relation = typed_relation("column_", {"v": ("t", one)}, keep=("n",))
    value = "v::VARCHAR AS v" if kind in ("datetime", "json") else "v"
    rows = session.read(f"SELECT {value}, v__reason FROM ({relation}) ORDER BY n")
    return rows["v"].to_list(), rows["v__reason"].to_list(), convention


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["1.5", "1,234.56", "-7", "0.125"], ["1.5", "1234.56", "-7", "0.125"], id="point"),
        pytest.param(["1,5", "1.234,56", "-7", "0,125"], ["1.5", "1234.56", "-7", "0.125"], id="comma"),
        pytest.param(["1 234,56", "1\u202f234", "12"], ["1234.56", "1234", "12"], id="spaces"),
        pytest.param(["1'234.56", "1’234’567"], ["1234.56", "1234567"], id="apostrophes"),
        pytest.param(["12,34,567.8", "1,234"], ["1234567.8", "1234"], id="Indian groups"),
        pytest.param(
            ["(12.50)", "12.50-", "−3", "+4", "- 5.5"], ["-12.5", "-12.5", "-3", "4", "-5.5"], id="signs"
        ),
        pytest.param(["1e3", "1.5E-2", ".5", "5."], ["1000", "0.015", "0.5", "5"], id="as machines write"),
        pytest.param(["1.234", "0,5"], ["1234", "0.5"], id="one value decides for all"),
        pytest.param(["1.234", "1234.5"], ["1.234", "1234.5"], id="and the other way"),
        pytest.param([" 12.5\u00a0", "", "  ", None], ["12.5", None, None, None], id="blanks"),
    ],
)
def test_decimals(session: Session, given: list[str | None], expected: list[str | None]) -> None:
    values, reasons, convention = read_column(session, "decimal", given)
    assert values == [number(text) for text in expected]
    assert reasons == [None] * len(given)
    assert convention.unclear == 0


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("abc", "not_a_number"),
        ("12.34.56", "not_a_number"),
        ("1,23.4", "not_a_number"),
        ("1 2", "not_a_number"),
        ("12 kg", "not_a_number"),
        ("--5", "not_a_number"),
        ("(5", "not_a_number"),
        ("1234567890123.5", "out_of_range"),
        ("NaN", "not_a_number"),
        ("infinity", "not_a_number"),
    ],
)
def test_what_is_no_decimal_says_why(session: Session, given: str, reason: str) -> None:
    values, reasons, _ = read_column(session, "decimal", ["1.5", "2.5", given])
    assert (values[2], reasons) == (None, [None, None, reason])


def test_a_value_of_the_other_convention_is_set_aside_not_turned(session: Session) -> None:
    values, reasons, convention = read_column(session, "decimal", ["1.5", "2.5", "3,75"])
    assert (convention.decimal, values[2], reasons[2]) == (".", None, "not_a_number")


@pytest.mark.parametrize(("usual", "read"), [(".", "1.234"), (",", "1234")])
def test_decimals_that_nothing_decides_are_read_as_usual_and_reported(
    session: Session, usual: str, read: str
) -> None:
    values, _, convention = read_column(session, "decimal", ["1.234", "12"], usual_decimal=usual)
    assert values[0] == Decimal(read)
    assert convention.unclear == 1
    assert "two ways" in convention.note


def test_a_contract_overrules_the_values(session: Session) -> None:
    values, reasons, _ = read_column(session, "decimal", ["1.5", "1,5"], decimal=",")
    assert (values, reasons) == ([None, Decimal("1.5")], ["not_a_number", None])


@pytest.mark.parametrize(
    ("given", "expected", "reasons"),
    [
        pytest.param(["7", "-12", "1,234"], [7, -12, 1234], [None] * 3, id="groups"),
        pytest.param(["1.234", "7"], [1234, 7], [None] * 2, id="a point before three digits groups"),
        pytest.param(["12.0", "7"], [12, 7], [None] * 2, id="whole with a point"),
        pytest.param(["12.5", "1.234"], [None, None], ["not_whole"] * 2, id="not whole"),
        pytest.param(["99999999999999999999", "x"], [None, None], ["out_of_range", "not_a_number"], id="bad"),
        pytest.param(["007", "1e3"], [7, 1000], [None] * 2, id="leading zeros"),
    ],
)
def test_integers(
    session: Session, given: list[str], expected: list[int | None], reasons: list[str | None]
) -> None:
    assert read_column(session, "integer", given)[:2] == (expected, reasons)


@pytest.mark.parametrize(
    ("given", "amount", "currency", "reason"),
    [
        ("12,50 €", "12.5", "EUR", None),
        ("€ 1.234,50", "1234.5", "EUR", None),
        ("EUR 12", "12", "EUR", None),
        ("-12,00 EUR", "-12", "EUR", None),
        ("- € 12,00", "-12", "EUR", None),
        ("(12,50 £)", "-12.5", "GBP", None),
        ("CHF 1'234,50", "1234.5", "CHF", None),
        ("Fr. 12,50", "12.5", "CHF", None),
        ("1 234,50 zł", "1234.5", "PLN", None),
        ("US$ 7,25", "7.25", "USD", None),
        ("$7,25", "7.25", "USD", None),
        ("7,25", "7.25", "NOK", None),
        ("100 kr", "100", "NOK", None),
        ("7,25 usd", "7.25", "USD", None),
        ("1.5e3", "1500", "NOK", None),
        ("8,881784e-16", "0", "NOK", None),
        ("-5.551115e-17", "0", "NOK", None),
        ("6e-3", "0.006", "NOK", None),
        ("7,25 Taler", None, None, "unknown_currency"),
        ("XXA 5", None, None, "unknown_currency"),
        ("gratis", None, None, "not_a_number"),
        ("99999999999999999 €", None, None, "out_of_range"),
    ],
)
def test_money(
    session: Session, given: str, amount: str | None, currency: str | None, reason: str | None
) -> None:
    hints = Hints(currency="NOK", currencies=frozenset({"EUR", "USD", "GBP", "CHF", "NOK", "PLN"}))
    convention = decide(session, "money", ["1,5 €", given], hints)
    one = reading("money", "t", name="v", convention=convention, hints=hints)
    relation = typed_relation("column_", {"v": ("t", one)}, keep=("n",))
    row = session.read(f"SELECT v, v__currency, v__reason FROM ({relation}) WHERE n = 2").row(0)
    assert row == (number(amount), currency, reason)


def test_truth_in_four_languages(session: Session) -> None:
    given = ["Yes", "ja", "Oui", "SÍ", "x", "1", "No", "nein", "faux", "falso", "0", "maybe", ""]
    values, reasons, _ = read_column(session, "boolean", given)
    assert values == [True] * 6 + [False] * 5 + [None, None]
    assert reasons == [None] * 11 + ["not_a_boolean", None]


@pytest.mark.parametrize(
    "given",
    [
        "2024-03-05", "2024/3/5", "20240305", "05.03.2024", "5.3.24", "5/3/2024", "05-03-24", "5. 3. 2024",
        "5 March 2024",
        "5th of March 2024", "Mar 5, 2024", "March 5th 2024", "5-Mar-24", "5. März 2024", "5 mars 2024",
        "Tue, 5 Mar 2024",
        "5 de marzo de 2024", "2024-03-05 00:00:00", "2024-03-05T00:00:00Z", "05.03.2024 0:00",
    ],
)  # fmt: skip
def test_dates_with_the_day_first(session: Session, given: str) -> None:
    values, reasons, _ = read_column(session, "date", ["31/12/2023", given])
    assert (values[1], reasons[1]) == (date(2024, 3, 5), None)


@pytest.mark.parametrize(
    ("given", "month_first"),
    [
        pytest.param(["3/4/2024", "12/31/2024"], True, id="a day over twelve in second place"),
        pytest.param(["3/4/2024", "31/12/2024"], False, id="in first place"),
        pytest.param(["3.4.2024", "5.6.2024"], False, id="dots mean the day first"),
        pytest.param(["3/4/2024", "12/31/2024", "12/30/2024", "31/1/2024"], True, id="the majority decides"),
    ],
)
def test_the_column_decides_whether_the_day_is_first(
    session: Session, given: list[str], month_first: bool
) -> None:
    values, _, convention = read_column(session, "date", given)
    assert values[0] == (date(2024, 3, 4) if month_first else date(2024, 4, 3))
    assert convention.unclear == 0


def test_dates_that_nothing_decides_are_read_as_usual_and_reported(session: Session) -> None:
    values, _, convention = read_column(session, "date", ["3/4/2024", "5/5/2024"], usual_day_first=False)
    assert (values[0], convention.unclear) == (date(2024, 3, 4), 1)
    assert read_column(session, "date", ["3/4/2024"], day_first=True)[0] == [date(2024, 4, 3)]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("31.02.2024", "not_a_date"),
        ("2024-13-01", "not_a_date"),
        ("12/31/2024", "not_a_date"),
        ("soon", "not_a_date"),
        ("epoch", "not_a_date"),
        ("2024", "not_a_date"),
        ("5 Smarch 2024", "not_a_date"),
        ("2024-03-05 14:30", "has_time"),
    ],
)
def test_what_is_no_date_says_why(session: Session, given: str, reason: str) -> None:
    values, reasons, _ = read_column(session, "date", ["31/12/2023", "30/12/2023", given])
    assert (values[2], reasons[2]) == (None, reason)


@pytest.mark.parametrize(
    ("given", "instant"),
    [
        ("2024-07-01T12:00:00Z", "2024-07-01 12:00:00+00"),
        ("2024-07-01 12:00:00+02:00", "2024-07-01 10:00:00+00"),
        ("2024-07-01T12:00+0200", "2024-07-01 10:00:00+00"),
        ("2024-07-01T12:00:00.250Z", "2024-07-01 12:00:00.25+00"),
        ("2024-07-01 12:00:00", "2024-07-01 10:00:00+00"),
        ("2024-01-01 12:00", "2024-01-01 11:00:00+00"),
        ("2024-07-01", "2024-06-30 22:00:00+00"),
        ("01.07.2024 9:05", "2024-07-01 07:05:00+00"),
        ("01.07.2024, 09:05:30 Uhr", "2024-07-01 07:05:30+00"),
        ("1/7/2024 9:05 pm", "2024-07-01 19:05:00+00"),
        ("1/7/2024 12:05 a.m.", "2024-06-30 22:05:00+00"),
        ("1 July 2024 09:05 UTC", "2024-07-01 09:05:00+00"),
        ("1. Juli 2024 um 09:05", "2024-07-01 07:05:00+00"),
        ("1719835200", "2024-07-01 12:00:00+00"),
        ("1719835200000", "2024-07-01 12:00:00+00"),
    ],
)
def test_instants_in_the_zone_of_their_source(session: Session, given: str, instant: str) -> None:
    values, reasons, _ = read_column(session, "datetime", ["31/12/2023", given], time_zone="Europe/Berlin")
    assert (values[1], reasons[1]) == (instant, None)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("2024-07-01 25:00:00", "not_a_datetime"),
        ("2024-07-01 12:00 CEST", "unknown_zone"),
        ("yesterday", "not_a_datetime"),
        ("32.07.2024 12:00", "not_a_datetime"),
    ],
)
def test_what_is_no_instant_says_why(session: Session, given: str, reason: str) -> None:
    values, reasons, _ = read_column(session, "datetime", [given])
    assert (values, reasons) == ([None], [reason])


def test_lists_and_json(session: Session) -> None:
    values, _, _ = read_column(session, "list", ["a; b,c", '["x, y", "z"]', "one", " ; ", None])
    assert values == [["a", "b", "c"], ["x, y", "z"], ["one"], [], None]
    values, reasons, _ = read_column(session, "json", ['{"a": 1}', "{a}"])
    assert (values, reasons) == (['{"a": 1}', None], [None, "not_json"])
