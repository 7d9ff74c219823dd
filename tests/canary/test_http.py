"""Nothing that the API answers the agent or the viewer holds a word of what is forbidden to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from crm_core.explore import shelf
from tests.canary.walk import DEEP, NOWHERE, Operation, at, operations, read, requests, walks
from tests.canary.world import CANARY, World

Client = Callable[[str], TestClient]
BODIES = {
    "/v1/flows/execute-command": {"json": {"command": "run", "flow": "welcome-by-hand", "records": ["x"]}},
    "/v1/flows": {"json": []},
    "/v1/flows/{flow}/rollback": {"json": {"version": 1}},
    "/v1/flows/{flow}/duplicate": {"json": {"name": "Another"}},
    "/v1/outbox/{id}": {"json": {"subject": "Another"}},
    "/v1/messages": {"json": {"to": ["somebody@forwarder.example"], "subject": "Another", "text": "Words"}},
    "/v1/preferences/{key}": {"json": {"value": True}},
    "/v1/changes/{id}/undo": {"json": {"reason": "Another"}},
    "bulk": {"json": {"ids": [NOWHERE], "values": {"tags": []}}},
    "tags/{tag}": {"json": {"color": "red"}},
    "records/{id}/consents": {
        "json": {
            "address": "ida@berg.example",
            "channel": "email",
            "purpose": "marketing",
            "state": "granted",
            "reason": "x",
        }
    },
    "records/{id}/calls": {"json": {"number": "+49 30 1234567"}},
    "records/{id}/convert": {"json": {"to": "tasks"}},
}
"""Bodies that are well formed: by path, or by what follows the module."""
OWN = ("/v1/query", "/v1/notifications", "/v1/preferences", "/v1/calendar", "/hooks/")
"""Reads, and what is one's own; doors of their own, for whom nobody is an actor."""


def body_of(operation: Operation) -> dict[str, Any] | None:
    """What is sent to a path that takes more than fields of a record."""
    return BODIES.get(operation.path) or BODIES.get(operation.path.split("/", 4)[-1])


def test_no_path_that_reads_tells_of_a_forbidden_record(
    api: FastAPI, world: World, client: Client, who: str
) -> None:
    speaking, told = client(who), []
    for operation in operations(api):
        if operation.method != "get" or not walks(who, operation.module, world):
            continue
        for path, params in requests(operation, world):
            status, text = read(speaking, operation, path, params)
            if CANARY in text.lower() or status >= 500:
                told.append((status, path, params))
    assert told == []


def test_the_same_walk_finds_the_canary_for_an_administrator(
    api: FastAPI, world: World, client: Client
) -> None:
    told = set()
    for operation in operations(api):
        if operation.method == "get" and operation.module in DEEP:
            path, params = next(requests(operation, world))
            if CANARY in read(client("admin"), operation, path, params)[1].lower():
                told.add(operation.path.split("/", 4)[-1])
    assert {"records", "records/{id}", "records/{id}/profile", "records/{id}/history", "export"} <= told


def test_a_forbidden_record_is_answered_as_one_that_is_not_there(
    api: FastAPI, world: World, client: Client, who: str
) -> None:
    speaking, differing = client(who), []
    for operation in operations(api):
        if operation.module in DEEP and "{id}" in operation.path and "{rel" not in operation.path:
            answers = [
                speaking.request(
                    operation.method,
                    at(operation.path, record),
                    **(body_of(operation) or {"json": {"tags": []}}),
                )
                for record in (world.hidden[operation.module][0], NOWHERE)
            ]
            bodies = [answer.text.replace(world.hidden[operation.module][0], NOWHERE) for answer in answers]
            if answers[0].status_code != answers[1].status_code or bodies[0] != bodies[1]:
                differing.append((operation, *bodies))
    assert differing == []


def test_a_viewer_may_call_no_path_that_writes(api: FastAPI, world: World, client: Client) -> None:
    speaking, let_through = client("vera"), []
    for operation in operations(api):
        if operation.method == "get" or operation.path.startswith(OWN) or "/public/" in operation.path:
            continue
        seen = world.seen[operation.module][0] if operation.module else world.load
        links = world.catalog.to_many(operation.module) if operation.module else ()
        link = links[0].slug if links else "none"
        path = at(operation.path, seen, link, seen).replace("{flow}", "welcome-by-hand")
        answer = speaking.request(operation.method, path, **(body_of(operation) or {"json": {"id": seen}}))
        # Whose load it is, a viewer is not told: for him there is none.
        not_there = operation.path.startswith("/v1/loads/") and answer.status_code == 404
        if not (answer.status_code == 403 or not_there) or CANARY in answer.text:
            let_through.append((operation, answer.status_code, answer.text[:200]))
    assert let_through == []


def test_the_sql_door_shows_no_forbidden_row_in_any_relation(world: World, client: Client, who: str) -> None:
    names = [*shelf(world.catalog, world.actor(who)).relations]
    assert {*world.catalog.modules} <= {*names}
    parts = [f"SELECT '{name}' AS place, CAST(t AS VARCHAR) AS row FROM \"{name}\" t" for name in names]
    answer = client(who).post("/v1/query", json={"sql": " UNION ALL ".join(parts)})
    assert answer.status_code == 200, answer.text
    rows = answer.json()["rows"]
    assert {row["place"] for row in rows} >= {*world.catalog.modules}
    assert [row for row in rows if CANARY in row["row"].lower()] == []


@pytest.mark.parametrize(
    "table", ["lake.crm.customers", "lake.crm.customers__source", "lake.ops.rejects", "ops.outbox"]
)
def test_the_sql_door_leads_to_no_table_of_the_lake(client: Client, who: str, table: str) -> None:
    answer = client(who).post("/v1/query", json={"sql": f"SELECT * FROM {table}"})
    assert answer.status_code == 422 and CANARY not in answer.text


def test_problems_with_a_hidden_record_tell_nothing_of_it(world: World, client: Client) -> None:
    speaking = client("olaf")
    taken = {"name": "Taken", "external_id": f"EXT-{len(CANARY)}"}
    pointing = {"name": "Points", "business": world.hidden["business"][0]}
    for values in (taken, pointing):
        answer = speaking.post("/v1/modules/customers/records", json=values)
        assert answer.status_code == 422 and CANARY not in answer.text.lower()
    rows = f"external_id,name,email\nEXT-{len(CANARY)},Mine,mine@forwarder.example\n"
    for more in ({"dry_run": "true"}, {}):
        given = {"key": "external_id", "filename": "mine.csv", **more}
        answer = speaking.post("/v1/modules/customers/import", params=given, content=rows)
        assert answer.status_code == 200 and CANARY not in answer.text.lower(), answer.text
    mine = speaking.get(f"/v1/loads/{answer.json()['load_id']}/rejects")
    assert mine.json()["items"] and CANARY not in mine.text.lower()


def test_a_flow_by_hand_does_not_reach_a_forbidden_record(world: World, client: Client) -> None:
    for module in ("customers", "inquiries"):
        command = {"command": "run", "flow": "welcome-by-hand", "record": world.hidden[module][0]}
        answer = client("olaf").post("/v1/flows/execute-command", json=command)
        assert answer.status_code == 404 and CANARY not in answer.text.lower()
