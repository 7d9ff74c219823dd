"""Loads: import a file, see what became of it, take it back."""

from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from api.context import Here, Json, Who
from api.errors import ParameterUnknown
from api.imports import Import, Imports, load_file
from api.spool import Spooled, has_more_rows, spool
from crm_core.access import Actor
from crm_core.errors import Conflict
from crm_core.export import MEDIA_TYPES
from crm_core.loading import (
    LoadOptions,
    download_rejects,
    parse_contract,
    preview,
    read_load,
    read_loads,
    read_rejects,
    undo,
)
from crm_core.workspace import Workspace

router = APIRouter(prefix="/v1", tags=["loads"])
ANSWERED_UP_TO_ROWS = 50_000
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}
_GOES_ON: dict[int | str, dict[str, Any]] = {
    202: {"description": "More rows than are waited for: `load_id`, which `Location` tells more about."}
}


@router.post("/modules/{module}/import", summary="Import", openapi_extra=_BODY, responses=_GOES_ON)
async def import_file(
    module: str,
    request: Request,
    workspace: Here,
    actor: Who,
    filename: Annotated[str, Query(description="What the file is called.", max_length=255)] = "import.csv",
    source: Annotated[str | None, Query(description="The source's name; the file's stem.")] = None,
    key: Annotated[str, Query(description="Fields that tell a record, with commas between.")] = "",
    mode: Literal["insert", "upsert", "update", "mirror"] | None = None,
    empty: Annotated[Literal["keep", "clear"] | None, Query(description="What an empty cell does.")] = None,
    evolve: Annotated[bool, Query(description="Make fields of unknown columns.")] = False,
    map: Annotated[str | None, Query(description="A mapping or contract as YAML or JSON.")] = None,
    silent: Annotated[bool, Query(description="Let no flow see it.")] = False,
    strict: Annotated[bool, Query(description="All of it as it is, or nothing.")] = False,
    dry_run: Annotated[bool, Query(description="Show what it would do.")] = False,
) -> JSONResponse:
    """Load a file: 200 with the counts up to 50,000 rows, else 202 with the id of a load that goes on."""
    actor.require_change(f"records of {module}")
    _refuse_unknown(request)
    keys = tuple(part.strip() for part in key.split(",") if part.strip())
    contract = parse_contract(map, source=source or Path(filename).stem, module=module) if map else None
    options = LoadOptions(
        source=source, key=keys, mode=mode, empty=empty, evolve=evolve, contract=contract, silent=silent, strict=strict,
    )  # fmt: skip
    spooled = await spool(request, filename)
    if not dry_run and await to_thread.run_sync(has_more_rows, spooled.source, ANSWERED_UP_TO_ROWS):
        imports: Imports = request.app.state.imports
        begun = imports.begin(workspace, spooled, module=module, actor=actor, options=options)
        place = {"Location": f"/api/v1/loads/{begun.load_id}"}
        return JSONResponse({"load_id": begun.load_id}, status_code=202, headers=place)
    return await to_thread.run_sync(_answer, workspace, spooled, module, actor, options, dry_run)


def _refuse_unknown(request: Request) -> None:
    """A misspelt parameter would load something else than was meant: `keys` instead of `key` inserts twice."""
    known = [one.name for one in request.scope["route"].dependant.query_params]
    for name in request.query_params:
        if name not in known:
            raise ParameterUnknown(name, known)


def _answer(
    workspace: Workspace, spooled: Spooled, module: str, actor: Actor, options: LoadOptions, dry_run: bool
) -> JSONResponse:
    try:
        if dry_run:
            shown = preview(workspace.lake, [spooled.source], module=module, actor=actor, options=options)
            return Json(shown.as_dict())
        return Json(load_file(workspace, spooled, Import(module, actor), options))
    finally:
        spooled.discard()


@router.get("/loads", summary="Loads")
def list_loads(
    workspace: Here, actor: Who, module: str | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> JSONResponse:
    """The loads that the actor may know of, the newest first."""
    found = read_loads(workspace.lake, actor=actor, module=module, limit=limit)
    return Json({"items": [entry.as_dict() for entry in found]})


@router.get("/loads/{id}", summary="Load")
def get_load(id: str, request: Request, workspace: Here, actor: Who) -> JSONResponse:
    """One load: how far it is while it runs, then its counts, or why it failed."""
    imports: Imports = request.app.state.imports
    begun = imports.find(id, actor)
    if begun is not None and begun.state != "done":
        return Json(begun.as_dict())
    return Json(read_load(workspace.lake, id, actor=actor).as_dict())


@router.post("/loads/{id}/undo", summary="Undo")
def undo_load(id: str, workspace: Here, actor: Who) -> JSONResponse:
    """Take it back exactly, with what flows did because of it; later edits stay, as conflicts."""
    return Json(undo(workspace.lake, id, actor=actor).as_dict())


@router.post("/loads/{id}/cancel", status_code=202, summary="Cancel")
def cancel_load(id: str, request: Request, workspace: Here, actor: Who) -> JSONResponse:
    """Stop a load that runs; it leaves no trace. One that is written already is to be undone."""
    imports: Imports = request.app.state.imports
    begun = imports.find(id, actor)
    if begun is None or begun.state != "running":
        state = read_load(workspace.lake, id, actor=actor).state if begun is None else begun.state
        raise Conflict(f"The load {id} does not run any more: it is {state}.")
    begun.cancel.cancel()
    return Json(begun.as_dict(), status_code=202)


@router.get("/loads/{id}/rejects", summary="Rejects")
def list_rejects(
    id: str,
    workspace: Here,
    actor: Who,
    format: Annotated[Literal["json", "csv"], Query(description="csv: the rows, to be mended")] = "json",
) -> Response:
    """What a load did not take as it came."""
    if format == "csv":
        rows = download_rejects(workspace.lake, id, actor=actor)
        return Response(rows, media_type=MEDIA_TYPES["csv"])
    return Json({"items": read_rejects(workspace.lake, id, actor=actor)})
