"""The API over a workspace of one's own with the freight forwarder's definitions; no server, no port."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import connect, create_api
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql


def workspace_in(home: Path, catalog: str) -> Workspace:
    """A new workspace, whose intake takes any number of requests."""
    settings = read_settings({}, home=home, catalog=catalog, intake_per_minute=0, threads=1)
    return open_workspace(settings, schemas=[schema_sql()])


def api_over(workspace: Workspace) -> FastAPI:
    """The application, connected to a workspace."""
    made = create_api(workspace.settings)
    connect(made, workspace)
    return made


def client_with(api: FastAPI, key: str = "") -> TestClient:
    """A client that sends a key, or none; what fails within is answered, as it is by a server."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return TestClient(api, headers=headers, raise_server_exceptions=False)
