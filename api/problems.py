"""Every error as RFC 9457 problem details; nothing of the inside of an unexpected one."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.errors import BodyInvalid
from crm_core.errors import CrmError
from crm_core.logs import log_failure
from crm_core.problems import ProblemDocument, problem_document, problem_of
from crm_core.shape import dumps
from lake.errors import LakeError

MEDIA_TYPE = "application/problem+json"


class ProblemResponse(JSONResponse):
    """A problem document with its own status and media type."""

    media_type = MEDIA_TYPE

    def render(self, content: Any) -> bytes:
        return dumps(content).encode()

    def __init__(self, document: ProblemDocument, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(document, status_code=document["status"], headers=headers)


def install_problem_handlers(api: FastAPI) -> None:
    """Let every error of the application be answered as a problem document."""
    api.add_exception_handler(RequestValidationError, _wrong_request)
    api.add_exception_handler(HTTPException, _http_error)
    for kind in (CrmError, LakeError, Exception):
        api.add_exception_handler(kind, _any_error)


def answer_error(error: Exception) -> ProblemResponse:
    """The problem response of an error; one that nobody expected goes to the log, under the id it names."""
    if isinstance(error, RecursionError):
        error = BodyInvalid("its lists and objects are nested too deeply; a few dozen levels are enough")
    if isinstance(error, UnicodeEncodeError):
        error = BodyInvalid("a text in it holds half a character (a lone surrogate); send whole ones")
    document = problem_of(error)
    if document["status"] >= 500:
        log_failure("request failed", error)
    headers = {"WWW-Authenticate": "Bearer"} if document["status"] == 401 else None
    if document["status"] in (429, 503):
        headers = {"Retry-After": str(getattr(error, "retry_after", 1))}
    return ProblemResponse(document, headers=headers)


async def _any_error(_: Request, error: Exception) -> ProblemResponse:
    return answer_error(error)


async def _http_error(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    here, detail = f"{request.method} {request.url.path}", str(error.detail)
    if error.status_code == 404 and detail == "Not Found":
        detail = f"There is no path {here}. Every path there is stands in /api/docs."
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "other methods")
        detail = f"{here} is not possible: this path takes {allowed}. See /api/docs."
    return ProblemResponse(problem_document(error.status_code, detail), headers=error.headers)


async def _wrong_request(_: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    problems = [_problem(found) for found in error.errors()]
    first = problems[0]
    document = problem_document(422, f"{first['field']}: {first['message']}", kind="request-invalid")
    return ProblemResponse(document | {"errors": problems})


def _problem(found: Mapping[str, Any]) -> dict[str, Any]:
    place = [str(part) for part in found["loc"] if part not in ("body", "query", "path", "header")]
    received = found.get("input")
    plain = isinstance(received, (str, int, float, bool, list, dict, type(None)))
    return {
        "field": ".".join(place) or str(found["loc"][0]),
        "code": str(found["type"]),
        "message": str(found["msg"]),
        "received": _showable(received) if plain else str(received),
    }


def _showable(received: Any) -> Any:
    """What came in, without what JSON cannot carry: infinite numbers and half characters."""
    match received:
        case float() if not math.isfinite(received):
            return str(received)
        case str():
            return received.encode("utf-8", "replace").decode()
        case list():
            return [_showable(part) for part in received]
        case dict():
            return {str(_showable(str(key))): _showable(part) for key, part in received.items()}
    return received
