"""Errors as one JSON shape for every face: RFC 9457 problem details with the facts of the error."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from crm_core.errors import ConditionInvalid, DefinitionInvalid, Told, ValuesInvalid, VersionConflict
from crm_core.logs import redact
from crm_core.shape import to_json_value
from lake.errors import (
    CancelledError,
    FeedExpiredError,
    InvalidNameError,
    LakeError,
    NulCharacterError,
    QueryInvalid,
    QueryRefused,
    QueryTimeout,
    RetentionError,
    SettingError,
    StatementError,
    StorageFullError,
    TransientError,
)
from lake.ingest.errors import IngestError

ProblemDocument = dict[str, Any]

_LAKE_STATUS: tuple[tuple[type[LakeError], int], ...] = (
    (NulCharacterError, 422),
    (InvalidNameError, 422),
    (IngestError, 422),
    (QueryRefused, 422),
    (QueryInvalid, 422),
    (QueryTimeout, 408),
    (FeedExpiredError, 409),
    (SettingError, 400),
    (RetentionError, 409),
    (StorageFullError, 507),
    (CancelledError, 408),
    (TransientError, 503),
    (StatementError, 500),
)
_HIDDEN_FACTS = frozenset({"args", "sql", "problems", "conflicts", "status", "module", "received"})
_UNEXPECTED = "Something went wrong that should not have. It is in the log, under the id {id}."


def status_of(error: BaseException) -> int:
    """The HTTP status that fits an error: its own, else the lake's table, else 500."""
    own = getattr(error, "status", None)
    if isinstance(own, int):
        return own
    return next((status for kind, status in _LAKE_STATUS if isinstance(error, kind)), 500)


def problem_of(error: BaseException) -> ProblemDocument:
    """The problem document of an error: `type`, `title`, `status`, `detail`, `errors`, and its own facts.

    An error that is none of ours says nothing of its inside.
    """
    status = status_of(error)
    known = isinstance(getattr(error, "status", None), int) or isinstance(error, LakeError)
    detail = (
        str(error) if known and not isinstance(error, StatementError) else _UNEXPECTED.format(id=id(error))
    )
    # The engine's own words may hold the whole address of a catalog.
    document = problem_document(
        status, redact(detail), kind=_slug(type(error).__name__ if known else "unexpected")
    )
    if known:
        document |= _facts(error)
        document["errors"] = errors_of(error)
    return document


def problem_document(status: int, detail: str, *, kind: str = "") -> ProblemDocument:
    """A problem document of a status without an error behind it."""
    title = HTTPStatus(status).phrase
    return {
        "type": f"urn:merganser:{kind}" if kind else "about:blank",
        "title": title,
        "status": status,
        "detail": detail,
        "errors": [],
    }


def errors_of(error: BaseException) -> list[dict[str, Any]]:
    """What is wrong with which field: `field`, `code`, `message`, `received`, and more if there is."""
    match error:
        case ValuesInvalid():
            several = any(problem.row for problem in error.problems)
            return [
                to_json_value(problem.as_dict() | ({"row": problem.row} if several else {}))
                for problem in error.problems
            ]
        case VersionConflict():
            message = "somebody else changed this field since you read it"
            return [
                {"field": conflict["field"], "code": "conflict", "message": message}
                | {"received": to_json_value(conflict.get("yours"))}
                | {key: to_json_value(value) for key, value in conflict.items() if key != "field"}
                for conflict in error.conflicts
            ]
        case DefinitionInvalid():
            return [_definition_error(problem) for problem in error.problems]
        case ConditionInvalid():
            return [_error("filter", "condition", error.reason, error.received)]
        case NulCharacterError():
            return [_error(error.where, "nul_character", str(error), None)]
    return []


def _definition_error(problem: str) -> dict[str, Any]:
    """A problem of a definition, with its place in the document and its line where they are known."""
    if not isinstance(problem, Told):
        return _error("", "definition", problem, None)
    where = {"line": problem.line, "column": problem.column} if problem.line is not None else {}
    return _error(".".join(map(str, problem.place)), "definition", str(problem), None) | where


def _error(field: str, code: str, message: str, received: Any) -> dict[str, Any]:
    return {"field": field, "code": code, "message": message, "received": to_json_value(_plain(received))}


def _facts(error: BaseException) -> dict[str, Any]:
    """The attributes of the error that are plain data."""
    facts = {key: value for key, value in vars(error).items() if key not in _HIDDEN_FACTS and key[0] != "_"}
    plain = {
        key: redact(value) if isinstance(value, str) else to_json_value(_plain(value))
        for key, value in facts.items()
    }
    return {key: value for key, value in plain.items() if key not in ("type", "title", "detail", "errors")}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(part) for part in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _slug(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name.removesuffix("Error")).lower()
