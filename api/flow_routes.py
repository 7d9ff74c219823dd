"""Flows: read, save, switch, run, and what became of their runs."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from api.context import Here, Json, Who
from crm_core.telling import to_plain
from flows import commands, run_history, store
from flows import why as explanation
from flows.model import to_flow_document

router = APIRouter(prefix="/v1", tags=["flows"])

Limit = Annotated[int, Query(ge=1, le=1000)]


class Command(BaseModel):
    """Run, try or cancel a flow. `run` and `test` take exactly one of record, records and payload."""

    model_config = ConfigDict(extra="allow")

    command: str
    flow: str | None = None
    record: str | None = None
    records: list[str] | None = None
    payload: dict[str, Any] | None = None
    run_id: str | None = None
    idempotency_key: str | None = None


@router.post("/flows/execute-command", status_code=202, summary="Execute a command")
def execute_command(command: Command, workspace: Here, actor: Who) -> JSONResponse:
    """Run a flow on records or on values, try it, or cancel a run; once for each idempotency key."""
    document = command.model_dump(exclude_none=True)
    return Json(commands.execute_command(workspace.lake, document, actor=actor), status_code=202)


@router.get("/flows", summary="Flows")
def list_flows(workspace: Here, actor: Who, module: str | None = None) -> JSONResponse:
    """The flows there are, by slug, and what keeps one from running."""
    found = store.list_flows(workspace.lake, module=module)
    return Json({"items": [_document(info) for info in found]})


@router.put("/flows", summary="Save flows")
def save_flows(flows: Annotated[Any, Body()], workspace: Here, actor: Who) -> JSONResponse:
    """Save one flow, a list, or `{"flows": […]}`: new ones as drafts, others in the state they are in."""
    return Json(asdict(store.apply_flows(workspace.lake, flows, actor=actor)))


@router.get("/flows/{flow}", summary="Flow")
def get_flow(flow: str, workspace: Here, actor: Who) -> JSONResponse:
    """One flow, by its slug or id."""
    return Json(_document(store.show_flow(workspace.lake, flow)))


@router.post("/flows/{flow}/activate", summary="Activate")
def activate_flow(flow: str, workspace: Here, actor: Who) -> JSONResponse:
    """Let it run from now on; what changed before does not set it off."""
    return Json(asdict(store.activate(workspace.lake, flow, actor=actor)))


@router.post("/flows/{flow}/pause", summary="Pause")
def pause_flow(flow: str, workspace: Here, actor: Who) -> JSONResponse:
    """Make it a draft again."""
    return Json(asdict(store.pause(workspace.lake, flow, actor=actor)))


@router.get("/flows/{flow}/runs", summary="Runs")
def list_runs(
    flow: str,
    workspace: Here,
    actor: Who,
    state: Annotated[str | None, Query(description="done, failed, not_matched …")] = None,
    record: Annotated[str | None, Query(description="A record's id.")] = None,
    limit: Limit = 100,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> JSONResponse:
    """Its runs for the records that the actor may see, the newest first."""
    slug = store.show_flow(workspace.lake, flow).flow
    runs = run_history.list_runs(
        workspace.lake, actor=actor, flow=slug, state=state, record_id=record, limit=limit, offset=offset
    )
    return Json({"items": to_plain(runs)})


@router.get("/flows/{flow}/why", summary="Why")
def get_why(
    flow: str,
    workspace: Here,
    actor: Who,
    record: Annotated[str, Query(description="A record's id.")],
) -> JSONResponse:
    """Whether the record's last change sets it off, and each part of the condition on the record as it is now."""
    return Json(to_plain(explanation.why(workspace.lake, flow, record_id=record, actor=actor)))


@router.get("/runs/{id}", summary="Run")
def get_run(id: str, workspace: Here, actor: Who) -> JSONResponse:
    """One run: each part of the condition with the value it saw, and what each step did."""
    return Json(to_plain(explanation.explain_run(workspace.lake, id, actor=actor)))


def _document(info: store.FlowInfo) -> dict[str, Any]:
    return to_flow_document(info.definition) | {
        "id": info.id,
        "version": info.version,
        "state": info.state,
        "problems": list(info.problems),
    }
