"""SQL, markup, zero bytes and nonsense in every parameter and field of the API: refused in words, or kept as text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from httpx import Response
from starlette.testclient import TestClient

from crm_core.workspace import Workspace

ATTACKS = {
    "quote": "'; DROP TABLE lake.crm.customers; --",
    "identifier": 'x" UNION SELECT * FROM lake.access.api_keys --',
    "markup": "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "template": "{{ 7*7 }}{% for x in ().__class__.__mro__ %}{{ x }}{% endfor %}",
    "formula": '=HYPERLINK("http://evil.example","click")',
    "placeholder": "$p0 ? :1 %s %(x)s {0}",
    "path": "../../../../etc/passwd",
    "letters": "Ω̃‮\u200b𝔘\ud7ff" + "é" * 3000,
}
MODULES = ("customers", "notes")
METHODS = ("get", "post", "put", "patch", "delete")
Operation = tuple[str, str, dict[str, Any]]


def operations(api: FastAPI) -> Iterator[Operation]:
    """Method, path and description of everything; of the modules, which are all alike, two."""
    for path, item in api.openapi()["paths"].items():
        module = path.removeprefix("/api/v1/modules/").split("/")[0]
        if not path.startswith("/api/v1/modules/") or module in MODULES:
            yield from (
                (method, path.removeprefix("/api"), item[method]) for method in METHODS if method in item
            )


def assert_problem(answer: Response, place: object) -> None:
    """No answer is a failure of ours, and each refusal is a problem that a person can read."""
    assert answer.status_code < 500, (place, answer.status_code, answer.text[:500])
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", (place, answer.text[:200])
        problem = answer.json()
        assert problem["status"] == answer.status_code and len(problem["detail"]) > 10, (place, problem)
        assert "Traceback" not in answer.text and "duckdb" not in answer.text.lower(), (place, problem)


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_parameter_takes_it_as_text(api: FastAPI, client: TestClient, attack: str) -> None:
    text = ATTACKS[attack]
    for method, path, about in operations(api):
        named = about.get("parameters", [])
        place = path
        for one in named:
            if one["in"] == "path":
                place = place.replace("{" + one["name"] + "}", quote(text, safe=""))
        headers = {"content-type": "application/json"} if method != "get" else {}
        body = b"{}" if method != "get" else None
        asked = [one["name"] for one in named if one["in"] == "query"]
        for name in asked or [""]:
            params = {name: text} if name else {}
            answer = client.request(method, place, params=params, content=body, headers=headers)
            assert_problem(answer, (method, path, name))


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name != "letters"])
def test_every_text_field_keeps_it_as_it_is(client: TestClient, attack: str) -> None:
    text = ATTACKS[attack]
    values = {"name": text, "company": text, "city": text, "remarks": text, "tags": [text]}
    values |= {"first_name": text, "external_id": text[:90], "address": {"street": text, "city": text}}
    made = client.post("/v1/modules/customers/records", json=values)
    assert made.status_code == 201, made.text
    record = client.get(made.headers["location"].removeprefix("/api")).json()
    assert {slug: record[slug] for slug in ("name", "company", "remarks", "tags")} == {
        slug: values[slug] for slug in ("name", "company", "remarks", "tags")
    }
    condition = json.dumps({"field": "name", "op": "eq", "value": text})
    found = client.get("/v1/modules/customers/records", params={"filter": condition}).json()
    assert [one["id"] for one in found["items"]] == [record["id"]]
    assert client.get("/v1/search", params={"q": text[:200]}).status_code == 200
    profile = client.get(f"/v1/modules/customers/records/{record['id']}/profile")
    assert profile.json()["title"] == text and "text/html" not in profile.headers["content-type"]


def test_the_lake_is_as_it_was_after_all_that(client: TestClient, workspace: Workspace) -> None:
    client.post("/v1/modules/customers/records", json={"name": ATTACKS["quote"]})
    tables = workspace.lake.read("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'crm'").item()
    assert tables > 2 * len(workspace.catalog.modules)


def test_an_export_holds_no_formula(client: TestClient) -> None:
    for start in "=+-@\t":
        client.post("/v1/modules/notes/records", json={"text": f"{start}1+cmd|' /C calc'!A0"})
    answer = client.get("/v1/modules/notes/export", params={"format": "csv"})
    cells = [row["text"] for row in csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))]
    assert cells and [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")] == []


_RECORDS = "/v1/modules/customers/records"
_FILTER = '{"field":"name","op":"eq","value":"\\u0000"}'
_CONTACT = {"name": "\x00", "email": "a@b.example", "subject": "s", "message": "m"}
NUL_PLACES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "value": ("post", _RECORDS, {"json": {"name": "a\x00b"}}),
    "list": ("post", _RECORDS, {"json": {"name": "a", "tags": ["b\x00"]}}),
    "address": ("post", _RECORDS, {"json": {"name": "a", "address": {"city": "b\x00"}}}),
    "filter": ("get", _RECORDS, {"params": {"filter": _FILTER}}),
    "search": ("get", "/v1/search", {"params": {"q": "a\x00b"}}),
    "query": ("post", "/v1/query", {"json": {"sql": "SELECT '\x00'"}}),
    "intake": ("post", "/public/submit-contact", {"json": _CONTACT}),
    "command": (
        "post",
        "/v1/flows/execute-command",
        {"json": {"command": "run", "flow": "a\x00", "record": "b"}},
    ),
}


@pytest.mark.parametrize("place", NUL_PLACES)
def test_a_zero_byte_is_refused_in_a_sentence(client: TestClient, place: str) -> None:
    method, path, more = NUL_PLACES[place]
    answer = client.request(method, path, **more)
    assert_problem(answer, place)
    assert answer.status_code in (404, 422), answer.text
    assert "\\u0000" not in answer.json()["detail"] and "\x00" not in answer.json()["detail"]


BODIES: dict[str, tuple[bytes, str, int]] = {
    "no JSON": (b"{not json", "application/json", 422),
    "no body": (b"", "application/json", 422),
    "a list": (b"[1,2]", "application/json", 422),
    "a word": (b'"x"', "application/json", 422),
    "null": (b"null", "application/json", 422),
    "deep": (b'{"name":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "application/json", 422),
    "deep values": (b'{"items":' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}", "application/json", 422),
    "broken letters": (b'{"name":"\xff\xfe"}', "application/json", 422),
    "a lone surrogate": (b'{"name":"\\ud800"}', "application/json", 422),
    "not a number": (b'{"name":"a","company_size":NaN}', "application/json", 422),
    "a great number": (
        b'{"name":"a","kind":"company","company":"b","company_size":1e400}',
        "application/json",
        422,
    ),
    "a form": (b"name=x", "application/x-www-form-urlencoded", 422),
    "XML": (b"<name>x</name>", "text/xml", 422),
    "too large": (b'{"name":"' + b"x" * 1_100_000 + b'"}', "application/json", 413),
}


@pytest.mark.parametrize("body", BODIES)
def test_a_body_that_is_none_is_refused(client: TestClient, body: str) -> None:
    content, kind, status = BODIES[body]
    for method, path in (
        ("post", "/v1/modules/customers/records"),
        ("post", "/public/submit-contact"),
        ("post", "/v1/flows/execute-command"),
        ("post", "/v1/query"),
    ):
        answer = client.request(method, path, content=content, headers={"content-type": kind})
        assert_problem(answer, (body, path))
        assert answer.status_code in (400, 415, status), (path, answer.status_code, answer.text[:300])


@pytest.mark.parametrize(
    "record", ["x", "1", "00000000-0000-0000-0000-00000000000g", "null", "%27", "a" * 300]
)
def test_an_id_that_is_none_is_not_found(api: FastAPI, client: TestClient, record: str) -> None:
    for method, path, _ in operations(api):
        if "{id}" in path or "{other}" in path:
            place = (
                path.replace("{id}", record).replace("{other}", record).replace("{relationship}", "related")
            )
            if method == "post" and "/links/" in path:
                answer = client.request(method, place, json={"id": record})
            else:
                answer = client.request(
                    method, place, **({"json": {"tags": []}} if method == "patch" else {})
                )
            assert_problem(answer, (method, path))
            assert answer.status_code in (404, 422), (method, path, answer.status_code, answer.text[:200])


def test_a_refusal_says_what_came_what_is_allowed_and_with_which_field(client: TestClient) -> None:
    values = {"name": "", "email": "no address", "kind": "robot", "credit_limit": "much", "nonsense": 1}
    problem = client.post("/v1/modules/customers/records", json=values).json()
    told = {one["field"]: one for one in problem["errors"]}
    assert {"name", "email", "kind", "credit_limit", "nonsense"} <= told.keys()
    assert told["kind"]["received"] == "robot" and "person" in told["kind"]["message"]
    assert told["email"]["received"] == "no address" and all(one["code"] for one in told.values())
    assert "try again" in problem["detail"]


def test_a_refusal_names_what_there_is(client: TestClient) -> None:
    module = client.get("/v1/modules/nothing/records").json()
    assert "customers" in module["detail"]
    field = client.get("/v1/modules/customers/records", params={"sort": "nothing"}).json()
    assert "nothing" in field["detail"] and "name" in field["detail"]
    none = client.get("/v1/nowhere")
    assert none.status_code == 404
    assert_problem(none, "nowhere")
    wrong = client.put("/v1/modules/customers/records")
    assert wrong.status_code == 405
    assert_problem(wrong, "method")
