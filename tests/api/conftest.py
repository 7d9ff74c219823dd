"""The API over a workspace with the freight forwarder's definitions and a few people; no server, no port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from crm_core.access import Actor
from crm_core.people import User, add_key, save_users
from crm_core.workspace import Workspace
from tests.over_http import api_over, client_with, workspace_in

ADMIN = Actor.local_admin()
USERS = (
    User("anna", "Anna Weber", "anna@forwarder.example", "agent", ("sales",)),
    User("olaf", "Olaf Berg", "olaf@forwarder.example", "agent", ("operations",)),
    User("vera", "Vera Costa", "vera@forwarder.example", "viewer", ("sales",)),
)


@pytest.fixture(scope="session")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, new_catalog: Callable[[Path], str]
) -> Iterator[Workspace]:
    """A workspace for all tests here: each makes the records that it looks at."""
    home = tmp_path_factory.mktemp("api")
    with workspace_in(home, new_catalog(home)) as opened:
        save_users(opened.lake, USERS, actor=ADMIN)
        yield opened


@pytest.fixture(scope="session")
def api(workspace: Workspace) -> FastAPI:
    """The application, connected to the workspace."""
    return api_over(workspace)


@pytest.fixture(scope="session")
def keys(workspace: Workspace) -> dict[str, str]:
    """Somebody → a key that speaks for him; `admin` speaks for itself."""
    lake = workspace.lake
    found = {user.slug: add_key(lake, actor=ADMIN, user=user.slug, label=user.slug) for user in USERS}
    return found | {"admin": add_key(lake, actor=ADMIN, role="admin", label="admin")}


@pytest.fixture(scope="session")
def as_user(api: FastAPI, keys: dict[str, str]) -> Callable[[str], TestClient]:
    """A client that speaks for somebody; `nobody` has no key."""

    def client(user: str) -> TestClient:
        return client_with(api, keys.get(user, ""))

    return client


@pytest.fixture(scope="session")
def admin(as_user: Callable[[str], TestClient]) -> TestClient:
    """A client that may everything."""
    return as_user("admin")


@pytest.fixture(scope="session")
def make(admin: TestClient) -> Callable[..., dict[str, Any]]:
    """Creates a record over the API and gives it as it was answered."""

    def create(module: str, **values: Any) -> dict[str, Any]:
        answer = admin.post(f"/v1/modules/{module}/records", json=values)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return create
