"""Every field kind has a widget that answers in the shape of a record, and a view."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core.model import FIELD_KINDS, Option
from pages._ui.field_views import VIEWS, FieldContext, from_columns, is_missing, show_field, text_of
from pages._ui.field_widgets import DRAW
from pages._ui.fields import parse_number

OPTIONS = (Option(value="won", label="Won!", color="green"), Option(value="<i>"))
CONTEXT = FieldContext(users={"anna": "Anna Weber"}, files={"f1": "offer.pdf"}, zone="Europe/Berlin")
VALUES: dict[str, tuple[Any, str]] = {
    "text": ("<b>x</b>", "<b>x</b>"),
    "long_text": ("one\ntwo", "one two"),
    "integer": (12345, "12,345"),
    "decimal": (Decimal("12.500000"), "12.5"),
    "money": ({"amount": Decimal("1204.5000"), "currency": "EUR"}, "€1,204.50"),
    "boolean": (False, "No"),
    "date": (date(2027, 2, 12), "12 Feb 2027"),
    "datetime": (datetime(2026, 11, 22, 13, 5, tzinfo=UTC), "22 Nov 2026, 14:05"),
    "email": ("a@b.example", "a@b.example"),
    "phone": ("+49305557014", "+49 30 5557014"),
    "url": ("https://a.example/b/", "a.example/b"),
    "select": ("won", "Won!"),
    "multi_select": (["won", "<i>"], "Won!<i>"),
    "address": (
        {"street": "Weg 1", "postal_code": "10119", "city": "Berlin", "region": None, "country": "DE"},
        "Weg 1, 10119 Berlin, Germany",
    ),
    "country": ("FR", "France"),
    "user": ("anna", "Anna Weber"),
    "file": (["f1"], "offer.pdf"),
    "json": ({"a": [1]}, '{ "a": [ 1 ] }'),
    "auto_number": ("INV-00042", "INV-00042"),
}


def make(kind: str) -> Any:
    options = {"options": OPTIONS} if "select" in kind else {}
    return FIELD_KINDS[kind](slug="it", kind=kind, **options)


def test_no_kind_is_forgotten() -> None:
    assert set(VIEWS) == set(DRAW) == set(VALUES) == set(FIELD_KINDS)


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_shown(kind: str) -> None:
    value, shown = VALUES[kind]
    assert text_of(make(kind), value, CONTEXT).replace("&nbsp;", " ") == shown


@pytest.mark.parametrize("kind", VALUES)
def test_no_kind_lets_markup_through(kind: str) -> None:
    assert "<script" not in show_field(make(kind), "<script>alert(1)</script>", CONTEXT)


@pytest.mark.parametrize("value", [None, "", [], {"amount": None, "currency": None}], ids=str)
def test_a_missing_value_is_a_dash(value: Any) -> None:
    assert is_missing(value)
    assert "–" in show_field(make("text"), value)
    assert text_of(make("text"), value) == ""


def test_false_and_zero_are_not_missing() -> None:
    assert not is_missing(False) and not is_missing(0)


def test_money_and_addresses_come_out_of_their_columns() -> None:
    money = {"it": "3.0000", "it__currency": "USD"}
    assert text_of(make("money"), from_columns(make("money"), money)) == "$3.00"
    assert is_missing(from_columns(make("money"), {"it": None, "it__currency": "USD"}))
    assert text_of(make("address"), from_columns(make("address"), {"it__city": "Bonn"})) == "Bonn"


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        pytest.param("1,204.50", Decimal("1204.50"), id="English"),
        pytest.param("1.204,50", Decimal("1204.50"), id="German"),
        pytest.param("12,5", Decimal("12.5"), id="decimal comma"),
        pytest.param("1,204", Decimal("1204"), id="thousands"),
        pytest.param("-1 204.5", Decimal("-1204.5"), id="spaces"),
        pytest.param("twelve", "twelve", id="no number stays text"),
        pytest.param("NaN", "NaN", id="not finite stays text"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_typed_numbers_are_exact(typed: Any, value: Any) -> None:
    assert parse_number(typed) == value


def draw_one(kind: str, value: object) -> None:
    import streamlit as st

    from pages._ui.fields import edit_field
    from tests.pages.test_ui_fields import CONTEXT, make

    st.session_state["answer"] = edit_field(make(kind), value, key="it", context=CONTEXT, problem="Wrong <b>")


@pytest.mark.parametrize("kind", VALUES)
def test_a_widget_answers_with_the_value_it_was_given(kind: str) -> None:
    value, _ = VALUES[kind]
    app = AppTest.from_function(draw_one, args=(kind, value)).run()
    assert not app.exception
    assert app.session_state["answer"] == value


@pytest.mark.parametrize("kind", VALUES)
def test_an_empty_widget_answers_with_nothing(kind: str) -> None:
    app = AppTest.from_function(draw_one, args=(kind, None)).run()
    assert not app.exception
    assert app.session_state["answer"] in (None, False)


def draw_committing(value: object) -> None:
    import streamlit as st

    from pages._ui.fields import edit_field
    from tests.pages.test_ui_fields import CONTEXT, make

    heard = st.session_state.setdefault("heard", [])
    edit_field(make("datetime"), value, key="it", context=CONTEXT, on_commit=heard.append)
    edit_field(make("text"), "before", key="other", context=CONTEXT, on_commit=heard.append)


def test_a_change_is_committed_once_and_an_instant_in_utc() -> None:
    app = AppTest.from_function(draw_committing, args=(None,)).run()
    app.datetime_input[0].set_value(datetime(2026, 7, 1, 12, 0)).run()
    app.text_input[0].set_value("after").run()
    assert app.session_state["heard"] == [datetime(2026, 7, 1, 10, 0, tzinfo=UTC), "after"]
