"""Links to files that pages hand out: for one person, one filter, one hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm_core.access import Actor
from crm_core.downloads import PATH, Wanted, follow, offer
from crm_core.links import VALID, LinkExpired
from crm_core.model import parse_condition
from crm_core.people import User, read_directory, save_users
from crm_core.workspace import Workspace
from tests.api.conftest import ADMIN

ONE = parse_condition({"field": "title", "op": "eq", "value": "Take me away"})


def test_a_link_gives_what_its_person_may_see_to_a_browser_without_a_key(
    as_user: Callable[[str], TestClient], make: Callable[..., dict[str, Any]], workspace: Workspace
) -> None:
    make("tasks", title="Take me away")
    anna = read_directory(workspace.lake).users["anna"].actor
    path = offer(Wanted("tasks", "csv", anna, ONE)).removeprefix("/api")
    answer = as_user("nobody").get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith('attachment; filename="tasks-')
    assert answer.text.count("Take me away") == 1 and len(answer.text.splitlines()) == 2


def test_a_link_that_nobody_gave_leads_nowhere(as_user: Callable[[str], TestClient]) -> None:
    answer = as_user("nobody").get("/download/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert answer.status_code == 404 and "new one" in answer.json()["detail"]


def test_a_link_ends_after_an_hour_and_with_its_person(workspace: Workspace) -> None:
    lake, now = workspace.lake, datetime(2026, 11, 22, 12, tzinfo=UTC)
    wanted = Wanted("tasks", "xlsx", Actor("gone", "agent"))
    path = offer(wanted, now=now)
    token = path.removeprefix(PATH)
    assert offer(wanted, now=now) == path and follow(lake, token, now=now) == wanted
    with pytest.raises(LinkExpired):
        follow(lake, token, now=now + VALID)
    save_users(lake, [User("gone", "Gone", role="agent", active=False)], actor=ADMIN)
    with pytest.raises(LinkExpired):
        follow(lake, token, now=now)
