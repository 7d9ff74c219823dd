"""Webhooks that come in: proved by signature or secret, made a record, given to their flow, and once each."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook
from starlette.testclient import TestClient

from crm_core.access import Actor
from crm_core.definitions import read_catalog, save
from crm_core.errors import Conflict, Forbidden
from crm_core.workspace import Workspace
from flows.hooks import HookAddress, address
from flows.run_history import list_runs
from flows.runner import run_until_current
from tests.api.conftest import ADMIN

MAP = {"email": "contact.email", "name": "contact.name", "city": "contact.places.0"}


@pytest.fixture(scope="module")
def hook(workspace: Workspace) -> HookAddress:
    """A flow that takes customers of a shop, and the way to it."""
    document = {
        "flow": "shop", "module": "customers", "trigger": {"event": "webhook", "key": "email", "map": MAP},
        "when": {"field": "city", "op": "ne", "value": "Atlantis"}, "do": [{"set_field": {"tags": {"add": ["shop"]}}}],
    }  # fmt: skip
    save(workspace.lake, [("flow", document)], actor=ADMIN)
    return address(workspace.lake, workspace.settings, "shop", actor=ADMIN)


@pytest.fixture(scope="module")
def stranger(as_user: Callable[[str], TestClient]) -> TestClient:
    return as_user("nobody")


def person(email: str, name: str = "Ida Berg", *places: str) -> dict[str, Any]:
    return {"contact": {"email": email, "name": name, "places": list(places)}, "more": None}


def signed(
    hook: HookAddress, body: str, *, id: str = "", age: float = 0.0, secret: str = ""
) -> dict[str, str]:
    """The headers of Standard Webhooks."""
    id, moment = id or str(uuid.uuid4()), datetime.now(UTC) - timedelta(seconds=age)
    signature = Webhook(secret or hook.secret).sign(id, moment, body)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }


def send(client: TestClient, hook: HookAddress, payload: Any, **how: Any) -> Any:
    body = json.dumps(payload)
    path = hook.url.partition("/api")[2]
    return client.post(path, content=body, headers=signed(hook, body, **how))


def test_a_message_makes_a_record_and_runs_the_flow_in_one_commit(
    stranger: TestClient, admin: TestClient, workspace: Workspace, hook: HookAddress
) -> None:
    before = workspace.lake.snapshot()
    answer = send(stranger, hook, person("new@shop.example", "Ida Berg", "Oslo"))
    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert workspace.lake.snapshot() == before + 1
    record = admin.get(f"/v1/modules/customers/records/{answer.json()['record_id']}").json()
    assert (record["name"], record["city"], record["tags"]) == ("Ida Berg", "Oslo", ["shop"])
    [run] = list_runs(workspace.lake, actor=ADMIN, record_id=record["id"], flow="shop")
    assert (run.event, run.actor) == ("webhook", "system")
    run_until_current(workspace.lake)
    assert len(list_runs(workspace.lake, actor=ADMIN, record_id=record["id"], flow="shop")) == 1


def test_a_message_about_somebody_who_is_there_changes_him(
    stranger: TestClient, admin: TestClient, hook: HookAddress
) -> None:
    first = send(stranger, hook, person("known@shop.example", "Ida", "Oslo")).json()
    again = send(stranger, hook, {"contact": {"email": "known@SHOP.example", "name": "Ida Berg"}}).json()
    assert again["record_id"] == first["record_id"] and again["run_id"] != first["run_id"]
    record = admin.get(f"/v1/modules/customers/records/{first['record_id']}").json()
    assert (record["name"], record["city"]) == ("Ida Berg", "Oslo"), "what the message lacks stays"
    other = send(stranger, hook, person("known@shop.example", "Ida Berg", "Atlantis")).json()
    assert other["state"] == "not_matched"


def test_the_same_message_is_carried_out_once_and_answered_alike(
    stranger: TestClient, workspace: Workspace, hook: HookAddress
) -> None:
    payload = person("twice@shop.example")
    first, second = (send(stranger, hook, payload, id="msg_1") for _ in range(2))
    assert first.json() == second.json()
    assert len(list_runs(workspace.lake, actor=ADMIN, record_id=first.json()["record_id"])) == 1
    other = send(stranger, hook, person("other@shop.example"), id="msg_1")
    assert other.status_code == 422 and "stands for another" in other.json()["detail"]


def test_the_secret_itself_proves_a_sender_too(stranger: TestClient, hook: HookAddress) -> None:
    path = hook.url.partition("/api")[2]
    answer = stranger.post(
        path, json=person("bearer@shop.example"), headers={"Authorization": f"Bearer {hook.secret}"}
    )
    assert answer.status_code == 200


def test_who_has_no_right_secret_cannot_tell_whether_there_is_a_flow(
    stranger: TestClient, workspace: Workspace, hook: HookAddress
) -> None:
    payload, body = person("evil@shop.example"), json.dumps(person("evil@shop.example"))
    path, count = hook.url.partition("/api")[2], workspace.lake.snapshot()
    nowhere = HookAddress("x", hook.url[:-4] + "none", hook.secret)
    refused = [
        send(stranger, nowhere, payload),
        send(stranger, hook, payload, secret="whsec_" + "A" * 43 + "="),
        send(stranger, hook, payload, age=600),
        send(stranger, hook, payload, age=-600),
        stranger.post(path, content=body, headers=signed(hook, body + " ")),
        stranger.post(path, content=body, headers=signed(hook, body) | {"webhook-signature": "v1"}),
        stranger.post(path, content=b"\xff", headers=signed(hook, body)),
        stranger.post(path, content=body, headers={"Authorization": "Bearer wrong"}),
        stranger.post(path, content=body),
    ]  # fmt: skip
    assert {one.status_code for one in refused} == {404}
    assert len({one.json()["detail"] for one in refused}) == 1 and workspace.lake.snapshot() == count


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        pytest.param({"other": 1}, "none of contact.email", id="nothing that is mapped"),
        pytest.param({"contact": {"name": "Ida"}}, "no contact.email, by which", id="no key"),
        pytest.param({"contact": "Ida"}, "none of contact.email", id="a text for an object"),
        pytest.param(person("no address"), "email", id="no address"),
        pytest.param(
            {"contact": {"email": "n@shop.example", "name": {"first": "Ida"}}}, "name", id="an object"
        ),
        pytest.param([person("a@shop.example")], "no JSON object", id="a list"),
    ],
)
def test_a_message_that_lacks_what_the_flow_needs_is_refused(
    stranger: TestClient, workspace: Workspace, hook: HookAddress, payload: Any, said: str
) -> None:
    before = workspace.lake.snapshot()
    answer = send(stranger, hook, payload)
    assert answer.status_code == 422 and said in answer.text
    assert workspace.lake.snapshot() == before


def test_two_with_one_key_are_not_guessed_between(
    stranger: TestClient, admin: TestClient, hook: HookAddress
) -> None:
    for name in ("One", "Two"):
        values = {"name": name, "email": "both@shop.example"}
        assert admin.post("/v1/modules/customers/records", json=values).status_code == 201
    answer = send(stranger, hook, person("both@shop.example"))
    assert answer.status_code == 409 and "about one" in answer.json()["detail"]


def test_a_flow_that_is_off_takes_nothing_and_its_secret_is_for_administrators(
    stranger: TestClient, workspace: Workspace
) -> None:
    document = {
        "flow": "off", "module": "notes", "trigger": {"event": "webhook", "map": {"text": "text"}},
        "do": [{"set_field": {"tags": {"add": ["in"]}}}],
    }  # fmt: skip
    save(workspace.lake, [("flow", document | {"state": "draft"})], actor=ADMIN)
    off = address(workspace.lake, workspace.settings, "off", actor=ADMIN)
    assert off.url.endswith(read_catalog(workspace.lake).stored["flow", "off"].id)
    assert send(stranger, off, {"text": "hello"}).status_code == 404
    with pytest.raises(Conflict, match="waits for no webhook"):
        address(workspace.lake, workspace.settings, "acknowledge-inquiry", actor=ADMIN)
    with pytest.raises(Forbidden):
        address(workspace.lake, workspace.settings, "off", actor=Actor("vera", "viewer"))
