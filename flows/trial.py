"""Trying a flow: everything is worked out as if it ran, shown, and rolled back."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm_core.access import Actor
from crm_core.definitions import read_catalog, read_catalog_in
from crm_core.people import read_directory_in
from crm_core.records import Writer, create_in
from flows.active import ActiveFlow, stored_flow, unsaved_flow
from flows.check import require_valid
from flows.commit import Prepared, prepare, store
from flows.errors import CommandInvalid
from flows.manual import stage_by_hand, visible_ids
from flows.model import FlowDefinition
from flows.store import find_stored, known_users
from flows.trial_effects import Trial, TrialRecord, read_trial
from lake import Change, Lake, Transaction

MOST = 100

__all__ = ["Trial", "TrialRecord", "try_flow"]


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
