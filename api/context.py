"""What handlers ask for: the workspace, its definitions, the actor; and how they answer."""

import json
import math
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.errors import BodyInvalid, NotSignedIn
from crm_core.access import Actor
from crm_core.people import actor_by_key
from crm_core.shape import Record, dumps
from crm_core.workspace import Workspace

DOOR = "api"
_bearer = HTTPBearer(auto_error=False, description="An API key, made by `merganser keys add`.")


def open_workspace(request: Request) -> Workspace:
    """The workspace that this process serves."""
    workspace: Workspace = request.app.state.workspace
    return workspace


Here = Annotated[Workspace, Depends(open_workspace)]
"""The workspace."""


def current_actor(
    workspace: Here, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Actor:
    """The actor of the request's key.

    Raises:
        NotSignedIn: When there is no key, or none that is valid.
    """
    if credentials is None:
        raise NotSignedIn("This path needs a key.")
    actor = actor_by_key(workspace.lake, credentials.credentials)
    if actor is None:
        raise NotSignedIn("This key is unknown or was withdrawn.")
    return actor


Who = Annotated[Actor, Depends(current_actor)]
"""On whose behalf the request is made."""


class ExactNumbers(APIRoute):
    """A route that takes the numbers of a body as they are written: what a double cannot hold stays a decimal."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, given a request that reads its body so."""
        handle = super().get_route_handler()

        async def exactly(request: Request) -> Response:
            return await handle(_ExactRequest(request.scope, request.receive))

        return exactly


class _ExactRequest(Request):
    async def json(self) -> Any:
        return json.loads(await self.body(), parse_float=_read_number)


def _read_number(text: str) -> float | Decimal | str:
    try:
        near, exact = float(text), Decimal(text)
    except ArithmeticError:
        # An exponent that no number has: the field says what it is not.
        return text
    return near if math.isfinite(near) and Decimal(repr(near)) == exact else exact


class Json(JSONResponse):
    """Plain data of the domain as JSON: instants, decimals and money as the contract shows them."""

    def render(self, content: Any) -> bytes:
        return dumps(content).encode()


def record_answer(
    record: Record, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One record, its version as the entity tag."""
    tag = {"ETag": f'"{record["version"]}"'}
    return Json(record, status_code=status, headers={**tag, **(headers or {})})


def base_version(if_match: str | None) -> int | None:
    """The version that `If-Match` names; None without one, or for `*`.

    Raises:
        BodyInvalid: When it is no entity tag of ours.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not text.isdecimal():
        raise BodyInvalid(f"If-Match is {if_match!r}; send the ETag of the record as it was read")
    return int(text)


def snapshot_of(workspace: Workspace, as_of: datetime | None) -> int | None:
    """The snapshot of an instant (UTC when it names no zone), or None for now."""
    if as_of is None:
        return None
    instant = as_of if as_of.tzinfo else as_of.replace(tzinfo=UTC)
    return workspace.lake.snapshot_at(instant)
