"""Plain data at a terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crm_core.telling import tell, tell_problem


@dataclass(frozen=True)
class Thing:
    name: str
    at: datetime
    parts: tuple[Decimal, ...] = ()


THING = Thing("Ünï", datetime(2026, 1, 2, tzinfo=UTC), (Decimal("1.50"),))


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    tell([THING], as_json=True)
    expected = [{"name": "Ünï", "at": "2026-01-02T00:00:00.000Z", "parts": [1.5]}]
    assert json.loads(capsys.readouterr().out) == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param([THING], ["name", "Ünï", "2026-01-02"], id="rows"),
        pytest.param({"restored": 3}, ["restored", "3"], id="facts"),
        pytest.param(
            {"read": 2, "rejects": [{"line": 7}]}, ["read", "Rejects", "line", "7"], id="facts and rows"
        ),
        pytest.param(
            [{"price": {"amount": Decimal("12.5"), "currency": "EUR"}}], ["12.50", "EUR"], id="money"
        ),
        pytest.param("a,b\r\n", ["a,b"], id="a text"),
        pytest.param([{"name": "[red]x[/red]"}], ["[red]x[/red]"], id="markup is text"),
    ],
)
def test_people_read_tables(capsys: pytest.CaptureFixture[str], value: object, words: list[str]) -> None:
    tell(value)
    out = capsys.readouterr().out
    assert [word for word in words if word not in out] == []


def test_an_id_stands_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    load = "01a203b3-2322-753d-bf2b-3ab3249b6ff3"
    tell([{"load_id": load} | {f"column_{number}": "some words of it" for number in range(20)}])
    assert load in capsys.readouterr().out


def test_a_decimal_is_told_with_all_its_digits(capsys: pytest.CaptureFixture[str]) -> None:
    tell([{"d": Decimal("12345678901234567.12"), "e": Decimal("0.10")}], as_json=True)
    assert capsys.readouterr().out == '[{"d": 12345678901234567.12, "e": 0.1}]\n'


def test_nothing_is_said_aside(capsys: pytest.CaptureFixture[str]) -> None:
    tell([])
    assert capsys.readouterr() == ("", "There is nothing.\n")


def test_a_text_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    tell([{"name": "\x1b]0;owned\x07"}])
    tell_problem({"detail": "\x1b[2Jgone", "errors": []})
    out, err = capsys.readouterr()
    assert "\x1b" not in out + err and "gone" in err
