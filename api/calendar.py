"""Calendars for other programs: one appointment as a file, and the private address of a person's own calendar."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi.responses import JSONResponse

from api.context import Here, Json, Who
from api.files import disposition
from crm_core.calendar_feed import feed_path, make_feed, read_feed, record_file, revoke_feed

router = APIRouter(tags=["calendars"])
MEDIA_TYPE = "text/calendar; charset=utf-8"
_ICS = {"content": {"text/calendar": {"schema": {"type": "string"}}}}


@router.get(
    "/v1/modules/{module}/records/{id}/calendar.ics",
    summary="As a calendar file",
    response_class=Response,
    responses={200: _ICS},
)
def get_record_file(module: str, id: str, workspace: Here, actor: Who) -> Response:
    """A record that has a time, such as an appointment, as a file that calendars read."""
    body = record_file(workspace.lake, workspace.catalog, module=module, record_id=id, actor=actor)
    return Response(
        body, media_type=MEDIA_TYPE, headers={"Content-Disposition": disposition("attachment", f"{id}.ics")}
    )


@router.post("/v1/calendar", status_code=201, summary="Make a private address")
def make_address(workspace: Here, actor: Who) -> JSONResponse:
    """Make a private address of the caller's own calendar; it is told this once, and an earlier one ends."""
    return Json({"path": feed_path(make_feed(workspace.lake, actor=actor))}, status_code=201)


@router.delete("/v1/calendar", status_code=204, summary="Take the private address back")
def revoke_address(workspace: Here, actor: Who) -> Response:
    """Take the private address of the caller's calendar back; calendars that follow it get nothing any more."""
    revoke_feed(workspace.lake, actor=actor)
    return Response(status_code=204)


@router.head("/v1/calendar/{token}.ics", include_in_schema=False)
@router.get(
    "/v1/calendar/{token}.ics",
    summary="A person's calendar",
    response_class=Response,
    responses={200: _ICS, 304: {"description": "It is as it was."}},
)
def get_calendar(
    token: str, workspace: Here, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """What its person works on, of the last month and the next year; the address itself is the key."""
    feed = read_feed(workspace.lake, workspace.catalog, token)
    headers = {"ETag": f'"{feed.tag}"', "Cache-Control": "private, no-cache"}
    if _known(if_none_match, feed.tag):
        return Response(status_code=304, headers=headers)
    return Response(feed.body, media_type=MEDIA_TYPE, headers=headers)


def _known(if_none_match: str | None, tag: str) -> bool:
    """Whether the caller has the calendar of this tag already (RFC 9110, 13.1.2)."""
    told = [one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")]
    return "*" in told or f'"{tag}"' in told
