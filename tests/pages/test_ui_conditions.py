"""The builder takes a condition apart and puts the same one together again."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from crm_core.model import FIELD_KINDS, Operator, parse_condition
from pages._ui.conditions import OPERATORS, Choice, describe, from_condition, operators_of, to_condition
from pages._ui.rules import split_span

NAME = {"field": "name", "op": "contains", "value": "ham"}
OPEN = {"field": "status", "op": "in", "value": ["new", "open"]}
GONE = {"field": "email", "op": "is_empty"}
TREES: dict[str, Any] = {
    "nothing": {},
    "one rule": NAME,
    "all": {"all": [NAME, OPEN]},
    "any": {"any": [NAME, GONE]},
    "not a rule": {"not": GONE},
    "none of": {"not": {"any": [NAME, OPEN]}},
    "not all of": {"not": {"all": [NAME, OPEN]}},
    "nested": {"all": [NAME, {"any": [OPEN, {"not": {"all": [NAME, GONE]}}]}]},
    "not not": {"not": {"not": {"any": [NAME, OPEN]}}},
}
CHOICES = tuple(
    Choice(slug, slug.capitalize(), FIELD_KINDS[kind](slug=slug, kind=kind))
    for slug, kind in (("name", "text"), ("seen", "datetime"), ("paid", "boolean"), ("amount", "integer"))
)


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_a_condition_comes_back_as_it_went_in(tree: Any) -> None:
    assert to_condition(from_condition(tree)) == tree


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_what_comes_back_is_a_condition_of_the_core(tree: Any) -> None:
    parse_condition(to_condition(from_condition(tree)))


def test_unfinished_rules_are_left_out() -> None:
    draft = from_condition({"all": [NAME]})
    draft["parts"] += [{"id": "1", "field": None, "op": None, "value": None}]
    draft["parts"] += [{"id": "2", "field": "name", "op": "eq", "value": None}]
    draft["parts"] += [{"id": "3", "field": "amount", "op": "between", "value": [1, None]}]
    draft["parts"] += [from_condition({"any": []})]
    assert to_condition(draft) == NAME


def test_every_operator_has_words_and_a_kind_that_offers_it() -> None:
    offered = {operator for kind in FIELD_KINDS for operator in operators_of(kind, with_changed=True)}
    assert set(OPERATORS) == offered == set(Operator.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        pytest.param({}, "Everything", id="nothing"),
        pytest.param(NAME, "Name contains ham", id="one rule"),
        pytest.param(
            {"all": [NAME, {"any": [NAME, GONE]}]},
            "Name contains ham and (Name contains ham or Email is empty)",
            id="nested",
        ),
        pytest.param({"not": GONE}, "not (Email is empty)", id="not"),
        pytest.param(
            {"field": "seen", "op": "within_last", "value": "1d"}, "Seen was within the last 1 day", id="span"
        ),
        pytest.param({"field": "paid", "op": "eq", "value": True}, "Paid is Yes", id="yes"),
        pytest.param(
            {"field": "amount", "op": "between", "value": [1, 2]}, "Amount is between 1 and 2", id="between"
        ),
    ],
)
def test_a_condition_in_words(tree: Any, told: str) -> None:
    assert describe(tree, CHOICES) == told


@pytest.mark.parametrize(
    ("value", "span"),
    [("14d", (14, "d")), ("3 mo", (3, "mo")), (None, (7, "d")), ("x", (7, "d"))],
    ids=str,
)
def test_a_span_is_a_number_and_a_unit(value: Any, span: tuple[int, str]) -> None:
    assert split_span(value) == span


def draw_builder(start: object) -> None:
    import streamlit as st

    from pages._ui.conditions import edit_condition
    from tests.pages.test_ui_conditions import CHOICES

    st.session_state["tree"] = edit_condition(start, choices=CHOICES, key="f")


def test_a_rule_follows_the_kind_of_its_field() -> None:
    app = AppTest.from_function(draw_builder, args=({"field": "name", "op": "contains", "value": "a"},)).run()
    app.selectbox[0].set_value("paid").run()
    assert app.session_state["tree"] == {}
    app.selectbox[2].set_value("true").run()
    assert app.session_state["tree"] == {"field": "paid", "op": "eq", "value": True}


def test_groups_and_rules_are_added_and_removed() -> None:
    app = AppTest.from_function(draw_builder, args=({"all": [NAME, {"any": [NAME, GONE]}]},)).run()
    assert len(app.text_input) == 2
    removes = [button for button in app.button if button.key.endswith(":remove")]
    removes[0].click().run()
    assert app.session_state["tree"] == {"any": [NAME, GONE]}
    assert not app.exception
