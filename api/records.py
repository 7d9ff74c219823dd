"""Records of any module: list, read, create, change, delete, restore."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response
from fastapi.responses import JSONResponse

from api.context import DOOR, ExactNumbers, Here, Json, Who, base_version, record_answer, snapshot_of
from crm_core import records
from crm_core.access import Actor
from crm_core.errors import ConditionInvalid, RecordNotFound
from crm_core.model import Condition, parse_condition
from crm_core.query import read_page, read_record
from crm_core.workspace import Workspace

router = APIRouter(prefix="/v1/modules/{module}/records", tags=["records"], route_class=ExactNumbers)

Values = Annotated[dict[str, Any], Body(description="Fields by slug; absent ones are left, null clears.")]
IfMatch = Annotated[str | None, Header(description="The ETag of the record as it was read.")]
AsOf = Annotated[datetime | None, Query(description="An instant (ISO 8601): the state as it was then.")]


def parse_filter(text: str) -> Condition | None:
    """The condition of a `filter` parameter; None when it is empty.

    Raises:
        ConditionInvalid: When it is no JSON, or no condition.
    """
    if not text:
        return None
    try:
        return parse_condition(json.loads(text))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConditionInvalid(text[:200], f"it is no JSON ({error})") from error


@router.get("", summary="List")
def list_records(
    module: str,
    workspace: Here,
    actor: Who,
    filter: Annotated[str, Query(description="A condition as JSON.")] = "",
    sort: Annotated[str, Query(description="Fields with commas between, `-` for descending.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    after: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    expand: Annotated[str, Query(description="References to show as records, with commas between.")] = "",
    deleted: Annotated[bool, Query(description="The deleted records instead of the live ones.")] = False,
    as_of: AsOf = None,
) -> JSONResponse:
    """One page of the records that match, as far as the actor may see them; `total` counts all pages."""
    page = read_page(
        workspace.lake,
        workspace.catalog,
        module=module,
        actor=actor,
        condition=parse_filter(filter),
        sort=sort,
        limit=limit,
        after=after,
        at=snapshot_of(workspace, as_of),
        deleted=deleted,
        expand=[slug.strip() for slug in expand.split(",") if slug.strip()],
    )
    return Json({"items": page.items, "total": page.total, "next": page.next, "snapshot": page.snapshot})


@router.get("/{id}", summary="Read")
def get_record(module: str, id: str, workspace: Here, actor: Who, as_of: AsOf = None) -> Response:
    """One record; its version is the ETag."""
    at = snapshot_of(workspace, as_of)
    return record_answer(
        read_record(workspace.lake, workspace.catalog, module=module, record_id=id, actor=actor, at=at)
    )


@router.post("", status_code=201, summary="Create")
def create_record(module: str, values: Values, workspace: Here, actor: Who) -> Response:
    """Create one record; `Location` says where it stands."""
    done = records.create(workspace.lake, module=module, values=values, actor=actor, door=DOOR)
    location = f"/api/v1/modules/{module}/records/{done.id}"
    return _written(workspace, module, done.id, actor, status=201, headers={"Location": location})


@router.patch("/{id}", summary="Change")
def update_record(
    module: str, id: str, values: Values, workspace: Here, actor: Who, if_match: IfMatch = None
) -> Response:
    """Change the fields that are given; with `If-Match`, 412 for a field that changed since."""
    records.update(
        workspace.lake,
        module=module,
        record_id=id,
        values=values,
        actor=actor,
        base_version=base_version(if_match),
        door=DOOR,
    )
    return _written(workspace, module, id, actor)


@router.delete("/{id}", status_code=204, summary="Delete")
def delete_record(module: str, id: str, workspace: Here, actor: Who, if_match: IfMatch = None) -> Response:
    """Delete softly: the record leaves every list and can be restored."""
    records.delete(
        workspace.lake,
        module=module,
        record_id=id,
        actor=actor,
        base_version=base_version(if_match),
        door=DOOR,
    )
    return Response(status_code=204)


@router.post("/{id}/restore", summary="Restore")
def restore_record(module: str, id: str, workspace: Here, actor: Who) -> Response:
    """Bring a deleted record back."""
    records.restore(workspace.lake, module=module, record_id=id, actor=actor, door=DOOR)
    return _written(workspace, module, id, actor)


def _written(
    workspace: Workspace,
    module: str,
    record_id: str,
    actor: Actor,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """What was just written; without a body when the actor handed it to others and sees it no more."""
    try:
        record = read_record(
            workspace.lake, workspace.catalog, module=module, record_id=record_id, actor=actor
        )
    except RecordNotFound:
        return Response(status_code=204 if status == 200 else status, headers=dict(headers or {}))
    return record_answer(record, status=status, headers=headers)
