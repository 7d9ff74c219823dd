"""Errors of ours become words, others are left to the log."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from crm_core.errors import Conflict, CrmError, DefinitionInvalid, Problem, ValuesInvalid, VersionConflict
from lake.errors import LakeLockedError
from pages._ui.feedback import MAX_LINES, by_field, in_words

INVALID = ValuesInvalid(
    "customers",
    [
        Problem("email", "invalid", "“x” is no e-mail address", "x"),
        Problem("credit_limit", "required", "is missing"),
    ],
)


def test_every_problem_of_the_values_is_told() -> None:
    told = in_words(INVALID)
    assert told.title == "Not saved: 2 values need attention."
    assert told.lines == ("Email: “x” is no e-mail address", "Credit limit: is missing")


def test_problems_are_kept_by_field() -> None:
    twice = ValuesInvalid(
        "m", [Problem("a", "x", "one"), Problem("a", "y", "two"), Problem("b", "z", "three")]
    )
    assert by_field(twice) == {"a": "one; two", "b": "three"}


def test_people_do_not_read_the_name_that_programs_use() -> None:
    wrong = [
        Problem("name", "x", "“name” is too long"),
        Problem("starts_at", "x", "“starts_at”: it is taken"),
    ]
    assert in_words(ValuesInvalid("m", wrong)).lines == ("Name: is too long", "Starts at: it is taken")
    assert by_field(ValuesInvalid("m", wrong)) == {"name": "is too long", "starts_at": "it is taken"}


def test_a_long_list_is_cut() -> None:
    many = ValuesInvalid("m", [Problem(f"f{i}", "x", "bad") for i in range(40)])
    lines = in_words(many).lines
    assert len(lines) == MAX_LINES + 1 and lines[-1] == f"and {40 - MAX_LINES} more"


def test_a_conflict_shows_base_current_and_yours() -> None:
    error = VersionConflict("m", "1", [{"field": "name", "base": None, "current": "B", "yours": "C"}])
    assert in_words(error).lines == ("Name: it was empty, is now “B”, and you wrote “C”",)


@pytest.mark.parametrize(
    ("error", "part"),
    [
        pytest.param(Conflict("The key is taken."), "The key is taken.", id="conflict"),
        pytest.param(DefinitionInvalid("The flow", ["x"]), "The flow cannot be used yet.", id="definition"),
        pytest.param(LakeLockedError("c.sqlite", waited=5.0), "The lake is busy.", id="busy"),
    ],
)
def test_other_errors_of_ours_speak_for_themselves(error: CrmError, part: str) -> None:
    assert part in in_words(error).title


def failing_page(kind: str) -> None:
    import streamlit as st

    from lake.errors import StatementError
    from pages._ui import feedback
    from tests.pages.test_ui_feedback import INVALID

    errors = {
        "ours": INVALID,
        "statement": StatementError("secret", sql="SELECT"),
        "other": KeyError("secret"),
    }

    def command() -> str:
        if kind in errors:
            raise errors[kind]
        return "made"

    st.session_state["answer"] = feedback.submit(command, form="f", done="Done **now**")
    st.session_state["problems"] = feedback.problems("f")


def test_a_refused_form_keeps_what_is_wrong_with_its_fields() -> None:
    app = AppTest.from_function(failing_page, args=("ours",)).run()
    assert app.session_state["answer"] is None
    assert app.session_state["problems"]["credit_limit"] == "is missing"
    assert "2 values need attention" in app.toast[0].value


def test_success_is_said_as_it_is_written() -> None:
    app = AppTest.from_function(failing_page, args=("none",)).run()
    assert app.session_state["answer"] == "made"
    assert app.toast[0].value == r"Done \*\*now\*\*"


@pytest.mark.parametrize("kind", ["statement", "other"])
def test_an_error_that_is_not_meant_for_people_is_not_swallowed(kind: str) -> None:
    app = AppTest.from_function(failing_page, args=(kind,)).run()
    assert app.exception
    assert not app.toast
