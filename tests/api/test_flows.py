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
    assert [error["field"] for error in answer.json()["errors"]] == ["when.field", "do.0.set_field.nowhere"]


def test_yaml_is_saved_as_a_text_and_its_problems_name_their_lines(admin: TestClient) -> None:
    text = "flow: by-yaml\nmodule: customers\ntrigger: {event: manual}\ndo:\n- set_field: {company: Y}\n"
    broken = admin.put("/v1/flows", json=text.replace("company", "compny") + "colour: red\n")
    assert [error["line"] for error in broken.json()["errors"]] == [5, 6]
    assert admin.put("/v1/flows", json=text).json()["flows"] == {"by-yaml": "created"}
    shown = admin.get("/v1/flows/by-yaml", params={"format": "yaml"})
    assert shown.headers["content-type"].startswith("application/yaml")
    assert admin.put("/v1/flows", json=shown.text).json()["flows"] == {"by-yaml": "unchanged"}


def test_a_flow_is_edited_compared_paused_and_taken_back(admin: TestClient) -> None:
    admin.put("/v1/flows", json=FLOW | {"flow": "edited", "state": "active"})
    edit = FLOW | {"flow": "edited", "name": "Edited"}
    assert admin.put("/v1/flows", params={"draft": True}, json=edit).json()["flows"] == {"edited": "changed"}
    seen = admin.get("/v1/flows/edited").json()
    assert (seen["state"], seen["live_version"], seen["draft_version"]) == ("active", 1, 2)
    assert admin.get("/v1/flows/edited/diff").json()["lines"] == ["name: Edited is new"]
    meant = admin.post("/v1/flows/edited/activate", json={"dry_run": True})
    assert (meant.status_code, meant.json()["problems"]) == (200, [])
    assert admin.post("/v1/flows/edited/pause", json={"queue": True}).status_code == 200
    assert admin.get("/v1/flows/edited").json()["queue"] is True
    assert admin.post("/v1/flows/edited/activate").status_code == 200
    assert admin.post("/v1/flows/edited/rollback", json={"version": 1}).status_code == 200
    assert admin.post("/v1/flows/edited/rollback", json={"version": 99}).status_code == 404
    states = [one["state"] for one in admin.get("/v1/flows/edited/versions").json()["items"]]
    assert (states[0], states[-1]) == ("active", "active") and "paused" in states
    assert admin.delete("/v1/flows/edited/draft").status_code == 409
    copy = admin.post("/v1/flows/edited/duplicate", json={"name": "The copy"})
    assert (copy.status_code, copy.json()["flow"], copy.json()["state"]) == (201, "the-copy", "draft")
    assert admin.delete("/v1/flows/the-copy").status_code == 200
    assert "the-copy" not in [one["flow"] for one in admin.get("/v1/flows").json()["items"]]


def test_a_flow_is_tried_on_values_and_on_the_past(admin: TestClient, make: Make) -> None:
    before = admin.get("/v1/modules/customers/records", params={"limit": 1}).json()["snapshot"]
    admin.put("/v1/flows", json=FLOW | {"flow": "tried", "trigger": {"event": "created"}})
    [tried] = admin.post("/v1/flows/tried/test", json={"payload": {"name": "P", "city": "Oslo"}}).json()[
        "records"
    ]
    assert (tried["state"], tried["steps"][0]["action"]) == ("done", "set_field")
    made = make("customers", name="Past", city="Oslo")
    past = admin.post("/v1/flows/tried/backtest", json={"since": before}).json()
    assert past["matched"] == 1 and past["samples"][0]["record_id"] == made["id"]
    day = admin.post("/v1/flows/tried/backtest", json={"since": "2026-01-01T00:00:00", "sample": 0})
    assert day.status_code == 200 and day.json()["samples"] == []


def test_runs_are_cancelled_and_tried_again_as_far_as_that_goes(
    admin: TestClient, make: Make, flow: str
) -> None:
    made = make("customers", name="Again", city="Oslo")
    ran = admin.post("/v1/flows/execute-command", json=command(flow, record=made["id"])).json()["run_id"]
    assert admin.post(f"/v1/runs/{ran}/retry").status_code == 409
    assert admin.post(f"/v1/runs/{ran}/cancel").json() == {"runs": [ran], "messages_dropped": 0}
    for verb, past in (("release", "released"), ("drop", "dropped")):
        assert admin.post(f"/v1/flows/{flow}/{verb}").json() == {past: 0}
        assert admin.post(f"/v1/flows/{flow}/{verb}", json={"ids": [ran]}).json() == {past: 0}


def test_a_message_is_seen_mended_and_dropped(admin: TestClient, make: Make) -> None:
    mail = {"to": "{{ email }}", "subject": "Hello", "body": "There", "purpose": "service"}
    document = FLOW | {"flow": "mails", "when": None, "do": [{"send_email": mail}], "state": "active"}
    assert admin.put("/v1/flows", json=document).status_code == 200
    made = make("customers", name="Mail", email="mail@forwarder.example")
    admin.post("/v1/flows/execute-command", json=command("mails", record=made["id"]))
    one, *_ = admin.get("/v1/outbox", params={"state": "queued"}).json()["items"]
    mended = admin.patch(f"/v1/outbox/{one['id']}", json={"subject": "Hello again"})
    assert (mended.status_code, "Hello again" in mended.text) == (200, True)
    assert admin.post("/v1/outbox/drop", json={"ids": [one["id"]]}).json() == {"dropped": 1}
    assert admin.get(f"/v1/outbox/{one['id']}").json()["message"]["state"] == "dropped"
    assert admin.post("/v1/outbox/retry").json() == {"retried": 0}
    assert admin.post("/v1/outbox/release").json() == {"released": 0}
    assert admin.get("/v1/outbox/x").status_code == 404
