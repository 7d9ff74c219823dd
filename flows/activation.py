"""What activating a flow would mean, told before anybody does it. Nothing is written."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlglot import exp

from crm_core.access import Actor
from crm_core.conditions import Scope, compile_condition
from crm_core.definitions import read_catalog
from crm_core.errors import DefinitionInvalid
from crm_core.model import All, AnyOf, Catalog, Condition, Leaf, Not
from crm_core.relations import relations_for
from crm_core.trees import coalesce, column, function, text
from flows.active import ActiveFlow, stored_flow, unsaved_flow
from flows.check import check_flow, read_flow
from flows.cycles import Cycle, explain_cycles
from flows.events import expand
from flows.model import FlowDefinition
from flows.store import find_stored, known_users
from flows.trial import TrialRecord, try_flow
from flows.triggers import WATCHING
from lake import Lake

SAMPLE = 20

_MEANINGS = {
    "created": "records for which the condition holds now; only new ones set the flow off, like these",
    "updated": "records for which the condition holds now; each is touched when it next changes in a way that the flow "
    "waits for",
    "saved": "records for which the condition holds now; each is touched when it next changes in a way that the flow "
    "waits for, and new ones like these at once",
    "deleted": "records for which the condition holds now; each is touched when it is deleted",
    "restored": "records for which the condition holds now; each is touched when it is deleted and comes back",
    "schedule": "records that the flow would touch if its time came now",
    "date": "records for which the condition holds now; each is touched when its date is reached",
    "webhook": "records for which the condition holds now; one is touched when the other system tells of it",
    "manual": "records on which the flow would act if somebody ran it on them now",
    "linked": "records for which the condition holds now; each is touched when such a link is made",
    "unlinked": "records for which the condition holds now; each is touched when such a link is taken away",
}


@dataclass(frozen=True)
class ActivationPreview:
    """What a flow would close, touch and do.

    `problems` keep it from being activated; with any, nothing else is worked out. `holds` is the number of live records
    for which its condition holds now, and `meaning` says what that number tells of a flow with its trigger. `records`
    are a dry run on the latest of these, and `messages` those that would leave for them. `notes` are worth knowing.
    """

    flow: str
    name: str
    module: str
    event: str
    problems: tuple[str, ...]
    cycles: tuple[Cycle, ...]
    holds: int
    meaning: str
    records: tuple[TrialRecord, ...]
    messages: int
    notes: tuple[str, ...]


def preview_activation(
    lake: Lake, flow: str | FlowDefinition, *, actor: Actor, sample: int = SAMPLE
) -> ActivationPreview:
    """Tell what activating a flow would mean: circles, how many records it is about, and what it does to whom.

    Args:
        lake: the lake.
        flow: the slug or id of a stored one, of which the newest version is meant, or one that is not saved yet.
        actor: an administrator: he is shown values of every record that the flow reads.
        sample: on how many records it is tried, at most 20.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow: There is no such flow.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    chosen = _chosen(catalog, flow)
    definition = chosen.definition
    problems = tuple(check_flow(catalog, definition, users=known_users(lake)))
    nothing = ActivationPreview(
        definition.flow, definition.title, definition.module, definition.trigger.event, problems, (), 0, "", (), 0, ()
    )  # fmt: skip
    if problems:
        return nothing
    holds, ids = _count(lake, catalog, expand(catalog, definition), max(0, min(sample, SAMPLE)))
    tried = try_flow(lake, flow, actor=actor, ids=ids).records if ids else ()
    messages = sum(step.outcome in ("queued", "held") for record in tried for step in record.steps)
    event = expand(catalog, definition).trigger.event
    return replace(
        nothing,
        cycles=_cycles(catalog, definition),
        holds=holds,
        meaning=f"{holds:,} {_MEANINGS[event]}",
        records=tried,
        messages=messages,
        notes=_notes(catalog, definition, holds),
    )


def _chosen(catalog: Catalog, flow: str | FlowDefinition) -> ActiveFlow:
    if isinstance(flow, FlowDefinition):
        return unsaved_flow(catalog, flow)
    return stored_flow(find_stored(catalog, flow))


def _cycles(catalog: Catalog, definition: FlowDefinition) -> tuple[Cycle, ...]:
    """The circles that the flow would stand in, among those that run or are paused."""
    others = []
    for slug, stored in catalog.live.items():
        if slug != definition.flow and stored.state in ("active", "paused"):
            try:
                others.append(read_flow(stored.document))
            except DefinitionInvalid:
                # What cannot be read does not run.
                continue
    found = explain_cycles(catalog, [*others, definition])
    return tuple(cycle for cycle in found if definition.flow in cycle.flows)


def _count(lake: Lake, catalog: Catalog, definition: FlowDefinition, sample: int) -> tuple[int, list[str]]:
    """For how many live records the flow's condition holds now, and the latest of them; one statement."""
    relations = relations_for(lake, catalog, Actor.system())
    scope = Scope(definition.module, "r", relations, datetime.now(UTC))
    tests = [relations.predicate(definition.module, "r"), compile_condition(_asked_now(definition), scope)]
    if definition.folders:
        default = catalog.module(definition.module).default_folder.slug
        folder = coalesce(column("folder", "r"), relations.params.bind(default))
        tests.append(folder.isin(*[relations.params.bind(slug) for slug in definition.folders]))
    latest = function(
        "arg_max",
        exp.cast(column("id", "r"), "VARCHAR"),
        column("updated_at", "r"),
        exp.Literal.number(max(1, sample)),
    )
    select = exp.select(function("count", exp.Star()).as_("n"), latest.as_("ids"))
    found = lake.read(
        text(select.from_(relations.table(definition.module, "r")).where(*tests)), relations.params.values
    )
    ids = found["ids"][0]
    return int(found["n"][0]), [] if ids is None else list(ids)[:sample]


def _asked_now(definition: FlowDefinition) -> Condition:
    """The condition as it can be asked of a record at rest, with the values that the trigger waits for."""
    trigger = definition.trigger
    parts = [_at_rest(definition.when, holds=True)]
    if trigger.event in WATCHING and trigger.asks_is:
        values = trigger.is_ if isinstance(trigger.is_, list) else [trigger.is_]
        given = [value for value in values if value is not None]
        wanted: list[Condition] = [Leaf(field=trigger.fields[0], op="in", value=given)] if given else []
        if len(given) < len(values):
            wanted.append(Leaf(field=trigger.fields[0], op="is_empty"))
        parts.append(AnyOf(any=tuple(wanted)))
    if trigger.event == "date":
        parts.append(Leaf(field=trigger.field, op="is_set"))
    return All(all=tuple(parts))


def _at_rest(condition: Condition, *, holds: bool) -> Condition:
    """The same, with whatever is asked of a change answered so that it does not stand in the way."""
    match condition:
        case All(all=parts):
            return All(all=tuple(_at_rest(part, holds=holds) for part in parts))
        case AnyOf(any=parts):
            return AnyOf(any=tuple(_at_rest(part, holds=holds) for part in parts))
        case Not(not_=part):
            return Not.model_validate({"not": _at_rest(part, holds=not holds)})
        case Leaf(op="changed"):
            return All() if holds else AnyOf()
    return condition


def _notes(catalog: Catalog, definition: FlowDefinition, holds: int) -> tuple[str, ...]:
    most = catalog.workspace.hold_runs_over if definition.limit is None else definition.limit
    if most and holds > most:
        return (
            f"More than {most:,} records in one window are held until a person has looked; {holds:,} are concerned.",
        )
    return ()
