"""What people do on a profile beside changing its fields: consents, calls, conversion, pins."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.context import DOOR, Here, Json, Who, snapshot_of
from api.records import AsOf
from crm_core.calls import OUTCOMES, Call, log_call
from crm_core.checklists import start_checklist
from crm_core.consents import read_consent_history, read_consents, record_consent
from crm_core.converting import convert
from crm_core.pins import pin
from crm_core.query import read_record
from crm_core.telling import to_plain

router = APIRouter(prefix="/v1/modules/{module}/records/{id}", tags=["records"])
checklists = APIRouter(prefix="/v1/checklists", tags=["records"])

FieldValues = Annotated[Mapping[str, Any], Field(description="Fields by slug.")]


class Said(BaseModel):
    """What somebody said to messages of a purpose."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(max_length=500, description="One of the record's addresses or numbers.")
    channel: str = Field(max_length=50, description="email, phone, sms or whatsapp")
    purpose: str = Field(max_length=100)
    state: str = Field(max_length=50, description="granted, withdrawn, objected or denied")
    reason: str = Field(max_length=2000, description="How you know.")


class Rung(BaseModel):
    """A call as it was."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(default="", max_length=100)
    outcome: str = Field(default="reached", max_length=50, description=", ".join(OUTCOMES))
    direction: Literal["in", "out"] = "out"
    seconds: int = Field(default=0, ge=0, le=86_400)
    notes: str = Field(default="", max_length=200_000)
    task: FieldValues | None = Field(default=None, description="The task that comes of it.")


class Wanted(BaseModel):
    """What a request becomes."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(max_length=100, description="tasks, deals or quotes")
    values: FieldValues = Field(default_factory=dict)


@router.get("/consents", summary="Consents")
def get_consents(module: str, id: str, workspace: Here, actor: Who, as_of: AsOf = None) -> JSONResponse:
    """What counts now for each address, channel and purpose, and everything that was said, newest first."""
    lake, catalog, at = workspace.lake, workspace.catalog, snapshot_of(workspace, as_of)
    record = read_record(lake, catalog, module=module, record_id=id, actor=actor, at=at)
    counts = read_consents(lake, catalog, module=module, record=record, actor=actor, at=at)
    said = read_consent_history(lake, catalog, module=module, record_id=record["id"], actor=actor, at=at)
    return Json({"current": to_plain(counts), "items": to_plain(said)})


@router.post("/consents", status_code=201, summary="Write a consent down")
def say_consent(module: str, id: str, said: Said, workspace: Here, actor: Who) -> JSONResponse:
    """Write down what somebody said to messages of a purpose; what was said before is kept."""
    made = record_consent(
        workspace.lake, module=module, record_id=id, actor=actor, door=DOOR, **said.model_dump()
    )
    return Json({"id": made}, status_code=201)


@router.post("/calls", status_code=201, summary="Log a call")
def keep_call(module: str, id: str, call: Rung, workspace: Here, actor: Who) -> JSONResponse:
    """Keep a call that ended now, and the task that comes of it, in one commit."""
    kept = log_call(workspace.lake, Call(about=(module, id), **call.model_dump()), actor=actor, door=DOOR)
    return Json(to_plain(kept), status_code=201, headers=_at("communications", kept.id))


@router.post("/convert", status_code=201, summary="Make a task, deal or quote of it")
def convert_record(module: str, id: str, wanted: Wanted, workspace: Here, actor: Who) -> JSONResponse:
    """Make a task, a deal or a quote of a request, linked to it both ways, in one commit."""
    made = convert(
        workspace.lake, workspace.catalog, module=module, record_id=id, to=wanted.to, values=wanted.values,
        actor=actor, door=DOOR,
    )  # fmt: skip
    return Json({"module": wanted.to, "id": made}, status_code=201, headers=_at(wanted.to, made))


@router.put("/pins/{kind}/{other}", status_code=204, summary="Pin")
def pin_entry(module: str, id: str, kind: str, other: str, workspace: Here, actor: Who) -> Response:
    """Keep an entry, the record `other` of the module `kind`, on top of the timeline."""
    pin(workspace.lake, workspace.catalog, module=module, record_id=id, kind=kind, entry_id=other, actor=actor,
        door=DOOR)  # fmt: skip
    return Response(status_code=204)


@router.delete("/pins/{kind}/{other}", status_code=204, summary="Unpin")
def unpin_entry(module: str, id: str, kind: str, other: str, workspace: Here, actor: Who) -> Response:
    """Take a pinned entry down."""
    pin(workspace.lake, workspace.catalog, module=module, record_id=id, kind=kind, entry_id=other, actor=actor,
        pinned=False, door=DOOR)  # fmt: skip
    return Response(status_code=204)


@checklists.post("", status_code=201, summary="Start a checklist")
def begin_checklist(values: Annotated[dict[str, Any], Body()], workspace: Here, actor: Who) -> JSONResponse:
    """Make a checklist; with `template`, the id of one, it begins with that one's steps."""
    made = start_checklist(workspace.lake, workspace.catalog, values=values, actor=actor, door=DOOR)
    return Json({"id": made.id}, status_code=201, headers=_at("checklists", made.id))


def _at(module: str, id: str) -> dict[str, str]:
    return {"Location": f"/api/v1/modules/{module}/records/{id}"}
