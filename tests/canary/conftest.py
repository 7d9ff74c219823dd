"""One workspace for the whole walk, and each face as the two people who must not see its forbidden records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.canary.world import World, build
from tests.over_http import api_over, client_with, workspace_in


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the workspace."""
    return tmp_path_factory.mktemp("canary")


@pytest.fixture(scope="session")
def world(home: Path, new_catalog: Callable[[Path], str]) -> Iterator[World]:
    """The workspace with its forbidden records; tests read it, or try in vain to write."""
    with workspace_in(home, new_catalog(home)) as opened:
        made = build(opened, home)
        opened.lake.start_mirror()
        yield made


@pytest.fixture(scope="session")
def api(world: World) -> FastAPI:
    """The application over that workspace."""
    return api_over(world.workspace)


@pytest.fixture(scope="session")
def client(api: FastAPI, world: World) -> Callable[[str], TestClient]:
    """A client that speaks for somebody: olaf, vera or admin."""

    def speaking_for(user: str) -> TestClient:
        return client_with(api, world.keys[user])

    return speaking_for


@pytest.fixture(params=["olaf", "vera"])
def who(request: pytest.FixtureRequest) -> str:
    """The agent, then the viewer."""
    return str(request.param)
