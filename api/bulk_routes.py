"""Many records at once, and taking a change back."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.context import DOOR, ExactNumbers, Here, Json, Who
from crm_core.bulk import BulkAction, preview_bulk, run_bulk, those
from crm_core.errors import ConditionInvalid
from crm_core.model import Condition, parse_condition
from crm_core.telling import to_plain
from crm_core.undo import undo_change

router = APIRouter(prefix="/v1", tags=["records"], route_class=ExactNumbers)


class Bulk(BaseModel):
    """What is done to which records."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[tuple[str, ...] | None, Field(max_length=10_000)] = None
    filter: Mapping[str, Any] | None = Field(default=None, description="A condition; all that match.")
    values: Mapping[str, Any] = Field(default_factory=dict)
    delete: bool = False
    dry_run: bool = False

    def condition(self) -> Condition:
        """Which records it is about.

        Raises:
            ConditionInvalid: Neither or both are given, or the filter is no condition.
        """
        if (self.ids is None) is (self.filter is None):
            raise ConditionInvalid(self.filter, "give either `ids` or a `filter`")
        return those(self.ids) if self.ids is not None else parse_condition(self.filter)


@router.post("/modules/{module}/bulk", summary="Change or delete many")
def change_many(module: str, bulk: Bulk, workspace: Here, actor: Who) -> JSONResponse:
    """Change or delete all that match and that you see, in one change; with `dry_run` say what that would do."""
    lake, condition = workspace.lake, bulk.condition()
    action = BulkAction(bulk.values, delete=bulk.delete)
    if bulk.dry_run:
        seen = preview_bulk(
            lake, workspace.catalog, module=module, condition=condition, action=action, actor=actor
        )
        return Json(to_plain(seen))
    done = run_bulk(lake, module=module, condition=condition, action=action, actor=actor, door=DOOR)
    return Json({"changed": done.count, "unchanged": done.unchanged, "change_id": done.change_id})


@router.post("/changes/{id}/undo", summary="Take a change back")
def take_back(
    id: str, workspace: Here, actor: Who, reason: Annotated[str, Body(embed=True, max_length=2000)] = ""
) -> JSONResponse:
    """Take one change of records back: each record names its last one as `change_id`."""
    return Json(undo_change(workspace.lake, id, actor=actor, reason=reason).as_dict())
