"""One workspace for the whole walk, and each face as the two people who must not see its forbidden records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.app import connect, create_api
from crm_core.settings import read_settings
from crm_core.workspace import open_workspace
from flows import schema_sql
from tests.canary.world import World, build


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the workspace."""
    return tmp_path_factory.mktemp("canary")


@pytest.fixture(scope="session")
def world(home: Path, new_catalog: Callable[[Path], str]) -> Iterator[World]:
    """The workspace with its forbidden records; tests read it, or try in vain to write."""
    settings = read_settings({}, home=home, catalog=new_catalog(home), intake_per_minute=0, threads=2)
    with open_workspace(settings, schemas=[schema_sql()]) as opened:
        made = build(opened, home)
        opened.lake.start_mirror()
        yield made


@pytest.fixture(scope="session")
def api(world: World) -> FastAPI:
    """The application over that workspace."""
    made = create_api(world.workspace.settings)
    connect(made, world.workspace)
    return made


@pytest.fixture(scope="session")
def client(api: FastAPI, world: World) -> Callable[[str], TestClient]:
    """A client that speaks for somebody: olaf, vera or admin."""

    def speaking_for(user: str) -> TestClient:
        headers = {"Authorization": f"Bearer {world.keys[user]}"}
        return TestClient(api, headers=headers, raise_server_exceptions=False)

    return speaking_for


@pytest.fixture(params=["olaf", "vera"])
def who(request: pytest.FixtureRequest) -> str:
    """The agent, then the viewer."""
    return str(request.param)
