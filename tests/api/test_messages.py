"""Mail over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

MAIL = {"to": ["anna@buyer.example"], "subject": "Your freight", "text": "It is on its way."}
Make = Callable[..., dict[str, Any]]


def test_a_mail_is_recorded_and_queued(admin: TestClient, make: Make) -> None:
    asked = make("inquiries", subject="Freight?", email="anna@buyer.example")
    about = {"module": "inquiries", "id": asked["id"]}
    answer = admin.post("/v1/messages", json={**MAIL, "about": about})
    assert answer.status_code == 201, answer.text
    sent = answer.json()
    message = admin.get(answer.headers["location"].removeprefix("/api")).json()
    assert (message["direction"], message["state"], message["message_id"]) == (
        "out",
        "queued",
        sent["message_id"],
    )
    assert message["about"] == about
    [row] = [one for one in admin.get("/v1/outbox").json()["items"] if one["communication_id"] == sent["id"]]
    assert (row["id"], row["message_id"], row["run_id"]) == (sent["outbox_ids"][0], sent["message_id"], None)
    answered = admin.get(f"/v1/modules/inquiries/records/{asked['id']}").json()
    assert answered["status"] == "answered" and answered["first_answer_at"]


def test_what_is_wrong_is_told_by_field(admin: TestClient) -> None:
    answer = admin.post("/v1/messages", json={**MAIL, "subject": "a\r\nBcc: all@x.example", "to": ["nobody"]})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == {"subject", "to"}


def test_who_only_looks_sends_nothing(as_user: Callable[[str], TestClient]) -> None:
    assert as_user("vera").post("/v1/messages", json=MAIL).status_code == 403
    assert as_user("nobody").post("/v1/messages", json=MAIL).status_code == 401
