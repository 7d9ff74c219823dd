"""Notifications: what the one who asks was told."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.context import Here, Json, Who
from flows import notifications

router = APIRouter(prefix="/v1/notifications", tags=["notifications"])


class Marked(BaseModel):
    """Which notifications are read: their `ids`, or all of them."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] | None = Field(default=None, max_length=1000)


@router.get("", summary="Notifications")
def list_notifications(
    workspace: Here,
    actor: Who,
    unread: bool = False,
    limit: Annotated[int, Query(ge=1, le=notifications.MOST)] = 50,
) -> JSONResponse:
    """What you were told of records that you may see, newest first, and how many of all are unread."""
    found = notifications.list_notifications(workspace.lake, actor=actor, unread=unread, limit=limit)
    count = notifications.count_unread(workspace.lake, actor=actor)
    return Json({"items": [asdict(one) for one in found], "unread": count})


@router.post("/read", summary="Mark as read")
def mark_read(workspace: Here, actor: Who, marked: Marked | None = None) -> JSONResponse:
    """Mark notifications as read, all of yours without `ids`; tells how many were unread."""
    ids = marked.ids if marked is not None else None
    return Json({"marked": notifications.mark_read(workspace.lake, actor=actor, ids=ids)})
