"""What people do on a profile, over HTTP: consents, calls, conversion, pins, tags, many at once, and back again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

Make = Callable[..., dict[str, Any]]
AsUser = Callable[[str], TestClient]
SAID = {"channel": "email", "purpose": "marketing", "reason": "said so on the phone"}


def of(module: str, record: dict[str, Any], more: str = "") -> str:
    return f"/v1/modules/{module}/records/{record['id']}{more}"


def test_what_somebody_says_to_messages_is_kept_and_the_latest_counts(as_user: AsUser, make: Make) -> None:
    place = of("customers", make("customers", name="Ida", email="ida@berg.example"), "/consents")
    for state in ("granted", "withdrawn"):
        said = as_user("anna").post(place, json={**SAID, "address": "ida@berg.example", "state": state})
        assert said.status_code == 201, said.text
    told = as_user("anna").get(place).json()
    assert [(one["state"], one["by"], one["reason"]) for one in told["items"]] == [
        ("withdrawn", "anna", SAID["reason"]),
        ("granted", "anna", SAID["reason"]),
    ]
    assert [one["state"] for one in told["current"]] == ["withdrawn"]


def test_a_consent_of_an_address_that_is_none_of_his_is_refused(admin: TestClient, make: Make) -> None:
    place = of("customers", make("customers", name="Ida", email="ida2@berg.example"), "/consents")
    answer = admin.post(
        place, json={**SAID, "address": "ole@berg.example", "state": "granted", "reason": " "}
    )
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == {"address", "reason"}


def test_a_call_is_a_message_with_its_length_and_its_task(admin: TestClient, make: Make) -> None:
    customer = make("customers", name="Rung")
    told = {"number": "+49 30 1234567", "seconds": 90, "notes": "Wants a quote", "task": {"title": "Quote"}}
    answer = admin.post(of("customers", customer, "/calls"), json=told)
    assert answer.status_code == 201, answer.text
    message = admin.get(answer.headers["location"].removeprefix("/api")).json()
    assert (message["channel"], message["duration"], message["customer"]) == ("call", 90, customer["id"])
    assert admin.get(of("tasks", {"id": answer.json()["task"]})).json()["customer"] == customer["id"]


def test_a_request_becomes_a_deal_and_only_what_it_can_be(admin: TestClient, make: Make) -> None:
    asked = make("inquiries", subject="Two pallets to Oslo")
    answer = admin.post(of("inquiries", asked, "/convert"), json={"to": "deals"})
    assert answer.status_code == 201, answer.text
    made = admin.get(answer.headers["location"].removeprefix("/api")).json()
    assert (made["title"], made["inquiry"]) == ("Two pallets to Oslo", asked["id"])
    refused = admin.post(of("inquiries", asked, "/convert"), json={"to": "customers"})
    assert refused.status_code == 404 and "tasks" in refused.json()["detail"]


@pytest.mark.parametrize("kind", ["notes", "tasks"])
def test_an_entry_is_pinned_and_taken_down(admin: TestClient, make: Make, kind: str) -> None:
    customer = make("customers", name="Pinned")
    word = {"title": "Keep this in mind"} if kind == "tasks" else {"text": "Keep this in mind"}
    entry = make(kind, customer=customer["id"], **word)
    pin = of("customers", customer, f"/pins/{kind}/{entry['id']}")
    line = of("customers", customer, "/timeline")
    assert admin.put(pin).status_code == 204
    assert [one["id"] for one in admin.get(line).json()["pinned"]] == [entry["id"]]
    assert admin.delete(pin).status_code == 204
    assert admin.get(line).json()["pinned"] == []


def test_a_timeline_is_searched(admin: TestClient, make: Make) -> None:
    customer = make("customers", name="Searched")
    for title in ("Café in Oslo", "Tea in Bergen"):
        make("tasks", title=title, customer=customer["id"])
    found = admin.get(of("customers", customer, "/timeline"), params={"q": "cafe oslo"}).json()["items"]
    assert [one["title"] for one in found] == ["Café in Oslo"]


def test_a_tag_is_made_by_its_first_use_and_has_a_colour(as_user: AsUser, make: Make) -> None:
    make("customers", name="Tagged", tags=["over-http"])
    anna = as_user("anna")
    assert anna.put("/v1/modules/customers/tags/over-http", json={"color": "teal"}).status_code == 204
    listed = {one["tag"]: one for one in anna.get("/v1/modules/customers/tags").json()["items"]}
    assert listed["over-http"] == {"tag": "over-http", "records": 1, "color": "teal"}
    wrong = anna.put("/v1/modules/customers/tags/over-http", json={"color": "mauve"})
    assert wrong.status_code == 422 and "teal" in wrong.json()["detail"]


def test_many_are_changed_after_a_look_and_taken_back(as_user: AsUser, make: Make) -> None:
    ids = [make("customers", name=f"Many {n}", city="Oslo")["id"] for n in range(3)]
    asked = {"ids": ids, "values": {"city": "Bergen"}}
    anna = as_user("anna")
    seen = anna.post("/v1/modules/customers/bulk", json={**asked, "dry_run": True}).json()
    assert (seen["changing"], seen["unchanged"]) == (3, 0)
    done = anna.post("/v1/modules/customers/bulk", json=asked).json()
    assert (done["changed"], anna.get(of("customers", {"id": ids[0]})).json()["city"]) == (3, "Bergen")
    assert as_user("olaf").post(f"/v1/changes/{done['change_id']}/undo").status_code == 403
    back = anna.post(f"/v1/changes/{done['change_id']}/undo", json={"reason": "a mistake"})
    assert (back.json()["restored"], anna.get(of("customers", {"id": ids[0]})).json()["city"]) == (3, "Oslo")


@pytest.mark.parametrize("asked", [{}, {"ids": [], "filter": {"all": []}}, {"filter": {"field": "nope"}}])
def test_many_without_saying_which_are_refused(admin: TestClient, asked: dict[str, Any]) -> None:
    answer = admin.post("/v1/modules/customers/bulk", json={**asked, "values": {"city": "Oslo"}})
    assert answer.status_code == 422


def test_a_checklist_begins_with_the_steps_of_its_template(admin: TestClient, make: Make) -> None:
    template = make("checklist_templates", name="Welcome", steps="Call\nWrite")
    customer = make("customers", name="Checked")
    answer = admin.post("/v1/checklists", json={"template": template["id"], "customer": customer["id"]})
    assert answer.status_code == 201, answer.text
    steps = admin.get(of("checklists", answer.json(), "/links/steps")).json()
    assert steps["total"] == 2


def test_mail_that_did_not_fail_is_not_sent_again(admin: TestClient) -> None:
    mail = {"to": ["anna@buyer.example"], "subject": "Your freight", "text": "It is on its way."}
    sent = admin.post("/v1/messages", json=mail).json()
    answer = admin.post(f"/v1/messages/{sent['id']}/retry")
    assert answer.status_code == 404 and "failed" in answer.json()["detail"]


def test_who_only_looks_does_none_of_it(as_user: AsUser, make: Make) -> None:
    vera, customer = as_user("vera"), make("customers", name="Looked at", email="looked@at.example")
    said = {**SAID, "address": "looked@at.example", "state": "granted"}
    for path, body in (("/consents", said), ("/calls", {}), ("/convert", {"to": "tasks"})):
        assert vera.post(of("customers", customer, path), json=body).status_code == 403
    assert vera.get(of("customers", customer, "/consents")).json() == {"current": [], "items": []}
