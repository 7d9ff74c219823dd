"""How the API describes itself, what stands in its docs, and search, queries and exports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.testclient import TestClient

from api.openapi import openapi_document
from crm_core.access import Actor
from crm_core.definitions import save
from crm_core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
METHODS = ("get", "post", "put", "patch", "delete")
Make = Callable[..., dict[str, Any]]


def test_a_new_module_has_its_paths_at_once(admin: TestClient, workspace: Workspace) -> None:
    assert "/api/v1/modules/vehicles/records" not in admin.get("/openapi.json").json()["paths"]
    plate = {"slug": "plate", "kind": "text", "required": True, "label": "Number plate"}
    module = {"slug": "vehicles", "title": "plate", "fields": [plate, {"slug": "seats", "kind": "integer"}]}
    save(workspace.lake, [("module", module)], actor=Actor.system())
    document = admin.get("/openapi.json").json()
    assert set(document["paths"]["/api/v1/modules/vehicles/records"]) == {"get", "post"}
    assert document["components"]["schemas"]["vehicles.values"]["properties"]["seats"]["type"] == [
        "integer",
        "null",
    ]
    made = admin.post("/v1/modules/vehicles/records", json={"plate": "B-MG 1", "seats": "4"})
    assert (made.status_code, made.json()["seats"]) == (201, 4)


def test_every_operation_has_its_own_id_and_known_schemas(api: FastAPI, workspace: Workspace) -> None:
    document = openapi_document(api, workspace.catalog)
    ids = [
        item[method]["operationId"]
        for item in document["paths"].values()
        for method in METHODS
        if method in item
    ]
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r"#/components/schemas/([^\"]+)", str(document).replace("'", '"')))
    assert wanted - set(document["components"]["schemas"]) == set()


def documented() -> set[tuple[str, str]]:
    text = (ROOT / "docs/api.md").read_text()
    return {
        (method.lower(), path)
        for method, path in re.findall(r"`(GET|POST|PUT|PATCH|DELETE) (/api/[^`?]*)`", text)
    }


def offered(api: FastAPI) -> set[tuple[str, str]]:
    paths = get_openapi(title="x", version="1", routes=api.routes)["paths"]
    return {(method, f"/api{path}") for path, item in paths.items() for method in METHODS if method in item}


def test_every_path_stands_in_the_docs_and_no_other(api: FastAPI) -> None:
    assert documented() == offered(api)


def test_the_page_fetches_nothing_from_elsewhere(admin: TestClient) -> None:
    page = admin.get("/docs")
    parts = [
        page,
        *(admin.get(f"/{name}") for name in re.findall(r'(?:src|href)="(docs\.[a-z]+)"', page.text)),
    ]
    assert [part.status_code for part in parts] == [200, 200, 200]
    assert not any(re.search(r"https?://", part.text) for part in parts)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_modules_are_listed_and_shown(admin: TestClient) -> None:
    listed = {item["slug"]: item for item in admin.get("/v1/modules").json()["items"]}
    assert listed["customers"]["records"] == "/api/v1/modules/customers/records"
    shown = admin.get("/v1/modules/customers").json()
    assert "email" in [field["slug"] for field in shown["fields"]]
    assert "inquiries" in [link["module"] for link in shown["related"]]


def test_search_finds_what_one_may_see(as_user: Callable[[str], TestClient], make: Make) -> None:
    make("customers", name="Findable Ltd")
    make("inquiries", subject="Findable tender CANARY", folder="tenders")
    found = {user: as_user(user).get("/v1/search", params={"q": "findable"}) for user in ("anna", "olaf")}
    assert [item["title"] for item in found["olaf"].json()["items"]] == ["Findable Ltd"]
    assert "CANARY" in found["anna"].text


def test_a_query_reads_what_one_may_see(as_user: Callable[[str], TestClient], make: Make) -> None:
    make("inquiries", subject="CANARY of the query", folder="tenders")
    sql = {"sql": "SELECT count(*) AS n FROM inquiries WHERE subject LIKE 'CANARY of%'"}
    counts = [as_user(user).post("/v1/query", json=sql).json()["rows"][0]["n"] for user in ("anna", "olaf")]
    assert counts == [1, 0]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE customers",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nope",
        "SELECT nope FROM customers",
    ],
)
def test_a_query_that_is_not_allowed_is_refused(admin: TestClient, sql: str) -> None:
    answer = admin.post("/v1/query", json={"sql": sql})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


def test_an_export_is_a_file_of_what_matches(admin: TestClient, make: Make) -> None:
    make("customers", name="=HYPERLINK(1)", city="Exportville")
    asked = {"format": "csv", "filter": '{"field": "city", "op": "eq", "value": "Exportville"}'}
    answer = admin.get("/v1/modules/customers/export", params=asked)
    [row] = csv.DictReader(io.StringIO(answer.text))
    assert row["name"] == "'=HYPERLINK(1)"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="customers.csv"'


def test_health_needs_no_key(as_user: Callable[[str], TestClient]) -> None:
    assert as_user("nobody").get("/health").json()["status"] == "ok"


@pytest.mark.parametrize("path", ["/v1/nope", "/nope", "/v1/modules/customers/records/x/nope"])
def test_a_path_that_is_not_there_is_a_problem(admin: TestClient, path: str) -> None:
    answer = admin.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
