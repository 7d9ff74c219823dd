"""Circles in which flows set each other off, found before any does."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from crm_core.errors import ConditionInvalid, DefinitionInvalid, UnknownModule
from crm_core.model import Catalog
from flows.actions import Action
from flows.actions.base import Writes
from flows.events import expand
from flows.model import FlowDefinition
from flows.segments import BEGINNING, module_at
from flows.steps import Call
from flows.triggers import LINKS, WATCHING

DEPTH_LIMIT = 8
"""How many flows may set each other off in a row before the chain is stopped."""


@dataclass(frozen=True)
class Link:
    """Why one flow sets off the next: `by` are the fields that it sets, or in words what else it does."""

    flow: str
    sets_off: str
    by: tuple[str, ...]


@dataclass(frozen=True)
class Cycle:
    """A circle of flows that can set each other off, with what closes it, and both as a sentence."""

    flows: tuple[str, ...]
    links: tuple[Link, ...]
    words: str


def find_cycles(catalog: Catalog, flows: Sequence[FlowDefinition]) -> list[tuple[str, ...]]:
    """The circles in which flows can set each other off, each once, by name; a flow never sets itself off."""
    return [cycle.flows for cycle in explain_cycles(catalog, flows)]


def explain_cycles(catalog: Catalog, flows: Sequence[FlowDefinition]) -> list[Cycle]:
    """As `find_cycles`, with the fields by which each flow sets off the next."""
    ways = {
        (one.flow, other.flow): by
        for one in flows
        for other in flows
        if other.flow != one.flow and (by := _ways(catalog, one, other))
    }
    graph = {one.flow: sorted(to for start, to in ways if start == one.flow) for one in flows}
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in graph:
        for circle in _circles(graph, start):
            found.setdefault(frozenset(circle), circle)
    return [_cycle(circle, ways) for circle in sorted(found.values())]


def cycle_warnings(
    catalog: Catalog, flows: Sequence[FlowDefinition], *, about: Collection[str] | None = None
) -> list[str]:
    """The circles as sentences for whoever activates a flow; with `about` those alone in which one of these stands."""
    return [
        cycle.words
        for cycle in explain_cycles(catalog, flows)
        if about is None or set(cycle.flows) & set(about)
    ]


def _cycle(circle: tuple[str, ...], ways: Mapping[tuple[str, str], tuple[str, ...]]) -> Cycle:
    around = (*circle, circle[0])
    links = tuple(Link(one, to, ways[one, to]) for one, to in pairwise(around))
    told = "; ".join(f"{link.flow} by {', '.join(link.by)}" for link in links)
    words = (
        f"{' → '.join(around)} can set each other off in a circle ({told}); "
        f"a chain is stopped after {DEPTH_LIMIT} flows"
    )
    return Cycle(circle, links, words)


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


def _ways(catalog: Catalog, one: FlowDefinition, other: FlowDefinition) -> tuple[str, ...]:
    """By what the first flow can set off the second; nothing when it cannot."""
    found: dict[str, None] = {}
    for each in one.steps:
        if isinstance(each.step, Call) and each.step.flow == other.flow:
            found["a call"] = None
    with suppress(ConditionInvalid, UnknownModule, DefinitionInvalid):
        # A flow that cannot be compiled does nothing, and sets off nothing.
        waiting = expand(catalog, other)
        for each in one.steps:
            if isinstance(each.step, Action):
                start = f"in:{each.within[-1]}" if each.within else BEGINNING
                for write in each.step.writes(catalog, module_at(catalog, one, start)):
                    found |= dict.fromkeys(_reaches(catalog, write, waiting))
    return tuple(found)


def _reaches(catalog: Catalog, write: Writes, other: FlowDefinition) -> list[str]:
    """The fields, or the new record, by which a write sets off a flow."""
    trigger = other.trigger
    if write.module != other.module:
        return []
    if write.inserts:
        return [f"a new record of {write.module}"] if trigger.event in ("created", "saved", "linked") else []
    if trigger.event in LINKS:
        return [trigger.link] if trigger.link in write.columns else []
    if trigger.event not in WATCHING:
        return []
    if not trigger.fields:
        return sorted(write.columns) or ["any field"]
    found = []
    for slug in trigger.fields:
        path = catalog.resolve(other.module, slug)
        columns = {path.column, *getattr(path.field, "columns", ())}
        if columns & write.columns and _can_become(slug, write, other):
            found.append(slug)
    return found


def _can_become(slug: str, write: Writes, other: FlowDefinition) -> bool:
    """Whether a write can give the value that the trigger waits for; what is not known can become anything."""
    known = write.values.get(slug)
    if known is None or not other.trigger.asks_is:
        return True
    wanted = other.trigger.is_ if isinstance(other.trigger.is_, list) else [other.trigger.is_]
    return bool(known & {str(value) for value in wanted})
