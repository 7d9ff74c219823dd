"""Files that a page of this server asked its browser for; they go to disk as they come."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Query, Request, Response

from crm_core import uploads

router = APIRouter(prefix="/v1/uploads")


@router.put("/{box}/upload", include_in_schema=False)
async def receive(
    box: str,
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=255)],
    content_length: Annotated[int, Header(ge=0)] = 0,
) -> Response:
    """Put the body as one file into a box that a page opened; its name is all that it takes."""
    with uploads.receiving(box, name, announced=content_length) as write:
        async for piece in request.stream():
            await to_thread.run_sync(write, piece)
    return Response(status_code=204)
