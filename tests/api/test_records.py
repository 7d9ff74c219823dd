"""Records over HTTP."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

API_PAGE = Path(__file__).resolve().parents[2] / "docs/api.md"
CUSTOMERS = "/v1/modules/customers/records"
Make = Callable[..., dict[str, Any]]


def test_a_record_is_created_read_changed_deleted_and_restored(admin: TestClient) -> None:
    made = admin.post(CUSTOMERS, json={"name": "Ida Berg", "email": "ida@Berg.example"})
    place = made.headers["Location"].removeprefix("/api")
    assert (made.status_code, made.json()["email"]) == (201, "ida@berg.example")
    assert admin.patch(place, json={"company": "Berg AS"}).json()["company"] == "Berg AS"
    assert admin.delete(place).status_code == 204
    assert admin.get(place).status_code == 404
    assert admin.post(f"{place}/restore").json()["company"] == "Berg AS"
    assert admin.get(place).json()["name"] == "Ida Berg"


def test_a_record_has_every_column_and_its_version_as_the_tag(admin: TestClient, make: Make) -> None:
    made = make("customers", name="Tag", credit_limit={"amount": "1200.5", "currency": "EUR"})
    answer = admin.get(f"{CUSTOMERS}/{made['id']}")
    assert answer.headers["ETag"] == f'"{made["version"]}"'
    assert answer.json()["credit_limit"] == {"amount": "1200.50", "currency": "EUR"}
    assert answer.json()["deleted_at"] is None and answer.json()["created_at"].endswith("Z")


def test_a_problem_looks_as_its_example_in_the_docs(admin: TestClient) -> None:
    example = API_PAGE.read_text().partition("```json\n")[2].partition("```")[0]
    answer = admin.post(CUSTOMERS, json={"name": "Example", "email": "x"})
    assert answer.headers["Content-Type"] == "application/problem+json" and answer.json() == json.loads(
        example
    )


def test_null_clears_and_absent_leaves(admin: TestClient, make: Make) -> None:
    made = make("customers", name="Clear", company="ACME", city="Oslo")
    changed = admin.patch(f"{CUSTOMERS}/{made['id']}", json={"company": None}).json()
    assert (changed["company"], changed["city"]) == (None, "Oslo")


def test_a_change_of_the_same_field_conflicts_and_of_another_does_not(admin: TestClient, make: Make) -> None:
    made = make("customers", name="Conflict", city="Oslo")
    place, tag = f"{CUSTOMERS}/{made['id']}", {"If-Match": f'"{made["version"]}"'}
    assert admin.patch(place, json={"city": "Bergen"}).status_code == 200
    assert admin.patch(place, json={"company": "ACME"}, headers=tag).status_code == 200
    refused = admin.patch(place, json={"city": "Tromsø"}, headers=tag)
    assert refused.status_code == 412
    [conflict] = refused.json()["errors"]
    shown = {name: conflict[name] for name in ("field", "base", "current", "yours")}
    assert shown == {"field": "city", "base": "Oslo", "current": "Bergen", "yours": "Tromsø"}


def test_pages_follow_each_other_and_count_all(admin: TestClient, make: Make) -> None:
    names = [make("customers", name=f"Page {number}", city="Pagetown")["name"] for number in range(5)]
    asked = {
        "filter": json.dumps({"field": "city", "op": "eq", "value": "Pagetown"}),
        "sort": "-name",
        "limit": 2,
    }
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = admin.get(CUSTOMERS, params=asked | ({"after": after} if after else {})).json()
        assert page["total"] == 5
        seen += [item["name"] for item in page["items"]]
        after = page["next"]
    assert seen == sorted(names, reverse=True)


def test_a_reference_is_an_id_or_the_record_itself(admin: TestClient, make: Make) -> None:
    business = make("business", name="Expand GmbH")
    make("customers", name="Expanded", business=business["id"])
    asked = {"filter": json.dumps({"field": "name", "op": "eq", "value": "Expanded"})}
    [plain] = admin.get(CUSTOMERS, params=asked).json()["items"]
    [expanded] = admin.get(CUSTOMERS, params=asked | {"expand": "business"}).json()["items"]
    assert (plain["business"], expanded["business"]["name"]) == (business["id"], "Expand GmbH")


def test_a_list_as_of_an_instant_shows_what_was(admin: TestClient, make: Make) -> None:
    made = make("customers", name="Then", city="Oslo")
    admin.patch(f"{CUSTOMERS}/{made['id']}", json={"city": "Bergen"})
    then = admin.get(f"{CUSTOMERS}/{made['id']}", params={"as_of": made["updated_at"].replace("Z", "999Z")})
    assert then.json()["city"] == "Oslo"


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        pytest.param(CUSTOMERS, {"name": "x", "email": "nonsense"}, 422, "email", id="a bad value"),
        pytest.param(CUSTOMERS, {"name": None}, 422, "name", id="a missing value"),
        pytest.param(CUSTOMERS, {"name": "x", "nope": 1}, 422, "nope", id="an unknown field"),
        pytest.param(CUSTOMERS, {"name": "a\x00b"}, 422, "name", id="a NUL character"),
        pytest.param("/v1/modules/nope/records", {"name": "x"}, 404, None, id="an unknown module"),
    ],
)
def test_what_cannot_be_written_is_told_by_field(
    admin: TestClient, path: str, body: dict[str, Any], status: int, field: str | None
) -> None:
    answer = admin.post(path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert {error["field"] for error in answer.json()["errors"]} == ({field} if field else set())


@pytest.mark.parametrize(
    ("params", "status"),
    [
        pytest.param({"filter": "{"}, 422, id="no JSON"),
        pytest.param({"filter": '{"field": "nope", "op": "eq", "value": 1}'}, 422, id="an unknown field"),
        pytest.param({"sort": "name; DROP TABLE x"}, 422, id="SQL as an order"),
        pytest.param({"after": "x"}, 422, id="no cursor"),
        pytest.param({"after": b64encode(b"[" * 9_999).decode()}, 422, id="a deep cursor"),
        pytest.param({"expand": "nope"}, 422, id="nothing to expand"),
        pytest.param({"limit": "0"}, 422, id="no page"),
        pytest.param({"as_of": "tomorrow-ish"}, 422, id="no instant"),
    ],
)
def test_a_list_that_cannot_be_made_is_refused(
    admin: TestClient, params: dict[str, str], status: int
) -> None:
    answer = admin.get(CUSTOMERS, params=params)
    assert (answer.status_code, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize(
    ("user", "method", "path", "status"),
    [
        pytest.param("nobody", "GET", CUSTOMERS, 401, id="without a key"),
        pytest.param("vera", "GET", CUSTOMERS, 200, id="a viewer looks"),
        pytest.param("vera", "POST", CUSTOMERS, 403, id="a viewer writes"),
        pytest.param("anna", "POST", CUSTOMERS, 201, id="an agent writes"),
        pytest.param("admin", "GET", f"{CUSTOMERS}/nonsense", 404, id="an id that is none"),
    ],
)
def test_a_key_may_what_its_user_may(
    as_user: Callable[[str], TestClient], user: str, method: str, path: str, status: int
) -> None:
    body = {"json": {"name": "By key"}} if method == "POST" else {}
    answer = as_user(user).request(method, path, **body)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert status != 401 or answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_record_of_another_team_is_not_there(as_user: Callable[[str], TestClient], make: Make) -> None:
    tender = make("inquiries", subject="CANARY", folder="tenders")
    place = f"/v1/modules/inquiries/records/{tender['id']}"
    hidden, absent = as_user("olaf").get(place), as_user("olaf").get(place[:-1] + "0")
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.json().keys() == absent.json().keys()
    listed = as_user("olaf").get("/v1/modules/inquiries/records", params={"limit": 1000})
    assert "CANARY" not in listed.text
    for verb, more in (("patch", {"json": {"subject": "x"}}), ("delete", {})):
        assert getattr(as_user("olaf"), verb)(place, **more).status_code == 404
    assert as_user("anna").get(place).status_code == 200
