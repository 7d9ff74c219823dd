"""Every operation that the API says it has, with every value that makes its path lead somewhere."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.canary.world import CANARY, World

NOWHERE = str(UUID(int=7))
METHODS = ("get", "post", "put", "patch", "delete")
DEEP = ("customers", "notes")
"""What is asked in every way; the other modules answer as these do."""


@dataclass(frozen=True)
class Operation:
    """One method of one path of the description; `module` is set where the path is a module's."""

    method: str
    path: str
    module: str | None


def walks(who: str, module: str | None, world: World) -> bool:
    """Whether the agent or the viewer walks a module: both through some, and through each other one of them.

    Their rows are the same, since both see by the same team: what differs, whether one may write, is of no module.
    """
    if module is None or module in DEEP:
        return True
    return [*world.catalog.modules].index(module) % 2 == (who == "vera")


def operations(api: FastAPI) -> list[Operation]:
    """Everything in the description, in its order."""
    found = []
    for path, item in api.openapi()["paths"].items():
        parts = (
            path.removeprefix("/api/v1/modules/").split("/") if path.startswith("/api/v1/modules/") else [""]
        )
        for method in METHODS:
            if method in item:
                module = None if "{" in parts[0] else parts[0] or None
                found.append(Operation(method, path.removeprefix("/api"), module))
    return found


def requests(operation: Operation, world: World) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths with parameters: everything of what is seen, and each forbidden or deleted record by its id."""
    module, path = operation.module, operation.path
    if module is None:
        yield from ((one, params) for one in _others(path, world) for params in variants(operation, world))
        return
    link = next((one.slug for one in world.catalog.to_many(module)), "none")
    for record in forbidden(world, module) if "{id}" in path else []:
        yield at(path, record, link, record), {}
    if module == "customers" and "{id}" in path:
        then = {"as_of": world.while_open.isoformat()}
        yield at(path, world.moved, link, world.moved), then
    links = [one.slug for one in world.catalog.to_many(module)] if "{relationship}" in path else [link]
    for one in links:
        seen = at(path, world.seen[module][0], one, world.hidden[module][0])
        yield from ((seen, params) for params in variants(operation, world))


def forbidden(world: World, module: str) -> list[str]:
    """The ids of a module that lead nowhere for the two."""
    return [*world.hidden[module][:2], world.deleted[module]]


def at(path: str, record: str, link: str = "none", other: str = NOWHERE) -> str:
    """The path with its places filled; a pinned entry is one of the path's own module."""
    filled = path.replace("{id}", record).replace("{relationship}", link).replace("{other}", other)
    return filled.replace("{kind}", path.split("/")[3]) if "{kind}" in path else filled


def _others(path: str, world: World) -> Iterator[str]:
    ids = {"/v1/loads": [world.load, NOWHERE], "/v1/runs": [*world.runs, NOWHERE]}
    chosen = next((values for start, values in ids.items() if path.startswith(start)), [NOWHERE])
    for one in chosen if "{id}" in path else [""]:
        for flow in ("welcome-by-hand", "acknowledge-inquiry") if "{flow}" in path else [""]:
            for report in world.catalog.reports if "{report}" in path else [""]:
                yield path.replace("{id}", one).replace("{flow}", flow).replace("{report}", report)


def variants(operation: Operation, world: World) -> list[dict[str, Any]]:
    """The parameters that change what is answered; where every module answers alike, those of a few modules."""
    path, module, plain = operation.path, operation.module, dict[str, Any]()
    then = {"as_of": world.while_open.isoformat()}
    if module is not None and path.endswith("/records"):
        references = [one for one in world.catalog.references(module) if not one.polymorphic]
        expand = {"expand": ",".join(one.slug for one in references), "limit": 1000}
        through = [f"{one.slug}.{world.catalog.module(one.targets[0]).title}" for one in references]
        leaves = [{"field": one, "op": "contains", "value": CANARY[:-1]} for one in through]
        every = [{"sort": ",".join(through)}, {"filter": json.dumps({"any": leaves})}] if through else []
        return [plain, expand, {"deleted": True}, then, *every]
    deep = module in DEEP
    if path.endswith("/export"):
        kinds = ("csv", "json", "ndjson", "parquet") if deep else ("csv",)
        return [{"format": kind} for kind in kinds] + ([then] if deep else [])
    if path.endswith("/timeline"):
        kinds = ["changes", *world.catalog.modules]
        return [{"kinds": ",".join(kinds), "limit": 200}, *([plain] if deep else [])]
    if path.endswith("/profile") or path.endswith("/records/{id}"):
        return [plain, then] if deep else [plain]
    if path.endswith("/rejects"):
        return [plain, {"format": "csv"}]
    if path.endswith("/search"):
        words = [CANARY[:-1], "contact.example", "load.example", "EXT-moved"]
        return [{"q": word, "limit": 200} for word in words]
    return [plain]


def read(client: TestClient, operation: Operation, path: str, params: dict[str, Any]) -> tuple[int, str]:
    """The status and everything that was answered as text; a Parquet file is opened."""
    answer = client.request(operation.method, path, params=params)
    if params.get("format") == "parquet" and answer.status_code == 200:
        return 200, str(pq.read_table(io.BytesIO(answer.content)).to_pylist())
    return answer.status_code, answer.text + str(dict(answer.headers))
