"""A module as a file: streamed, of one snapshot."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.context import Here, Who, snapshot_of
from api.records import AsOf, parse_filter
from crm_core.export import MEDIA_TYPES, Format, export_module

router = APIRouter(prefix="/v1/modules/{module}/export", tags=["records"])


@router.get("", summary="Export", response_class=StreamingResponse)
def export_records(
    module: str,
    workspace: Here,
    actor: Who,
    format: Annotated[Format, Query(description="csv, ndjson, json or parquet")] = "csv",
    filter: Annotated[str, Query(description="A condition as JSON.")] = "",
    sort: Annotated[str, Query(description="Fields with commas between, `-` for descending.")] = "",
    as_of: AsOf = None,
) -> StreamingResponse:
    """Every record that matches, as far as the actor may see it; CSV and Parquet can be loaded again."""
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
