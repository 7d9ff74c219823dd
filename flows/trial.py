"""Trying a flow: everything is worked out as if it ran, shown, and rolled back."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog, read_catalog_in
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.people import read_directory_in
from crm_core.records import Writer, create_in
from crm_core.relations import Relations
from crm_core.trees import column, text
from flows.active import ActiveFlow, stored_flow, unsaved_flow
from flows.check import require_valid
from flows.commit import Prepared, prepare, store
from flows.errors import CommandInvalid
from flows.manual import runnable, stage_by_hand, visible_ids
from flows.model import FlowDefinition
from flows.store import find_stored, known_users
from flows.trial_effects import Trial, TrialRecord, read_trial
from lake import Change, Lake, Transaction

MOST = 100

__all__ = ["Trial", "TrialRecord", "preview_flow", "try_flow"]


def try_flow(
    lake: Lake,
    flow: str | FlowDefinition,
    *,
    actor: Actor,
    ids: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Trial:
    """Work out what a flow would do to some records now, whatever its trigger and state. Nothing is written.

    Args:
        lake: the lake.
        flow: the slug or id of a stored one, or one that is not saved yet.
        actor: an administrator: he is shown values of every record that the flow reads.
        ids: at most 100 records of the flow's module.
        values: or the values of a record that is not there.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownFlow, DefinitionInvalid: There is no such flow, or it cannot run.
        RecordNotFound: A record is not there.
        CommandInvalid: Neither records nor values, or too many.
    """
    actor.require_admin("flows")
    catalog = read_catalog(lake)
    tried = _flow(flow, lake)
    require_valid(catalog, tried.definition, users=known_users(lake))
    if len(ids) > MOST:
        raise CommandInvalid(len(ids), f"a flow can be tried on {MOST} records at once, not on {len(ids)}")
    chosen = [] if values is not None else visible_ids(lake, catalog, tried.definition.module, ids, actor)

    def work(tx: Transaction) -> Trial:
        there = _with_values(tx, lake, tried, values, actor) if values is not None else chosen
        prepared = _stored(tx, lake, tried, there)
        tx.cancel()
        return read_trial(tx, prepared)

    return lake.commit(work, Change(actor=actor.user, door="flow:test", reason=tried.slug)).value


def preview_flow(
    lake: Lake, flow: str, *, module: str, record_id: str, actor: Actor
) -> TrialRecord | None:  # fmt: skip
    """Work out what an active flow would do to one record now, as far as the actor may see it. Nothing is written.

    Of a step that touches a record which he does not see, before it or after, only its kind stays; what the condition
    saw is for administrators.

    Raises:
        Forbidden: The actor may only look.
        UnknownFlow, Conflict: There is no such flow, or it is not active.
        CommandInvalid: It works on records of another module.
        RecordNotFound: The record is not there, or not for him.
    """
    actor.require_change("records by a flow")
    catalog = read_catalog(lake)
    tried = runnable(catalog, flow)
    if tried.definition.module != module:
        raise CommandInvalid(module, f"the flow {tried.slug} works on {tried.definition.module}")
    chosen = visible_ids(lake, catalog, module, [record_id], actor)

    def work(tx: Transaction) -> tuple[Trial, set[str]]:
        trial = read_trial(tx, _stored(tx, lake, tried, chosen))
        after = set() if actor.sees_all else _seen(tx, read_catalog_in(tx, lake), trial, actor)
        tx.cancel()
        return trial, after

    trial, seen = lake.commit(work, Change(actor=actor.user, door="flow:test", reason=tried.slug)).value
    found = next((one for one in trial.records if one.record_id == chosen[0]), None)
    if found is None:
        return None
    # What is done for related records, and by flows that are called, are runs of their own.
    others = [step for one in trial.records if one is not found for step in one.steps]
    steps = (*found.steps, *others)
    if actor.sees_all:
        return replace(found, steps=steps)
    seen |= _seen(lake, catalog, trial, actor)
    shown = (one if one.record is None or one.record in seen else replace(one, values={}) for one in steps)
    return replace(found, leaves=(), steps=tuple(shown))


def _seen(reader: Lake | Transaction, catalog: Catalog, trial: Trial, actor: Actor) -> set[str]:
    """The records that the steps of a trial touch and that the actor sees."""
    wanted: dict[str, list[str]] = {}
    for step in (step for record in trial.records for step in record.steps):
        if step.record is not None and step.module in catalog.modules:
            wanted.setdefault(step.module, []).append(step.record)
    found: set[str] = set()
    for module, ids in wanted.items():
        relations = Relations(catalog, actor, Params())
        key = exp.cast(column("id", "r"), "VARCHAR")
        select = (
            exp.select(key.as_("id"))
            .from_(relations.table(module, "r"))
            .where(relations.predicate(module, "r"), key.copy().isin(*relations.params.bind_all(ids)))
        )
        found |= set(reader.read(text(select), relations.params.values)["id"])
    return found


def _flow(flow: str | FlowDefinition, lake: Lake) -> ActiveFlow:
    if isinstance(flow, FlowDefinition):
        return unsaved_flow(read_catalog(lake), flow)
    return stored_flow(find_stored(read_catalog(lake), flow))


def _with_values(
    tx: Transaction, lake: Lake, flow: ActiveFlow, values: Mapping[str, Any], actor: Actor
) -> Sequence[str]:
    writer = Writer(read_catalog_in(tx, lake), read_directory_in(tx, lake), actor, door="flow")
    return create_in(tx, writer, module=flow.definition.module, values=[values])


def _stored(tx: Transaction, lake: Lake, flow: ActiveFlow, ids: Sequence[str]) -> Prepared:
    catalog = read_catalog_in(tx, lake)
    staged = stage_by_hand(
        tx, lake, catalog, flow, ids, cause=tx.change_id, snapshot=tx.snapshot - 1, uncommitted=True
    )
    prepared = prepare(tx, staged)
    store(tx, prepared, hold_over=catalog.workspace.hold_messages_over)
    return prepared
