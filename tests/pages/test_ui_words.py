"""Values as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from pages._ui import words

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(Decimal("1204.500000"), "1,204.5", id="needless zeros"),
        pytest.param(Decimal("100.000000"), "100", id="zeros before the point stay"),
        pytest.param(2**62, "4,611,686,018,427,387,904", id="a large whole number"),
        pytest.param("12.50", "12.5", id="text"),
        pytest.param("abc", "abc", id="no number"),
        pytest.param(0, "0", id="zero"),
    ],
)
def test_number(value: Any, shown: str) -> None:
    assert words.number(value) == shown


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        pytest.param("1204.5000", "EUR", "€1,204.50", id="a symbol"),
        pytest.param(Decimal("-3"), "USD", "−$3.00", id="negative"),
        pytest.param("0.1234", "EUR", "€0.1234", id="more digits are kept"),
        pytest.param("12", "CHF", "CHF\u202f12.00", id="a code"),
        pytest.param("12", None, "12.00", id="no currency"),
        pytest.param("x", "EUR", "x", id="no amount"),
    ],
)
def test_money(amount: Any, currency: str | None, shown: str) -> None:
    assert words.money(amount, currency) == shown


@pytest.mark.parametrize(
    ("passed", "shown"),
    [
        pytest.param(timedelta(seconds=20), "now", id="now"),
        pytest.param(timedelta(minutes=14), "14m", id="minutes"),
        pytest.param(timedelta(hours=3), "3h", id="hours"),
        pytest.param(timedelta(days=1), "Yesterday", id="yesterday"),
        pytest.param(timedelta(days=3), "Thu", id="this week"),
        pytest.param(timedelta(days=30), "23 Oct", id="this year"),
        pytest.param(timedelta(days=700), "Dec 2024", id="long ago"),
        pytest.param(-timedelta(days=2), "24 Nov 2026", id="to come"),
    ],
)
def test_ago(passed: timedelta, shown: str) -> None:
    assert words.ago(NOW - passed, now=NOW) == shown


def test_yesterday_begins_at_midnight_of_the_reader() -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    assert words.ago(late, now=NOW, zone="UTC") == "Yesterday"
    assert words.ago(late, now=NOW, zone="Asia/Tokyo") == "12h"


def test_an_instant_is_shown_in_the_zone_of_the_reader() -> None:
    assert words.moment("2026-07-01T22:30:00Z", zone="Europe/Berlin") == "2 Jul 2026, 00:30"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param("2026-02-12T13:05:00+00:00", "12 Feb, 14:05", id="this year"),
        pytest.param("2025-12-31T23:30:00+00:00", "1 Jan, 00:30", id="this year where the reader is"),
        pytest.param("2025-02-12T13:05:00+00:00", "12 Feb 2025, 14:05", id="another year"),
        pytest.param("never", "never", id="no instant"),
    ],
)
def test_an_instant_in_little_room_leaves_out_the_year_that_it_is(value: str, shown: str) -> None:
    assert words.brief(value, zone="Europe/Berlin", now=NOW) == shown


def test_how_many_times_as_much_has_one_digit_where_it_needs_it() -> None:
    assert [words.times(factor) for factor in (8.0, 2.54)] == ["8×", "2.5×"]


def test_a_day_is_the_same_from_text_and_from_a_date() -> None:
    assert words.day("2027-02-12") == words.day(date(2027, 2, 12)) == "12 Feb 2027"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(980, "980"), (9_999, "9,999"), (12_400, "12.4k"), (1_200_000, "1.2M"), (2_000_000_000, "2B")],
)
def test_compact(value: int, shown: str) -> None:
    assert words.compact(value) == shown


def test_counts_have_their_noun() -> None:
    assert [words.plural(n, "record") for n in (0, 1, 1204)] == ["0 records", "1 record", "1,204 records"]
    assert words.plural(2, "reply", "replies") == "2 replies"


def test_codes_have_names() -> None:
    assert words.country("DE") == "Germany"
    assert words.country("ZZ") == "ZZ"
    assert words.phone("+49305557014") == "+49 30 5557014"
    assert words.phone("12") == "12"
    assert "EUR" in words.currencies() and len(set(words.currencies())) == len(words.currencies())
