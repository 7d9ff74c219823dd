"""What the one who asks chose for the pages: read, set, taken back; nobody else's."""

from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from api.context import Here, Json, Who
from crm_core.preference_kinds import read_known, remove_preference, set_preference

router = APIRouter(prefix="/v1/preferences", tags=["preferences"])


class Chosen(BaseModel):
    """What is chosen."""

    model_config = ConfigDict(extra="forbid")

    value: Any


@router.get("", summary="Preferences")
def list_preferences(workspace: Here, actor: Who) -> JSONResponse:
    """What you chose, by key, and which preferences there are."""
    return Json(read_known(workspace.lake, actor=actor))


@router.put("/{key}", status_code=204, summary="Set a preference")
def put_preference(key: str, chosen: Chosen, workspace: Here, actor: Who) -> Response:
    """Choose something for yourself, in place of what you chose before."""
    set_preference(workspace.lake, workspace.catalog, key, chosen.value, actor=actor)
    return Response(status_code=204)


@router.delete("/{key}", status_code=204, summary="Remove a preference")
def delete_preference(key: str, workspace: Here, actor: Who) -> Response:
    """Take a choice of yours back; what is not chosen is so already."""
    remove_preference(workspace.lake, workspace.catalog, key, actor=actor)
    return Response(status_code=204)
