"""A module as a file: streamed, of one snapshot."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.context import Here, Who, snapshot_of
from api.records import AsOf, parse_filter
from crm_core.downloads import follow
from crm_core.export import MEDIA_TYPES, Format, export_module

links = APIRouter()
router = APIRouter(prefix="/v1/modules/{module}/export", tags=["records"])


@router.get("", summary="Export", response_class=StreamingResponse)
def export_records(
    module: str,
    workspace: Here,
    actor: Who,
    format: Annotated[Format, Query(description="csv, xlsx, ndjson, json or parquet")] = "csv",
    filter: Annotated[str, Query(description="A condition as JSON.")] = "",
    sort: Annotated[str, Query(description="Fields with commas between, `-` for descending.")] = "",
    as_of: AsOf = None,
) -> StreamingResponse:
    """Every record that matches, as far as the actor may see it; CSV, Excel and Parquet can be loaded again."""
    pieces = export_module(
        workspace.lake,
        workspace.catalog,
        module=module,
        actor=actor,
        format=format,
        condition=parse_filter(filter),
        sort=sort,
        at=snapshot_of(workspace, as_of),
    )
    name = f'attachment; filename="{module}.{format}"'
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[format], headers={"Content-Disposition": name})


@links.get("/download/{token}", include_in_schema=False)
def download(token: str, workspace: Here) -> StreamingResponse:
    """What a page offered under this link, for the person it was offered to."""
    wanted = follow(workspace.lake, token)
    pieces = export_module(
        workspace.lake,
        workspace.catalog,
        module=wanted.module,
        actor=wanted.actor,
        format=wanted.format,
        condition=wanted.condition,
        sort=wanted.sort,
    )
    day = datetime.now(UTC).date().isoformat()
    headers = {
        "Content-Disposition": f'attachment; filename="{wanted.module}-{day}.{wanted.format}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(pieces, media_type=MEDIA_TYPES[wanted.format], headers=headers)
