"""What the command palette asks: records by their words, the last ones, flows of the open one; under a signed link."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.links import sign
from crm_core.palette import PURPOSE
from crm_core.workspace import Workspace
from tests.api.conftest import USERS

Make = Callable[..., dict[str, Any]]
ANNA, VERA = (next(user.actor for user in USERS if user.slug == slug) for slug in ("anna", "vera"))
ADMIN = Actor.local_admin()


@pytest.fixture
def ask(as_user: Callable[[str], TestClient]) -> Callable[..., dict[str, list[dict[str, str]]]]:
    """Asks as a browser does, which has no key: group → what stands in it."""

    def asked(actor: Actor, **query: str) -> dict[str, list[dict[str, str]]]:
        token = sign(PURPOSE, actor=actor, claims=[])
        answer = as_user("nobody").get(f"/palette/{token}", params=query)
        assert answer.status_code == 200, answer.text
        return {group["name"]: group["items"] for group in answer.json()["groups"]}

    return asked


def test_records_of_any_module_are_found_by_their_words(ask: Any, make: Make) -> None:
    made = make("customers", name="Xaverius <b>Quill</b>")
    task = make("tasks", title="Ring Xaverius up")
    found = ask(ADMIN, words="xaverius")
    assert [item["do"] for item in found["Customers"]] == [f"open:customers:{made['id']}"]
    assert found["Customers"][0]["title"] == "Xaverius <b>Quill</b>"
    assert [item["do"] for item in found["Tasks"]] == [f"open:tasks:{task['id']}"]
    assert ask(ADMIN, words="x") == {}


def test_nobody_finds_or_remembers_what_he_may_not_see(ask: Any, make: Make) -> None:
    secret = make("tasks", title="Ysolde secretly", folder="escalations")
    seen = make("tasks", title="Ysolde openly")
    assert [item["title"] for item in ask(ANNA, words="ysolde")["Tasks"]] == ["Ysolde openly"]
    visited = ",".join(f"tasks:{one['id']}" for one in (secret, seen, secret)) + ",nothing:x,tasks:x,:"
    assert [item["title"] for item in ask(ANNA, recent=visited)["Recent"]] == ["Ysolde openly"]
    assert [item["title"] for item in ask(ADMIN, recent=visited)["Recent"]] == [
        "Ysolde secretly",
        "Ysolde openly",
    ]


def test_flows_are_offered_on_the_open_record_to_those_who_may_run_them(ask: Any, make: Make) -> None:
    made = make("customers", name="Zeno")
    at = f"customers:{made['id']}"
    offered = ask(ANNA, at=at)["Run a flow"]
    assert offered and all(item["do"].startswith("run:") and item["text"] == "Zeno" for item in offered)
    assert ask(ANNA, at=at, words="no such flow") == {}
    assert "Run a flow" not in ask(VERA, at=at)
    assert "Run a flow" not in ask(ANNA, at="customers:00000000-0000-7000-8000-000000000000")


def test_what_one_does_for_the_open_record_is_offered_by_its_words(ask: Any, make: Make) -> None:
    made = make("customers", name="Acting Ada")
    at = f"customers:{made['id']}"
    offered = [item["do"].split(":")[1] for item in ask(ANNA, at=at)["Here"]]
    assert offered == ["call", "mail", "tasks", "notes", "appointments"]
    assert [item["title"] for item in ask(ANNA, at=at, words="log call ada")["Here"]] == ["Log a call"]
    assert "Here" not in ask(VERA, at=at) and "Here" not in ask(ANNA, at=f"communications:{made['id']}")
    asked = make("inquiries", subject="Freight")
    assert "call" not in [
        item["do"].split(":")[1] for item in ask(ANNA, at=f"inquiries:{asked['id']}")["Here"]
    ]


def test_flows_follow_the_folder_of_the_record(ask: Any, make: Make, workspace: Workspace) -> None:
    flow = {
        "flow": "only-leads", "module": "customers", "folders": ["leads"], "trigger": {"event": "manual"},
        "do": [{"set_field": {"remarks": "x"}}],
    }  # fmt: skip
    save(workspace.lake, [("flow", flow)], actor=ADMIN)
    there = {}
    for folder in ("leads", "key_accounts"):
        made = make("customers", name=f"In {folder}", folder=folder)
        found = ask(ANNA, at=f"customers:{made['id']}").get("Run a flow", [])
        there[folder] = any(item["do"].startswith("run:only-leads:") for item in found)
    assert there == {"leads": True, "key_accounts": False}


@pytest.mark.parametrize(
    "token", ["x", "", sign("file", actor=ADMIN, claims=[])], ids=["none", "empty", "another's"]
)
def test_without_a_link_of_its_own_nothing_is_told(as_user: Callable[[str], TestClient], token: str) -> None:
    assert as_user("nobody").get(f"/palette/{token}", params={"words": "a"}).status_code == 404


def test_the_link_of_a_page_that_stood_open_for_long_is_over(as_user: Callable[[str], TestClient]) -> None:
    old = sign(PURPOSE, actor=ADMIN, claims=[], now=datetime.now(UTC) - timedelta(hours=2))
    assert as_user("nobody").get(f"/palette/{old}").status_code == 404
