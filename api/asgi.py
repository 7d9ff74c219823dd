"""One process on one port: Streamlit's pages at `/`, the API at `/api`, and the work in the background."""

import gc
import importlib
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import streamlit as st
import uvicorn
from anyio import to_thread
from starlette.middleware import Middleware
from starlette.routing import Mount
from streamlit.runtime.pages_manager import PagesManager

from api import tracking
from api.app import connect, create_api
from api.headers import LOOPBACK, AllowedHosts, SecurityHeaders
from api.workers import runner_of, workers_of
from crm_core import calendar_feed, serving
from crm_core.access import Actor
from crm_core.errors import SettingInvalid
from crm_core.logs import follow_root
from crm_core.relations import relations_for
from crm_core.settings import Settings, read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql
from flows.background import Background
from flows.ingress import Ingress

PAGES = Path(__file__).resolve().parent.parent / "app.py"
THREADS = 64
MOST_MESSAGE_BYTES = 200_000_000
# Streamlit collects all garbage after every run of a page: some 50 ms, unless what stays is frozen first.
HEAVY = ("pandas", "pyarrow", "polars", "sqlglot.dialects.duckdb", "phonenumbers", "altair")


# Streamlit takes a folder `pages/` for its older way of finding pages until the first run says otherwise;
# a first visitor on a deep link would see the bare script.
PagesManager.uses_pages_directory = False


def create_app(settings: Settings | None = None) -> st.App:
    """The application for an ASGI server; settings are read from the environment unless given."""
    chosen = settings or read_settings()
    public = urlsplit(chosen.public_url).hostname or ""
    api, told = create_api(chosen), tracking.create_tracking(chosen)

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[dict[str, object]]:
        workspace = await to_thread.run_sync(_open, chosen)
        runner, background = runner_of(workspace), Background(workers_of(workspace))
        ingress = Ingress.from_settings(workspace.lake, chosen)
        connect(api, workspace)
        tracking.connect(told, workspace)
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        if ingress is not None:
            ingress.start()
        runner.start()
        background.start()
        _quiet()
        try:
            yield {"workspace": workspace}
        finally:
            with anyio.CancelScope(shield=True):
                if ingress is not None:
                    await to_thread.run_sync(ingress.stop)
                await to_thread.run_sync(runner.stop)
                await to_thread.run_sync(background.stop)
                serving.stop()
                await to_thread.run_sync(workspace.close)

    return st.App(
        PAGES,
        lifespan=lifespan,
        routes=[Mount("/api", app=api), Mount(tracking.PREFIX, app=told)],
        middleware=[
            Middleware(
                AllowedHosts,
                hosts=LOOPBACK if chosen.host in LOOPBACK else (),
                public=tuple((path, public) for path in (tracking.PREFIX + "/", calendar_feed.PATH)),
            ),
            Middleware(SecurityHeaders),
        ],
    )


def _quiet() -> None:
    """Take the log of every request away, which Streamlit puts back when it starts; all else is logged in one form."""
    for library in ("streamlit", "uvicorn", "websockets", "asyncio"):
        follow_root(library)
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)


def run(settings: Settings) -> None:
    """Serve until the process is told to end; prints one line with the address.

    Raises:
        SettingInvalid: The port is taken.
    """
    with _listen(settings.host, settings.port) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(settings),
                log_config=None,
                log_level="warning",
                access_log=False,
                # Forwarded addresses are believed only from listed proxies, which the intake sees to itself.
                proxy_headers=False,
                server_header=False,
                ws_max_size=MOST_MESSAGE_BYTES,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=5,
            )
        )
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        print(f"Merganser is at http://{host}:{settings.port} (Ctrl+C ends it)", flush=True)
        server.run(sockets=[listening])
    if not server.started:
        raise SystemExit(1)


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        allowed = f"a free port of {host} ({error.strerror}); `merganser serve --port` names another"
        raise SettingInvalid("MERGANSER_PORT", port, allowed) from error
    return listening


def _open(settings: Settings) -> Workspace:
    workspace = open_workspace(settings, schemas=[schema_sql()])
    workspace.lake.start_mirror()
    # The first reader would wait for the copy to be made: make it now.
    relations_for(workspace.lake, workspace.catalog, Actor.system())
    serving.serve(workspace)
    for name in HEAVY:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    return workspace
