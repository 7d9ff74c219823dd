"""The outbox: what is to leave the house, and what a person does with it."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from api.context import Here, Json, Who
from crm_core.telling import to_plain
from crm_core.workspace import Workspace
from flows import outbox
from flows.delivery import DeliveryConfig

router = APIRouter(prefix="/v1/outbox", tags=["flows"])

Some = Annotated[
    list[str] | None, Body(embed=True, max_length=10_000, description="Messages; else all that it fits.")
]


class Mended(BaseModel):
    """What is to be other of a message or call; what is not given stays."""

    model_config = ConfigDict(extra="forbid")

    recipient: str | None = None
    subject: str | None = None
    text: str | None = None
    url: str | None = None
    payload: str | None = None


@router.get("", summary="Messages")
def list_messages(
    workspace: Here,
    actor: Who,
    state: Annotated[str | None, Query(description="queued, held, dead …")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> JSONResponse:
    """Messages and calls of records that you may see, and where they stand, the newest first."""
    missing = _missing(workspace)
    found = outbox.list_messages(workspace.lake, actor=actor, state=state, limit=limit, missing=missing)
    return Json({"items": to_plain(found)})


@router.get("/{id}", summary="Message")
def get_message(id: str, workspace: Here, actor: Who) -> JSONResponse:
    """One message or call: its words, and every attempt with its answer."""
    return Json(to_plain(outbox.show(workspace.lake, id, actor=actor, missing=_missing(workspace))))


@router.patch("/{id}", summary="Mend a message")
def edit_message(id: str, mended: Mended, workspace: Here, actor: Who) -> JSONResponse:
    """Mend a message or call that has not left; a dead one is tried again with `retry`."""
    outbox.edit(workspace.lake, id, actor=actor, **mended.model_dump())
    return get_message(id, workspace, actor)


@router.post("/retry", summary="Retry messages")
def retry_messages(workspace: Here, actor: Who, ids: Some = None) -> JSONResponse:
    """Try dead messages again, or waiting ones at once."""
    return Json({"retried": outbox.retry(workspace.lake, actor=actor, ids=ids)})


@router.post("/release", summary="Release messages")
def release_messages(workspace: Here, actor: Who, ids: Some = None) -> JSONResponse:
    """Let held messages go."""
    return Json({"released": outbox.release(workspace.lake, actor=actor, ids=ids)})


@router.post("/drop", summary="Drop messages")
def drop_messages(workspace: Here, actor: Who, ids: Some = None) -> JSONResponse:
    """Decide against messages that have not left."""
    return Json({"dropped": outbox.drop(workspace.lake, actor=actor, ids=ids)})


def _missing(workspace: Workspace) -> Any:
    """Which channels cannot deliver, and why."""
    return DeliveryConfig.from_settings(workspace.settings).missing
