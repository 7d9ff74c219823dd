"""What the command palette of a page asks while one types, under the link that the page was given for its person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from api.context import Here, Json
from crm_core.access import Actor
from crm_core.links import follow
from crm_core.model import Catalog
from crm_core.palette import PURPOSE, Found, acts_for, find_records, recent_records
from crm_core.query import read_record
from flows.active import flows_for
from lake import Lake

router = APIRouter(prefix="/palette")
MOST_VISITED = 2000
"""Letters of the records that a browser remembers."""

Group = dict[str, Any]


@dataclass(frozen=True)
class Opened:
    """The record that is open on the page that asks."""

    module: str
    id: str
    title: str
    folder: str | None


@router.get("/{token}", include_in_schema=False)
def suggest(
    token: str,
    workspace: Here,
    words: Annotated[str, Query(max_length=1000)] = "",
    at: Annotated[str, Query(max_length=100)] = "",
    recent: Annotated[str, Query(max_length=MOST_VISITED)] = "",
) -> JSONResponse:
    """Groups of what one can choose: what is done for the open record `module:id`, its flows, others by their words."""
    actor = follow(workspace.lake, token, purpose=PURPOSE).actor
    lake, catalog = workspace.lake, workspace.catalog
    groups: list[Group] = []
    if words.strip():
        groups += _grouped(catalog, find_records(lake, catalog, words=words, actor=actor))
    else:
        visited = [(module, id) for module, _, id in (one.partition(":") for one in recent.split(",") if one)]
        seen = recent_records(lake, catalog, visited=visited, actor=actor)
        groups.append({"name": "Recent", "items": [_item(catalog, one) for one in seen]})
    opened, wanted = _open_record(lake, catalog, at, actor), words.lower().split()
    if opened is not None:
        groups.append({"name": "Here", "items": _acts(catalog, opened, actor, wanted)})
        groups.append({"name": "Run a flow", "items": _runs(catalog, opened, actor, wanted)})
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


def _open_record(lake: Lake, catalog: Catalog, at: str, actor: Actor) -> Opened | None:
    """The record that is open, if the actor may see it and do anything with it."""
    module, _, record_id = at.partition(":")
    if actor.role == "viewer":
        return None
    [*found] = recent_records(lake, catalog, visited=[(module, record_id)], actor=actor)
    if not found:
        return None
    record = read_record(lake, catalog, module=module, record_id=record_id, actor=actor)
    return Opened(module, record_id, found[0].title, record["folder"])


def _acts(catalog: Catalog, opened: Opened, actor: Actor, wanted: Sequence[str]) -> list[dict[str, str]]:
    """What one does for the open record."""
    return [
        {"do": f"act:{act.what}:{opened.module}:{opened.id}", "title": act.title, "text": opened.title,
         "icon": act.icon}
        for act in acts_for(catalog, opened.module, folder=opened.folder, actor=actor)
        if all(word in f"{act.title} {opened.title}".lower() for word in wanted)
    ]  # fmt: skip


def _runs(catalog: Catalog, opened: Opened, actor: Actor, wanted: Sequence[str]) -> list[dict[str, str]]:
    """The flows that may be run on the open record."""
    return [
        {"do": f"run:{flow.flow}:{opened.module}:{opened.id}", "title": f"Run {flow.title}", "text": opened.title,
         "icon": "bolt"}
        for flow in flows_for(catalog, opened.module, folder=opened.folder, actor=actor)
        if all(word in f"run {flow.title} {flow.flow}".lower() for word in wanted)
    ]  # fmt: skip
