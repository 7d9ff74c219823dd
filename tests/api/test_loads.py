"""Files over HTTP: the counts, the rejects mended and sent again, the list of loads, undo and cancel."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from crm_core.workspace import Workspace

BAD = "external id,name,birthday\nH1,Ida,1990-01-31\nH2,Ole,soon\nH3,,1991-01-31\n"
IMPORT = "/v1/modules/customers/import"
LARGE = 50_001


def send(client: TestClient, text: str, **more: Any) -> Any:
    given = {"key": "external_id", "source": "http"} | more
    return client.post(IMPORT, params=given, content=text.encode(), headers={"Content-Type": "text/csv"})


def test_a_file_is_loaded_mended_and_taken_back(admin: TestClient) -> None:
    first = send(admin, BAD).json()
    counts = ("read", "inserted", "rejected", "values_rejected")
    assert tuple(first[name] for name in counts) == (3, 2, 1, 1)
    told = admin.get(f"/v1/loads/{first['load_id']}/rejects").json()["items"]
    assert [(one["line"], one["field"], one["row_loaded"]) for one in told] == [
        (3, "birthday", True),
        (4, "name", False),
    ]
    rows = admin.get(f"/v1/loads/{first['load_id']}/rejects", params={"format": "csv"}).text
    mended = rows.replace("soon", "1992-02-29").replace('H3,"",', "H3,Una,")
    second = send(admin, mended).json()
    assert (second["inserted"], second["updated"], second["rejected"]) == (1, 1, 0)
    listed = admin.get("/v1/loads", params={"module": "customers"}).json()["items"]
    assert [one["load_id"] for one in listed[:2]] == [second["load_id"], first["load_id"]]
    for one in (second, first):
        undone = admin.post(f"/v1/loads/{one['load_id']}/undo")
        assert (undone.status_code, undone.json()["conflicts"]) == (200, [])
        assert admin.post(f"/v1/loads/{one['load_id']}/undo").status_code == 409
        assert admin.get(f"/v1/loads/{one['load_id']}").json()["state"] == "undone"


def test_a_mapping_may_come_with_the_file(admin: TestClient) -> None:
    for mapping in (
        "columns: {Benennung: name, Nr: external_id}",
        '{"Benennung": "name", "Nr": "external_id"}',
    ):
        loaded = send(admin, "Nr,Benennung\nM1,Ida\n", source="mapped", map=mapping).json()
        assert loaded["inserted"] + loaded["unchanged"] == 1, loaded
    described = admin.get("/openapi.json").json()["paths"]["/api/v1/modules/customers/import"]["post"]
    assert {"200", "202"} <= described["responses"].keys()


def test_a_dry_run_writes_nothing(admin: TestClient, workspace: Workspace) -> None:
    before = workspace.lake.snapshot()
    shown = send(admin, BAD, dry_run=True).json()
    assert (shown["dry_run"], shown["inserted"], len(shown["rejects"])) == (True, 2, 2)
    assert workspace.lake.snapshot() == before


@pytest.mark.parametrize(
    ("text", "more", "status", "kind"),
    [
        ("", {}, 422, "empty-input"),
        ("foo,bar\n1,2\n", {}, 422, "nothing-mapped"),
        ("name\nIda\n", {}, 422, "key-missing"),
        (BAD, {"strict": True}, 422, "strict-failure"),
        (BAD, {"mode": "replace"}, 422, "request-invalid"),
        (BAD, {"keys": "external_id"}, 422, "parameter-unknown"),
        (BAD, {"map": "columns: {Nom: nowhere}"}, 422, "contract-invalid"),
    ],
    ids=[
        "empty",
        "no column known",
        "no key",
        "strict",
        "no such mode",
        "a misspelt parameter",
        "a bad mapping",
    ],
)
def test_what_cannot_be_loaded_is_a_problem(
    admin: TestClient, text: str, more: dict[str, Any], status: int, kind: str
) -> None:
    answer = send(admin, text, **more)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (status, kind)


def test_loads_are_known_to_whoever_made_them_and_to_administrators(
    as_user: Callable[[str], TestClient], admin: TestClient
) -> None:
    mine = send(as_user("anna"), "external id,name\nH9,Mine\n", source="anna").json()
    path = f"/v1/loads/{mine['load_id']}"
    assert as_user("anna").get(path).status_code == admin.get(path).status_code == 200
    for way in (path, f"{path}/rejects"):
        assert as_user("olaf").get(way).status_code == 404
    assert as_user("olaf").post(f"{path}/undo").status_code == 404
    assert as_user("vera").post(IMPORT, content=b"name\nx\n").status_code == 403
    assert mine["load_id"] not in str(as_user("olaf").get("/v1/loads").json())
    assert as_user("anna").post(f"{path}/undo").status_code == 200


def large() -> str:
    return "external id,name\n" + "".join(f"L{n},Person {n}\n" for n in range(LARGE))


def until(client: TestClient, load_id: str) -> dict[str, Any]:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"/v1/loads/{load_id}").json()
        if found["state"] != "running":
            return found
        time.sleep(0.1)
    raise AssertionError("the load did not end")


def test_a_large_file_goes_on_after_its_answer_and_can_be_cancelled(
    admin: TestClient, workspace: Workspace
) -> None:
    before = workspace.lake.snapshot()
    begun = send(admin, large())
    assert (begun.status_code, begun.headers["Location"]) == (202, f"/api/v1/loads/{begun.json()['load_id']}")
    path = f"/v1/loads/{begun.json()['load_id']}"
    assert admin.post(f"{path}/cancel").status_code == 202
    stopped = until(admin, begun.json()["load_id"])
    assert (stopped["state"], stopped["problem"]["type"].rpartition(":")[2]) == ("failed", "load-cancelled")
    assert workspace.lake.snapshot() == before
    again = send(admin, large()).json()
    assert until(admin, again["load_id"])["inserted"] == LARGE
    assert admin.post(f"/v1/loads/{again['load_id']}/cancel").status_code == 409
    assert admin.post(f"/v1/loads/{again['load_id']}/undo").json()["deleted"] == LARGE
