"""Named events: what a workspace calls something that happens, as data on top of the events there are."""

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from crm_core.errors import DefinitionInvalid
from crm_core.model import All, Catalog, Condition, CustomerEvent
from flows.model import FlowDefinition
from flows.triggers import EVENTS, Trigger


def expand(catalog: Catalog, definition: FlowDefinition) -> FlowDefinition:
    """The flow as it is compiled: a named event gives way to its trigger, and its condition must hold as well.

    A flow that waits for no named event is given back as it is.

    Raises:
        DefinitionInvalid: There is no such event, or it is of another module, or none that a flow can wait for.
    """
    if not definition.trigger.named:
        return definition
    problem = event_problem(catalog, definition)
    if problem:
        raise DefinitionInvalid(f"The flow {definition.flow}", [problem])
    event = catalog.events[definition.trigger.named]
    trigger = read_trigger(event)
    return definition.model_copy(update={"trigger": trigger, "when": _both(event.when, definition.when)})


def event_problem(catalog: Catalog, definition: FlowDefinition) -> str:
    """Why a flow cannot wait for the named event of its trigger, as a sentence; empty when it can."""
    slug = definition.trigger.named
    event = catalog.events.get(slug)
    if event is None:
        own = [one.slug for one in catalog.events.values() if one.module == definition.module]
        named = f"; named events of {definition.module}: {', '.join(sorted(own))}" if own else ""
        return f"there is no event “{slug}”: there are {', '.join(EVENTS)}{named}"
    if event.module != definition.module:
        return f"the event {slug} happens to {event.module}, not to {definition.module}"
    return ""


def read_trigger(event: CustomerEvent) -> Trigger:
    """The trigger of a named event.

    Raises:
        DefinitionInvalid: It is none, or waits for another named event.
    """
    what = f"The event {event.slug}"
    try:
        trigger = Trigger.model_validate(event.trigger)
    except ValidationError as error:
        raise DefinitionInvalid(what, [_told(found) for found in error.errors()]) from error
    if trigger.named:
        known = ", ".join(EVENTS)
        raise DefinitionInvalid(what, [f"its trigger waits for “{trigger.named}”, which is none of {known}"])
    return trigger


def event_problems(event: CustomerEvent) -> Iterator[str]:
    """What is wrong with a named event by itself."""
    if event.slug in EVENTS:
        yield f"the event {event.slug} has the name of an event that there is already; give it another"
    try:
        read_trigger(event)
    except DefinitionInvalid as error:
        yield from (f"the event {event.slug}: {problem}" for problem in error.problems)


def _both(one: Condition, other: Condition) -> Condition:
    parts = tuple(part for part in (one, other) if part != All())
    return parts[0] if len(parts) == 1 else All(all=parts)


def _told(found: Any) -> str:
    place = " ".join(str(part) for part in ("trigger", *found["loc"]))
    if found["type"] == "extra_forbidden":
        return f"{place} is not known here"
    return f"{place}: {found['msg'].removeprefix('Value error, ')}"
