"""The tags of a module: how often each is used, and its colour."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.context import DOOR, Here, Json, Who
from crm_core.tags import colour_tag, list_tags

router = APIRouter(prefix="/v1/modules/{module}/tags", tags=["records"])


class Painted(BaseModel):
    """The colour of a tag."""

    model_config = ConfigDict(extra="forbid")

    color: str = Field(max_length=50, description="One of ten names.")


@router.get("", summary="Tags")
def show_tags(module: str, workspace: Here, actor: Who) -> JSONResponse:
    """The tags of the records that you see, most used first, with their colours."""
    return Json({"items": list_tags(workspace.lake, workspace.catalog, module=module, actor=actor)})


@router.put("/{tag}", status_code=204, summary="Colour a tag")
def paint_tag(module: str, tag: str, painted: Painted, workspace: Here, actor: Who) -> Response:
    """Give a tag a colour, the same for everybody."""
    colour_tag(workspace.lake, module=module, tag=tag, color=painted.color, actor=actor, door=DOOR)
    return Response(status_code=204)
