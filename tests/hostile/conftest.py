"""The API over a small workspace: what strangers send must find it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import connect, create_api
from crm_core.access import Actor
from crm_core.people import add_key
from crm_core.settings import read_settings
from crm_core.workspace import Workspace, open_workspace
from flows import schema_sql


@pytest.fixture(scope="session")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """A workspace with the freight forwarder's definitions."""
    home = tmp_path_factory.mktemp("hostile")
    settings = read_settings({}, home=home, catalog=new_catalog(home), intake_per_minute=0, threads=2)
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        opened.lake.start_mirror()
        yield opened


@pytest.fixture(scope="session")
def api(workspace: Workspace) -> FastAPI:
    """The application over it."""
    made = create_api(workspace.settings)
    connect(made, workspace)
    return made


@pytest.fixture(scope="session")
def client(api: FastAPI, workspace: Workspace) -> TestClient:
    """A client that may everything, so that nothing but the input itself is refused."""
    key = add_key(workspace.lake, actor=Actor.local_admin(), role="admin")
    return TestClient(api, headers={"Authorization": f"Bearer {key}"}, raise_server_exceptions=False)
