"""Flows: read, saved, switched, compared, taken back, tried on records and on the past."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict

from api.context import Here, Json, Who
from crm_core.telling import to_plain
from flows import activation, backtest, commands, store, trial, versions
from flows.model import to_flow_document

router = APIRouter(prefix="/v1", tags=["flows"])

Moment = datetime | int | None
Version = Annotated[int | None, Body(embed=True, ge=1, description="Another than the newest.")]


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


class TriedOn(BaseModel):
    """What a flow is tried on: one of record, records and payload."""

    record: str | None = None
    records: list[str] | None = None
    payload: dict[str, Any] | None = None


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
def save_flows(
    flows: Annotated[Any, Body(description='A flow, a list of them, `{"flows": […]}`, or YAML as a text.')],
    workspace: Here,
    actor: Who,
    draft: Annotated[bool, Query(description="As drafts, beside what is live.")] = False,
) -> JSONResponse:
    """Save flows: new ones as drafts, others in the state they are in. Of YAML each problem names its line."""
    return Json(asdict(store.apply_flows(workspace.lake, flows, actor=actor, as_draft=draft)))


@router.get("/flows/{flow}", summary="Flow")
def get_flow(
    flow: str,
    workspace: Here,
    actor: Who,
    format: Annotated[str, Query(pattern="^(json|yaml)$", description="json or yaml")] = "json",
    version: Annotated[int | None, Query(description="Of the YAML, another than the newest.")] = None,
) -> Response:
    """One flow, by its slug or id."""
    if format == "yaml":
        text = store.flow_yaml(workspace.lake, flow, version=version)
        return PlainTextResponse(text, media_type="application/yaml")
    return Json(_document(store.show_flow(workspace.lake, flow)))


@router.delete("/flows/{flow}", summary="Retire")
def retire_flow(flow: str, workspace: Here, actor: Who) -> JSONResponse:
    """Take a flow away; its versions and runs stay."""
    return Json(asdict(store.retire(workspace.lake, flow, actor=actor)))


@router.get("/flows/{flow}/versions", summary="Versions")
def list_versions(flow: str, workspace: Here, actor: Who) -> JSONResponse:
    """Every version, the newest first: its document and state, when, by whom and why."""
    return Json({"items": to_plain(versions.list_versions(workspace.lake, flow))})


@router.get("/flows/{flow}/diff", summary="Difference")
def get_diff(
    flow: str, workspace: Here, actor: Who, before: int | None = None, after: int | None = None
) -> JSONResponse:
    """What differs between two versions; without numbers between what is live and its draft."""
    return Json(to_plain(versions.diff(workspace.lake, flow, before, after)))


@router.post("/flows/{flow}/activate", summary="Activate")
def activate_flow(
    flow: str,
    workspace: Here,
    actor: Who,
    version: Version = None,
    dry_run: Annotated[bool, Body(embed=True, description="Only say what it would mean.")] = False,
) -> JSONResponse:
    """Let it run from now on, its newest version or the one named; what changed before does not set it off.

    With `dry_run` it says what that would mean instead: circles of flows, how many records, and what it does to whom.
    """
    if dry_run:
        meant = versions.read_version(workspace.lake, flow, version)
        return Json(to_plain(activation.preview_activation(workspace.lake, meant, actor=actor)))
    return Json(asdict(store.activate(workspace.lake, flow, actor=actor, version=version)))


@router.post("/flows/{flow}/pause", summary="Pause")
def pause_flow(
    flow: str,
    workspace: Here,
    actor: Who,
    queue: Annotated[bool, Body(embed=True, description="Work off later what changes meanwhile.")] = False,
) -> JSONResponse:
    """Let it rest. Its draft, if it has one, stays beside it."""
    return Json(asdict(store.pause(workspace.lake, flow, actor=actor, queue=queue)))


@router.post("/flows/{flow}/rollback", summary="Roll back")
def roll_back(
    flow: str, workspace: Here, actor: Who, version: Annotated[int, Body(embed=True, ge=1)]
) -> JSONResponse:
    """Let an earlier version be the one that counts."""
    return Json(asdict(versions.roll_back(workspace.lake, flow, version, actor=actor)))


@router.post("/flows/{flow}/duplicate", status_code=201, summary="Duplicate")
def duplicate_flow(
    flow: str,
    workspace: Here,
    actor: Who,
    name: Annotated[str, Body(embed=True, min_length=1, max_length=200)],
) -> JSONResponse:
    """Copy it as a draft under another name."""
    slug = versions.duplicate(workspace.lake, flow, name, actor=actor)
    return Json(_document(store.show_flow(workspace.lake, slug)), status_code=201)


@router.delete("/flows/{flow}/draft", summary="Discard the draft")
def discard_draft(flow: str, workspace: Here, actor: Who) -> JSONResponse:
    """Give up the edit in the making; what is live stays."""
    return Json(asdict(versions.discard_draft(workspace.lake, flow, actor=actor)))


@router.post("/flows/{flow}/test", summary="Test")
def test_flow(flow: str, workspace: Here, actor: Who, on: TriedOn) -> JSONResponse:
    """Say what each step would do now, on records or on values; nothing is written."""
    ids = on.records or ([on.record] if on.record is not None else [])
    return Json(to_plain(trial.try_flow(workspace.lake, flow, actor=actor, ids=ids, values=on.payload)))


@router.post("/flows/{flow}/backtest", summary="Backtest")
def backtest_flow(
    flow: str,
    workspace: Here,
    actor: Who,
    since: Annotated[
        Moment, Body(embed=True, description="An instant, or a snapshot; else all that is kept.")
    ] = None,
    until: Annotated[Moment, Body(embed=True, description="An instant, or a snapshot; else now.")] = None,
    sample: Annotated[int, Body(embed=True, ge=0, le=100)] = 20,
) -> JSONResponse:
    """Say what it would have done over a span of the past; nothing is written."""
    done = backtest.backtest(
        workspace.lake, flow, actor=actor, since=_aware(since), until=_aware(until), sample=sample
    )
    return Json(to_plain(done))


def _aware(moment: Moment) -> Moment:
    """An instant that names no zone is in UTC."""
    if isinstance(moment, datetime) and moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment


def _document(info: store.FlowInfo) -> dict[str, Any]:
    facts = ("id", "version", "state", "live_version", "draft_version", "queue")
    told = {name: getattr(info, name) for name in facts}
    return to_flow_document(info.definition) | told | {"problems": list(info.problems)}
