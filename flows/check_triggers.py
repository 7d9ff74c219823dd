"""Whether what sets a flow off can happen, said in sentences when the flow is saved."""

from collections.abc import Iterator

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_leaf
from crm_core.errors import ConditionInvalid, UnknownModule
from crm_core.model import Catalog, Condition, ToMany
from crm_core.model.condition import placed_leaves
from crm_core.relations import Relations
from flows.check_values import check_trigger_value
from flows.checks import Checks
from flows.events import event_problem, event_problems, expand, read_trigger
from flows.link_changes import watched_links
from flows.model import FlowDefinition
from flows.problems import Place, Told, below
from flows.targets import find_target
from flows.triggers import LINKS, OF_THE_FEED, Trigger


def trigger_problems(checks: Checks, flow: FlowDefinition) -> Iterator[str]:
    """What keeps the trigger of a flow from ever being met."""
    if flow.trigger.named:
        problem = event_problem(checks.catalog, flow)
        if problem:
            yield Told(f"the trigger: {problem}", ("trigger", "event"))
            return
        if not any(event_problems(checks.catalog.events[flow.trigger.named])):
            yield from _changed_problems(expand(checks.catalog, flow))
        return
    yield from _trigger_problems(checks, flow.trigger)
    yield from _changed_problems(flow)


def named_event_problems(catalog: Catalog) -> Iterator[str]:
    """What is wrong with the named events of a workspace."""
    for event in catalog.events.values():
        wrong = list(event_problems(event))
        yield from wrong
        if event.module not in catalog.modules:
            yield f"the event {event.slug} is of the unknown module “{event.module}”"
        elif not wrong:
            checks = Checks(catalog, event.module)
            for problem in _trigger_problems(checks, read_trigger(event)):
                yield f"the event {event.slug}: {problem}"
            for problem in condition_problems(catalog, event.module, event.when):
                yield f"the event {event.slug}: {problem}"


def condition_problems(catalog: Catalog, module: str, condition: Condition) -> Iterator[str]:
    """What keeps a condition from being asked about a change of a record; places begin at the condition."""
    scope = Scope(module, "f", Relations(catalog, Actor.system()), old_alias="f")
    for leaf, place in placed_leaves(condition):
        try:
            compile_leaf(leaf, scope)
        except (ConditionInvalid, UnknownModule) as error:
            yield Told(f"the condition: {getattr(error, 'reason', error)}", place)


def _changed_problems(flow: FlowDefinition) -> Iterator[str]:
    """`changed` asks about a change, which only some events are."""
    if flow.trigger.event in OF_THE_FEED - LINKS:
        return
    for leaf, place in placed_leaves(flow.when):
        if leaf.op == "changed":
            yield Told(
                f"the condition asks whether “{leaf.field}” changed, and with the event {flow.trigger.event} "
                "no field changes; use it with created, updated, saved, deleted or restored",
                ("when", *place),
            )


def _trigger_problems(checks: Checks, trigger: Trigger) -> Iterator[str]:
    for number, slug in enumerate(trigger.fields):
        yield from _field_problems(checks, trigger, slug, ("trigger", "fields", number))
    match trigger.event:
        case "linked" | "unlinked":
            known = watched_links(checks.catalog, checks.module)
            if trigger.link not in known:
                has = ", ".join(sorted(known)) or "none"
                said = f"the trigger: {checks.module} has no link “{trigger.link}”; its links are {has}"
                yield Told(said, ("trigger", "link"))
            elif isinstance(known[trigger.link], ToMany):
                yield from below(("trigger", "link"), _list_problems(checks, trigger.link))
        case "date":
            yield from below(("trigger", "field"), _date_problems(checks, trigger))
        case "webhook":
            yield from _map_problems(checks, trigger)


def _list_problems(checks: Checks, slug: str) -> Iterator[str]:
    try:
        checks.catalog.list_named(checks.module, slug)
    except ConditionInvalid as error:
        yield f"the trigger: {error.reason}"


def _field_problems(checks: Checks, trigger: Trigger, slug: str, place: Place) -> Iterator[str]:
    try:
        path = checks.catalog.resolve(checks.module, slug)
    except (ConditionInvalid, UnknownModule) as error:
        yield Told(f"the trigger names a missing field: {getattr(error, 'reason', error)}", place)
        return
    if path.steps:
        yield Told(f"the trigger can watch fields of {checks.module} itself, not “{slug}”", place)
        return
    asked = (("was", trigger.asks_was, trigger.was), ("is", trigger.asks_is, trigger.is_))
    for key, value in ((key, value) for key, is_asked, value in asked if is_asked):
        for single in value if isinstance(value, list) else [value]:
            if single is not None:
                yield from below(("trigger", key), check_trigger_value(checks, slug, single))


def _date_problems(checks: Checks, trigger: Trigger) -> Iterator[str]:
    try:
        path = checks.catalog.resolve(checks.module, trigger.field)
    except (ConditionInvalid, UnknownModule) as error:
        yield f"the trigger names a missing field: {getattr(error, 'reason', error)}"
        return
    if path.steps:
        yield f"the trigger can wait for a date of {checks.module} itself, not for “{trigger.field}”"
    elif path.column_type not in ("DATE", "TIMESTAMPTZ"):
        yield f"the trigger waits for “{trigger.field}”, which is no date and no date and time"
    elif trigger.yearly and path.column_type != "DATE":
        yield f"the trigger: only a date comes back each year, which “{trigger.field}” with its time is not"


def _map_problems(checks: Checks, trigger: Trigger) -> Iterator[str]:
    columns = checks.catalog.columns(checks.module)
    for slug in trigger.map:
        place = ("trigger", "map", slug)
        try:
            find_target(checks.catalog, checks.module, slug)
        except (ConditionInvalid, UnknownModule) as error:
            yield Told(f"the trigger maps to a missing field: {getattr(error, 'reason', error)}", place)
            continue
        if slug == trigger.key and columns.get(slug) != "VARCHAR":
            said = f"the trigger: records are found by a text, an address or a phone number, not by “{slug}”"
            yield Told(said, ("trigger", "key"))
    for field in checks.catalog.module(checks.module).fields:
        needed = field.required and field.default is None and field.kind != "auto_number"
        if needed and not trigger.key and field.slug not in trigger.map:
            said = f"the trigger: {checks.module} needs “{field.slug}”, which map does not say the place of"
            yield Told(said, ("trigger", "map"))
