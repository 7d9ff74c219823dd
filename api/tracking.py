"""Opened and clicked: two public paths beside the API, which tell nothing and lead nowhere but where a message does."""

import base64
from datetime import UTC, datetime

import structlog
from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse

from api.headers import API_POLICY, SecurityHeaders
from crm_core.settings import Settings
from crm_core.workspace import Workspace
from flows.tracking import CLICK_PATH, OPEN_PATH, Told, Tracker, find_target, note
from lake.errors import LakeError

PREFIX = "/m"
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_FRESH = {"Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "cross-origin"}
_log = structlog.get_logger("api")


def create_tracking(settings: Settings) -> FastAPI:
    """Build the application; `connect` gives it the workspace before the first request."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.tracker = Tracker.of(settings)
    app.add_middleware(SecurityHeaders, policy=API_POLICY)
    for path, answer in ((OPEN_PATH, opened), (CLICK_PATH, clicked)):
        app.add_api_route(path.removeprefix(PREFIX) + "{token}", answer, methods=["GET", "HEAD"])
    return app


def connect(app: FastAPI, workspace: Workspace) -> None:
    """Let the application answer from a workspace."""
    app.state.workspace = workspace


async def opened(request: Request, token: str) -> Response:
    """One pixel, whoever asks; a token of ours is noted."""
    told = _read(request, token)
    if told is not None and told.link is None:
        await _note(request, told)
    return Response(_PIXEL, media_type="image/gif", headers=_FRESH)


async def clicked(request: Request, token: str) -> Response:
    """On to where the message's own link leads; nowhere for any other token."""
    told = _read(request, token)
    workspace: Workspace = request.app.state.workspace
    target = await to_thread.run_sync(find_target, workspace.lake, told) if told is not None else None
    if told is None or target is None:
        return PlainTextResponse("This link leads nowhere any more.", status_code=404, headers=_FRESH)
    await _note(request, told)
    # Who follows a link does not tell its target which message it stood in.
    return RedirectResponse(target, status_code=302, headers={**_FRESH, "Referrer-Policy": "no-referrer"})


def _read(request: Request, token: str) -> Told | None:
    tracker: Tracker | None = request.app.state.tracker
    return tracker.read(token) if tracker is not None else None


async def _note(request: Request, told: Told) -> None:
    """Keep what a reader's program told; a look at the headers alone is no reading."""
    if request.method == "HEAD":
        return
    workspace: Workspace = request.app.state.workspace
    try:
        await to_thread.run_sync(lambda: note(workspace.lake, told, at=datetime.now(UTC)))
    except LakeError as error:
        # The reader is not to wait, or see an error, since the lake is busy: the next time counts.
        _log.warning("what a message told is not kept", error=str(error))
