"""What the command palette of a page asks while one types, under the link that the page was given for its person."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from api.context import Here, Json
from crm_core.access import Actor
from crm_core.links import follow
from crm_core.model import Catalog
from crm_core.palette import PURPOSE, Found, find_records, recent_records
from flows.active import flows_for
from lake import Lake

router = APIRouter(prefix="/palette")
MOST_VISITED = 2000
"""Letters of the records that a browser remembers."""

Group = dict[str, Any]


@router.get("/{token}", include_in_schema=False)
def suggest(
    token: str,
    workspace: Here,
    words: Annotated[str, Query(max_length=1000)] = "",
    at: Annotated[str, Query(max_length=100)] = "",
    recent: Annotated[str, Query(max_length=MOST_VISITED)] = "",
) -> JSONResponse:
    """Groups of what one can choose: the record `module:id` that is open with its flows, and others by their words."""
    actor = follow(workspace.lake, token, purpose=PURPOSE).actor
    lake, catalog = workspace.lake, workspace.catalog
    groups: list[Group] = []
    if words.strip():
        groups += _grouped(catalog, find_records(lake, catalog, words=words, actor=actor))
    else:
        visited = [(module, id) for module, _, id in (one.partition(":") for one in recent.split(",") if one)]
        seen = recent_records(lake, catalog, visited=visited, actor=actor)
        groups.append({"name": "Recent", "items": [_item(catalog, one) for one in seen]})
    groups.append({"name": "Run a flow", "items": _runs(lake, catalog, at, actor, words)})
    return Json({"groups": [group for group in groups if group["items"]]})


def _grouped(catalog: Catalog, found: Iterable[Found]) -> list[Group]:
    groups: dict[str, Group] = {}
    for one in found:
        name = catalog.module(one.module).name
        groups.setdefault(name, {"name": name, "items": []})["items"].append(_item(catalog, one))
    return list(groups.values())


def _item(catalog: Catalog, one: Found) -> dict[str, str]:
    module = catalog.module(one.module)
    return {
        "do": f"open:{one.module}:{one.id}", "title": one.title, "text": one.text or module.one, "icon": module.icon
    }  # fmt: skip


def _runs(lake: Lake, catalog: Catalog, at: str, actor: Actor, words: str) -> list[dict[str, str]]:
    """The flows that may be run on the open record."""
    module, _, record_id = at.partition(":")
    if actor.role == "viewer" or module not in catalog.modules:
        return []
    here = recent_records(lake, catalog, visited=[(module, record_id)], actor=actor)
    wanted = words.lower().split()
    return [
        {"do": f"run:{flow.flow}:{module}:{one.id}", "title": f"Run {flow.title}", "text": one.title, "icon": "bolt"}
        for one in here
        for flow in flows_for(catalog, module)
        if all(word in f"run {flow.title} {flow.flow}".lower() for word in wanted)
    ]  # fmt: skip
