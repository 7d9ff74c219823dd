"""Flows over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

Make = Callable[..., dict[str, Any]]
FLOW = {
    "flow": "mark-by-api",
    "module": "customers",
    "trigger": {"event": "manual"},
    "when": {"field": "city", "op": "eq", "value": "Oslo"},
    "do": [{"set_field": {"company": "Marked"}}],
}


@pytest.fixture(scope="module")
def flow(admin: TestClient) -> str:
    """An active flow that marks customers in Oslo."""
    assert admin.put("/v1/flows", json=FLOW).json()["flows"] == {"mark-by-api": "created"}
    assert admin.get("/v1/flows/mark-by-api").json()["state"] == "draft"
    assert admin.post("/v1/flows/mark-by-api/activate").status_code == 200
    return "mark-by-api"


def command(flow: str, **more: Any) -> dict[str, Any]:
    return {"command": "run", "flow": flow} | more


def test_a_flow_runs_on_records_and_says_what_it_did(admin: TestClient, make: Make, flow: str) -> None:
    oslo, rome = make("customers", name="A", city="Oslo"), make("customers", name="B", city="Rome")
    answer = admin.post("/v1/flows/execute-command", json=command(flow, records=[oslo["id"], rome["id"]]))
    assert answer.status_code == 202
    states = {result["record_id"]: result["state"] for result in answer.json()["results"]}
    assert states == {oslo["id"]: "done", rome["id"]: "not_matched"}
    assert admin.get(f"/v1/modules/customers/records/{oslo['id']}").json()["company"] == "Marked"
    runs = admin.get(f"/v1/flows/{flow}/runs", params={"record": rome["id"]}).json()["items"]
    [leaf] = admin.get(f"/v1/runs/{runs[0]['id']}").json()["trace"]
    assert (leaf["field"], leaf["true"], leaf["seen"]) == ("city", False, "Rome")
    why = admin.get(f"/v1/flows/{flow}/why", params={"record": oslo["id"]}).json()
    assert (why["matched"], why["leaves"][0]["seen"], why["runs"][0]["state"]) == (True, "Oslo", "done")
    assert admin.get(f"/v1/flows/{flow}/why", params={"record": "x"}).status_code == 404


def test_a_command_is_carried_out_once_for_a_key(admin: TestClient, make: Make, flow: str) -> None:
    made = make("customers", name="Once", city="Oslo")
    body = command(flow, record=made["id"], idempotency_key="once")
    first, again = (admin.post("/v1/flows/execute-command", json=body) for _ in range(2))
    assert first.json() == again.json()
    other = admin.post("/v1/flows/execute-command", json=body | {"command": "test"})
    assert len(admin.get(f"/v1/flows/{flow}/runs", params={"record": made["id"]}).json()["items"]) == 1
    assert other.json()["state"] == "tested"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param({"command": "dance", "flow": "mark-by-api"}, 422, id="an unknown command"),
        pytest.param({"command": "run", "flow": "nope", "record": "x"}, 404, id="an unknown flow"),
        pytest.param({"command": "run", "flow": "mark-by-api"}, 422, id="no record"),
        pytest.param({"command": "run", "flow": "mark-by-api", "record": "x"}, 404, id="an unknown record"),
        pytest.param({"command": "cancel", "run_id": "x"}, 404, id="an unknown run"),
    ],
)
def test_a_command_that_cannot_be_is_refused(
    admin: TestClient, flow: str, body: dict[str, Any], status: int
) -> None:
    assert admin.post("/v1/flows/execute-command", json=body).status_code == status


def test_only_an_administrator_saves_flows(as_user: Callable[[str], TestClient]) -> None:
    assert as_user("anna").put("/v1/flows", json=FLOW).status_code == 403


def test_a_flow_that_cannot_run_is_told_with_every_problem(admin: TestClient) -> None:
    broken = FLOW | {
        "flow": "broken",
        "when": {"field": "nope", "op": "eq", "value": 1},
        "do": [{"set_field": {"nowhere": "x"}}],
    }
    answer = admin.put("/v1/flows", json=broken)
    told = " ".join(error["message"] for error in answer.json()["errors"])
    assert answer.status_code == 422
    assert "nope" in told and "nowhere" in told
