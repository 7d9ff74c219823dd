"""Circles in which flows set each other off, found before any does."""

from collections.abc import Iterator, Mapping, Sequence

from crm_core.errors import ConditionInvalid, UnknownModule
from crm_core.model import Catalog
from flows.actions.base import Writes
from flows.model import FlowDefinition

DEPTH_LIMIT = 8
"""How many flows may set each other off in a row before the chain is stopped."""


def find_cycles(catalog: Catalog, flows: Sequence[FlowDefinition]) -> list[tuple[str, ...]]:
    """The circles in which flows can set each other off, each once, by name; a flow never sets itself off."""
    graph = {
        one.flow: sorted(
            other.flow for other in flows if other.flow != one.flow and _can_set_off(catalog, one, other)
        )
        for one in flows
    }
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in graph:
        for circle in _circles(graph, start):
            found.setdefault(frozenset(circle), circle)
    return sorted(found.values())


def cycle_warnings(catalog: Catalog, flows: Sequence[FlowDefinition]) -> list[str]:
    """The circles as sentences for whoever activates a flow."""
    return [
        f"{' → '.join((*circle, circle[0]))} can set each other off in a circle; "
        f"a chain is stopped after {DEPTH_LIMIT} flows"
        for circle in find_cycles(catalog, flows)
    ]


def _circles(graph: Mapping[str, Sequence[str]], start: str) -> Iterator[tuple[str, ...]]:
    """The shortest circle through `start`, if there is one (breadth first)."""
    paths: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while paths:
        path = paths.pop(0)
        for following in graph[path[-1]]:
            if following == start:
                first = path.index(min(path))
                yield path[first:] + path[:first]
                return
            if following not in seen:
                seen.add(following)
                paths.append((*path, following))


def _can_set_off(catalog: Catalog, one: FlowDefinition, other: FlowDefinition) -> bool:
    try:
        writes = [write for action in one.actions for write in action.writes(catalog, one.module)]
        return any(_reaches(catalog, write, other) for write in writes)
    except (ConditionInvalid, UnknownModule):
        return False


def _reaches(catalog: Catalog, write: Writes, other: FlowDefinition) -> bool:
    if write.module != other.module:
        return False
    if write.inserts:
        return other.trigger.event == "created"
    if other.trigger.event != "updated":
        return False
    if not other.trigger.fields:
        return True
    for slug in other.trigger.fields:
        path = catalog.resolve(other.module, slug)
        columns = {path.column, *getattr(path.field, "columns", ())}
        if columns & write.columns and _can_become(slug, write, other):
            return True
    return False


def _can_become(slug: str, write: Writes, other: FlowDefinition) -> bool:
    """Whether a write can give the value that the trigger waits for; what is not known can become anything."""
    known = write.values.get(slug)
    if known is None or not other.trigger.asks_is:
        return True
    wanted = other.trigger.is_ if isinstance(other.trigger.is_, list) else [other.trigger.is_]
    return bool(known & {str(value) for value in wanted})
