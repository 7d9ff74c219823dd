"""The API over a small workspace: what strangers send must find it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from crm_core.access import Actor
from crm_core.people import add_key
from crm_core.workspace import Workspace
from tests.over_http import api_over, client_with, workspace_in


@pytest.fixture(scope="session")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """A workspace with the freight forwarder's definitions."""
    home = tmp_path_factory.mktemp("hostile")
    with workspace_in(home, new_catalog(home)) as opened:
        opened.lake.start_mirror()
        yield opened


@pytest.fixture(scope="session")
def api(workspace: Workspace) -> FastAPI:
    """The application over it."""
    return api_over(workspace)


@pytest.fixture(scope="session")
def client(api: FastAPI, workspace: Workspace) -> TestClient:
    """A client that may everything, so that nothing but the input itself is refused."""
    key = add_key(workspace.lake, actor=Actor.local_admin(), role="admin")
    return client_with(api, key)
