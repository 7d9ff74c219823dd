"""The public intake."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import connect, create_api
from crm_core.workspace import Workspace

Make = Callable[..., dict[str, Any]]
CONTACT = {
    "name": "Ida Berg",
    "email": "ida@intake.example",
    "subject": "Hours",
    "message": "When are you open?",
}
ITEM = {"description": "Pallets of paper", "quantity": 12, "weight_kg": 8400}
INQUIRY = {
    "name": "Ida Berg",
    "email": "ida@intake.example",
    "service": "sea_freight",
    "origin": "Hamburg",
    "destination": "Oslo",
    "items": [ITEM],
}


@pytest.fixture(scope="module")
def stranger(as_user: Callable[[str], TestClient]) -> TestClient:
    """Somebody without a key."""
    return as_user("nobody")


def record(admin: TestClient, module: str, record_id: str) -> dict[str, Any]:
    return dict(admin.get(f"/v1/modules/{module}/records/{record_id}").json())


@pytest.mark.parametrize(
    ("path", "body", "service"),
    [
        pytest.param("submit-contact", CONTACT, "general", id="a contact"),
        pytest.param("submit-inquiry", INQUIRY, "sea_freight", id="an inquiry"),
    ],
)
def test_what_is_handed_in_is_an_inquiry_with_its_first_message(
    stranger: TestClient, admin: TestClient, path: str, body: dict[str, Any], service: str
) -> None:
    answer = stranger.post(f"/public/{path}", json=body | {"utm": "ad"})
    assert answer.status_code == 201
    made = record(admin, "inquiries", answer.json()["inquiry_id"])
    assert made["reference"] == answer.json()["reference"]
    assert (made["service"], made["channel"], made["extra"]["utm"]) == (service, "api", "ad")
    [message] = admin.get(f"/v1/modules/inquiries/records/{made['id']}/links/communications_about").json()[
        "items"
    ]
    assert (message["direction"], message["state"], message["from"]) == ("in", "received", body["email"])


def test_the_same_key_and_body_give_the_same_answer(stranger: TestClient) -> None:
    key = {"Idempotency-Key": "same"}
    first = stranger.post("/public/submit-contact", json=CONTACT, headers=key)
    again = stranger.post("/public/submit-contact", json=CONTACT, headers=key)
    other = stranger.post("/public/submit-contact", json=CONTACT | {"message": "Else"}, headers=key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert again.json() == first.json()


def test_only_an_address_that_one_customer_has_links_the_inquiry(
    stranger: TestClient, admin: TestClient, make: Make
) -> None:
    one = make("customers", name="Known", email="known@intake.example")
    for _ in range(2):
        make("customers", name="Twin", email="twin@intake.example")
    linked = {}
    for email in ("KNOWN@intake.example", "twin@intake.example", "new@intake.example"):
        answer = stranger.post("/public/submit-contact", json=CONTACT | {"email": email}).json()
        linked[email] = record(admin, "inquiries", answer["inquiry_id"])["customer"]
    assert list(linked.values()) == [one["id"], None, None]
    assert record(admin, "customers", one["id"])["version"] == one["version"]


def test_consent_is_kept_for_every_address(stranger: TestClient, workspace: Workspace) -> None:
    body = CONTACT | {"email": "yes@intake.example", "phone": "+4930123456", "consent": ["marketing"]}
    assert stranger.post("/public/submit-contact", json=body).status_code == 201
    rows = workspace.lake.read(
        "SELECT channel, purpose, state FROM lake.access.consents WHERE address IN (?, ?) ORDER BY channel",
        ["yes@intake.example", "+4930123456"],
    )
    assert rows.rows() == [("email", "marketing", "granted"), ("phone", "marketing", "granted")]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(CONTACT | {"email": "nonsense"}, "email", id="no e-mail address"),
        pytest.param(CONTACT | {"email": None}, "email", id="nobody to answer to"),
        pytest.param({**CONTACT, "message": ""}, "message", id="no message"),
        pytest.param(CONTACT | {"name": "a\x00b"}, "name", id="a NUL character"),
    ],
)
def test_what_cannot_be_used_is_told_by_field(stranger: TestClient, body: dict[str, Any], field: str) -> None:
    answer = stranger.post("/public/submit-contact", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000], ids=range(5))
def test_a_body_that_is_no_object_is_refused(stranger: TestClient, body: bytes) -> None:
    answer = stranger.post("/public/submit-contact", content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_markup_and_sql_are_text(stranger: TestClient, admin: TestClient) -> None:
    nasty = "<script>alert(1)</script>'; DROP TABLE crm.inquiries; -- {{ 7*7 }}"
    answer = stranger.post("/public/submit-contact", json=CONTACT | {"subject": nasty, "message": nasty})
    assert record(admin, "inquiries", answer.json()["inquiry_id"])["message"] == nasty


def test_an_address_that_asks_too_often_waits(workspace: Workspace) -> None:
    api = create_api(workspace.settings.model_copy(update={"intake_per_minute": 2}))
    connect(api, workspace)
    with TestClient(api) as client:
        codes = [client.post("/public/submit-contact", json={}).status_code for _ in range(3)]
        refused = client.post("/public/submit-contact", json=CONTACT)
    assert codes == [422, 422, 429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60


def test_a_body_has_a_limit(stranger: TestClient) -> None:
    answer = stranger.post("/public/submit-contact", json=CONTACT | {"message": "x" * 300_000})
    assert answer.status_code == 413
