"""What belongs to one record: its profile, links, timeline and history."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from fastapi.responses import JSONResponse

from api.context import DOOR, Here, Json, Who, snapshot_of
from api.errors import BodyInvalid
from api.records import AsOf
from crm_core import records
from crm_core.history import read_history_page
from crm_core.linked import read_linked
from crm_core.profile import Profile, read_profile
from crm_core.query import read_record
from crm_core.timeline import TimelinePage, read_timeline

router = APIRouter(prefix="/v1/modules/{module}/records/{id}", tags=["records"])

Limit = Annotated[int, Query(ge=1, le=1000)]
Linked = Annotated[dict[str, Any], Body(description="`id` of the other record, and the link's own fields.")]


@router.get("/profile", summary="Profile")
def get_profile(module: str, id: str, workspace: Here, actor: Who, as_of: AsOf = None) -> JSONResponse:
    """Everything that a profile shows: record, badges, related records of every module, timeline."""
    at = snapshot_of(workspace, as_of)
    return Json(
        profile_document(
            read_profile(workspace.lake, workspace.catalog, module=module, record_id=id, actor=actor, at=at)
        )
    )


@router.get("/timeline", summary="Timeline")
def get_timeline(
    module: str,
    id: str,
    workspace: Here,
    actor: Who,
    kinds: Annotated[str, Query(description="Modules, or `changes`, with commas between.")] = "",
    limit: Limit = 30,
    q: Annotated[str, Query(description="Words; each must be found.", max_length=200)] = "",
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    as_of: AsOf = None,
) -> JSONResponse:
    """What happened with the record, newest first; `pinned` comes with the first page."""
    lake, catalog, at = workspace.lake, workspace.catalog, snapshot_of(workspace, as_of)
    record = read_record(lake, catalog, module=module, record_id=id, actor=actor, at=at)
    page = read_timeline(
        lake,
        catalog,
        module=module,
        record_id=record["id"],
        actor=actor,
        kinds=[kind.strip() for kind in kinds.split(",") if kind.strip()],
        words=q,
        limit=limit,
        after=after,
        at=at,
    )
    return Json(_timeline_document(page))


@router.get("/history", summary="History")
def get_history(
    module: str,
    id: str,
    workspace: Here,
    actor: Who,
    limit: Annotated[
        int, Query(ge=1, le=1000, description="Changes of the record; each has its fields.")
    ] = 100,
    before: Annotated[int | None, Query(ge=1, description="`next` of the page before.")] = None,
) -> JSONResponse:
    """The changes of every field, newest first: old, new, when, who and why."""
    rows, following = read_history_page(
        workspace.lake,
        workspace.catalog,
        module=module,
        record_id=id,
        actor=actor,
        limit=limit,
        before=before,
    )
    return Json({"items": rows, "next": following})


@router.get("/links/{relationship}", summary="Linked records")
def list_links(
    module: str,
    id: str,
    relationship: str,
    workspace: Here,
    actor: Who,
    limit: Limit = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> JSONResponse:
    """The records that a relationship leads to; `links` has the own fields of each link by record id."""
    page = read_linked(
        workspace.lake,
        workspace.catalog,
        module=module,
        record_id=id,
        link=relationship,
        actor=actor,
        limit=limit,
        offset=offset,
    )
    return Json(asdict(page))


@router.post("/links/{relationship}", status_code=204, summary="Link")
def add_link(module: str, id: str, relationship: str, other: Linked, workspace: Here, actor: Who) -> Response:
    """Link the record to another one."""
    if not isinstance(other.get("id"), str):
        raise BodyInvalid("it names no `id` of the record to link to")
    own = {name: value for name, value in other.items() if name != "id"}
    records.link(
        workspace.lake,
        module=module,
        record_id=id,
        relationship=relationship,
        to=other["id"],
        values=own,
        actor=actor,
        door=DOOR,
    )
    return Response(status_code=204)


@router.delete("/links/{relationship}/{other}", status_code=204, summary="Unlink")
def remove_link(module: str, id: str, relationship: str, other: str, workspace: Here, actor: Who) -> Response:
    """Take the link to the other record away."""
    records.unlink(
        workspace.lake,
        module=module,
        record_id=id,
        relationship=relationship,
        to=other,
        actor=actor,
        door=DOOR,
    )
    return Response(status_code=204)


def profile_document(profile: Profile) -> dict[str, Any]:
    """A profile as the contract shows it."""
    return {
        "module": profile.module.slug,
        "title": profile.title,
        "subtitle": profile.subtitle,
        "record": profile.record,
        "titles": profile.titles,
        "badges": asdict(profile.badges),
        "related": [
            {
                "relationship": related.link.slug,
                "label": related.link.label,
                "module": related.link.module,
                "total": related.total,
                "items": [asdict(row) for row in related.rows],
            }
            for related in profile.related
        ],
        "timeline": _timeline_document(profile.timeline),
        "snapshot": profile.snapshot,
    }


def _timeline_document(page: TimelinePage) -> dict[str, Any]:
    return {
        "items": [asdict(entry) for entry in page.entries],
        "next": page.next,
        "pinned": [asdict(entry) for entry in page.pinned],
    }
