"""The application behind `/api`: its routes, its errors, its limits, and how it describes itself."""

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from api import (
    acts,
    bulk_routes,
    calendar,
    docs,
    export,
    files,
    flow_routes,
    hooks,
    loads,
    mail_view,
    message_routes,
    modules,
    notifications,
    outbox_routes,
    palette,
    preference_routes,
    public,
    queries,
    records,
    report_routes,
    run_routes,
    tags,
    uploads,
    vendor,
    views,
)
from api.context import Here
from api.headers import API_POLICY, BodyLimit, SecurityHeaders
from api.imports import Imports
from api.limits import IntakeLimit
from api.openapi import install_openapi
from api.problems import install_problem_handlers
from crm_core.quiet import shown_since
from crm_core.settings import Settings
from crm_core.workspace import Workspace

DESCRIPTION = "Records of every module, loads, flows, queries, and the public intake."
MOST_BODY_BYTES = 1_000_000
MOST_INTAKE_BYTES = 256_000
MOST_IMPORT_BYTES = 20_000_000_000
ROUTERS = (
    public.router,
    hooks.router,
    modules.router,
    records.router,
    views.router,
    acts.router,
    acts.checklists,
    tags.router,
    bulk_routes.router,
    export.router,
    export.links,
    files.router,
    mail_view.router,
    loads.router,
    uploads.router,
    flow_routes.router,
    run_routes.router,
    outbox_routes.router,
    message_routes.router,
    calendar.router,
    notifications.router,
    palette.router,
    preference_routes.router,
    queries.router,
    report_routes.router,
    docs.router,
    vendor.router,
)


def create_api(settings: Settings) -> FastAPI:
    """Build the application; `connect` gives it the workspace before the first request.

    Args:
        settings: the limits of the public intake.
    """
    api = FastAPI(
        title="Merganser",
        version="1",
        description=DESCRIPTION,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    api.add_middleware(
        BodyLimit,
        limit=MOST_BODY_BYTES,
        larger=(
            (r"/v1/modules/[^/]+/import", MOST_IMPORT_BYTES),
            (r"/v1/uploads/[^/]+/upload", MOST_IMPORT_BYTES),
            (r"/public/submit-(contact|inquiry)", MOST_INTAKE_BYTES),
        ),
    )
    api.add_middleware(SecurityHeaders, policy=API_POLICY)
    api.state.imports = Imports()
    api.state.intake_limit = IntakeLimit(settings.intake_per_minute, settings.trusted_proxies)
    install_problem_handlers(api)
    api.add_api_route("/health", health, methods=["GET"], tags=["health"], summary="Health")
    api.add_api_route("/pulse", pulse, methods=["GET"], include_in_schema=False)
    for router in ROUTERS:
        api.include_router(router)
    return api


def connect(api: FastAPI, workspace: Workspace) -> None:
    """Let the application answer from a workspace; called within the running event loop."""
    api.state.workspace = workspace
    api.state.intake_threads = CapacityLimiter(public.THREADS)
    install_openapi(api, lambda: workspace.catalog)


def health(workspace: Here) -> JSONResponse:
    """Whether the lake can be read: its snapshot and the version of the definitions."""
    snapshot = workspace.lake.snapshot()
    return JSONResponse({"status": "ok", "snapshot": snapshot, "definitions": workspace.catalog.version})


def pulse(workspace: Here) -> JSONResponse:
    """The snapshot that pages read now, and the newest one that changed what they show.

    A page asks once a second, and draws itself anew at once when the second moved.
    """
    snapshot, shown = shown_since(workspace.lake)
    return JSONResponse({"snapshot": snapshot, "shown": shown})
