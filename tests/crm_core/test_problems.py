"""Errors as problem documents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crm_core.errors import (
    ConditionInvalid,
    Conflict,
    DefinitionInvalid,
    Forbidden,
    Problem,
    RecordNotFound,
    ValuesInvalid,
    VersionConflict,
)
from crm_core.problems import problem_of
from lake.errors import LakeLockedError, NulCharacterError, QueryRefused, StatementError
from lake.ingest.errors import EmptyInputError

BAD_EMAIL = Problem("email", "email", "is no e-mail address", "x")


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        pytest.param(ValuesInvalid("customers", [BAD_EMAIL]), 422, "values-invalid", id="values"),
        pytest.param(ConditionInvalid("{", "it is no JSON"), 422, "condition-invalid", id="condition"),
        pytest.param(DefinitionInvalid("The flow x", ["a"]), 422, "definition-invalid", id="definition"),
        pytest.param(RecordNotFound("customers", "1"), 404, "record-not-found", id="record"),
        pytest.param(Forbidden("anna", "change", "flows"), 403, "forbidden", id="forbidden"),
        pytest.param(Conflict("taken"), 409, "conflict", id="conflict"),
        pytest.param(NulCharacterError("name"), 422, "nul-character", id="nul"),
        pytest.param(LakeLockedError("c", waited=1.0), 503, "lake-locked", id="locked"),
        pytest.param(QueryRefused("COPY", allowed="one SELECT"), 422, "query-refused", id="query"),
        pytest.param(EmptyInputError("a.csv"), 422, "empty-input", id="file"),
        pytest.param(KeyError("secret"), 500, "unexpected", id="unexpected"),
    ],
)
def test_an_error_has_its_status_and_kind(error: Exception, status: int, kind: str) -> None:
    document = problem_of(error)
    assert (document["status"], document["type"]) == (status, f"urn:merganser:{kind}")


def test_every_wrong_value_stands_with_its_field() -> None:
    document = problem_of(ValuesInvalid("customers", [BAD_EMAIL, Problem("name", "required", "is missing")]))
    assert [error["field"] for error in document["errors"]] == ["email", "name"]
    assert document["errors"][0] == {
        "field": "email", "code": "email", "message": "is no e-mail address", "received": "x"
    }  # fmt: skip


def test_a_conflict_shows_base_current_and_yours() -> None:
    then = datetime(2026, 1, 2, tzinfo=UTC)
    conflict = {"field": "due", "base": None, "current": then, "yours": "2026-02-01"}
    [error] = problem_of(VersionConflict("tasks", "1", [conflict]))["errors"]
    assert (error["base"], error["current"], error["yours"]) == (
        None,
        "2026-01-02T00:00:00.000Z",
        "2026-02-01",
    )


@pytest.mark.parametrize("error", [KeyError("secret"), StatementError("secret in SQL", sql="SELECT secret")])
def test_what_nobody_expected_says_nothing_of_its_inside(error: Exception) -> None:
    assert "secret" not in str(problem_of(error))


def test_the_words_of_the_engine_tell_no_password() -> None:
    error = LakeLockedError("postgres:host=db user=me password=hunter2 dbname=x", waited=1.0)
    document = problem_of(error)
    assert document["status"] == 503 and "password=***" in document["detail"]
    assert "hunter2" not in str(document)
