"""Runs of flows: what ran and why, tried again, cancelled, released or dropped while they are held."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse

from api.context import Here, Json, Who
from crm_core.telling import to_plain
from flows import cancelling, holding, retry, run_history, store
from flows import why as explanation

router = APIRouter(prefix="/v1", tags=["flows"])

Limit = Annotated[int, Query(ge=1, le=1000)]
Some = Annotated[list[str] | None, Body(embed=True, max_length=10_000, description="Runs; else all of them.")]


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


@router.post("/runs/{id}/retry", summary="Retry")
def retry_run(id: str, workspace: Here, actor: Who) -> JSONResponse:
    """Go on with a failed run at its failed step; what its earlier steps did is not done again."""
    return Json(to_plain(retry.retry_run(workspace.lake, id, actor=actor)))


@router.post("/runs/{id}/cancel", summary="Cancel")
def cancel_run(id: str, workspace: Here, actor: Who) -> JSONResponse:
    """Take back what has not happened yet, of a run or of all runs of a command."""
    runs, dropped = cancelling.cancel_runs(workspace.lake, id, actor=actor)
    return Json({"runs": [run.id for run in runs], "messages_dropped": dropped})


@router.post("/flows/{flow}/release", summary="Release")
def release_runs(flow: str, workspace: Here, actor: Who, ids: Some = None) -> JSONResponse:
    """Let runs go that are held since they would touch too many records at once."""
    return Json({"released": holding.release_runs(workspace.lake, flow, actor=actor, ids=ids)})


@router.post("/flows/{flow}/drop", summary="Drop")
def drop_runs(flow: str, workspace: Here, actor: Who, ids: Some = None) -> JSONResponse:
    """Decide against runs that are held."""
    return Json({"dropped": holding.drop_runs(workspace.lake, flow, actor=actor, ids=ids)})
