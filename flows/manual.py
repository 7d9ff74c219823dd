"""Flows started by hand, or for a load whose flows did not run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlglot import exp

from crm_core.access import Actor
from crm_core.definitions import read_catalog, read_catalog_in
from crm_core.errors import Conflict, RecordNotFound
from crm_core.loading.errors import UnknownLoad
from crm_core.model import Catalog
from crm_core.params import Params
from crm_core.people import read_directory_in
from crm_core.records import Writer, create_in
from crm_core.relations import Relations
from crm_core.trees import column, text
from flows.active import ActiveFlow, active_flows, stored_flow, waits_for_changes
from flows.commit import Stored, prepare, store
from flows.errors import CommandInvalid, UnknownFlow
from flows.run_history import Effect, Run, list_runs, read_effects
from flows.runs import RUNS, begin_runs, deepest, stage_runs
from flows.staging import Window, stage_records
from flows.store import find_stored
from flows.window import Staged, finish_staging, stage_module
from lake import Change, Lake, Session, Transaction, ident, new_id, table

MOST_RECORDS = 10_000
_CHANGES = table("ops", "changes")


@dataclass(frozen=True)
class RecordResult:
    """What a run by hand came to for one record: done, failed, or not_matched."""

    record_id: str
    run_id: str
    state: str
    error: str | None
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True)
class CommandResult:
    """What a command came to. `run_id` names the run, or all runs of a command together."""

    run_id: str
    state: str
    results: tuple[RecordResult, ...] = ()


def runnable(catalog: Catalog, flow: str) -> ActiveFlow:
    """The version of a flow that runs, for a run by hand.

    Raises:
        UnknownFlow: There is none.
        Conflict: It is not active.
    """
    newest = find_stored(catalog, flow)
    live = catalog.live.get(newest.slug, newest)
    if newest.state == "retired":
        raise UnknownFlow(flow)
    if live.state != "active":
        raise Conflict(f"The flow {live.slug} is {_STANDS[live.state]}: activate it first, or test it.")
    return stored_flow(live)


_STANDS = {"draft": "a draft", "paused": "paused", "retired": "a draft"}
"""How a flow stands that does not run; a retired one that is asked for has a new draft."""


def visible_ids(lake: Lake, catalog: Catalog, module: str, ids: Sequence[str], actor: Actor) -> list[str]:
    """The ids, each once, after it is clear that the actor sees every one of the records.

    Raises:
        RecordNotFound: One is not there, or not for him.
        CommandInvalid: There are none, or too many.
    """
    wanted = list(dict.fromkeys(str(one).lower() for one in ids))
    if not wanted or len(wanted) > MOST_RECORDS:
        raise CommandInvalid(len(wanted), f"1 to {MOST_RECORDS:,} records are needed, not {len(wanted):,}")
    relations = Relations(catalog, actor, Params())
    listed = exp.cast(column("id", "r"), "VARCHAR").isin(query="SELECT unnest($ids)")
    select = (
        exp.select(exp.cast(column("id", "r"), "VARCHAR").as_("id"))
        .from_(relations.table(module, "r"))
        .where(relations.predicate(module, "r"), listed)
    )
    found = set(lake.read(text(select), relations.params.values | {"ids": wanted})["id"])
    for one in wanted:
        if one not in found:
            raise RecordNotFound(module, one)
    return wanted


def stage_by_hand(
    session: Session | Transaction,
    lake: Lake,
    catalog: Catalog,
    flow: ActiveFlow,
    ids: Sequence[str],
    *,
    cause: str,
    snapshot: int,
    uncommitted: bool = False,
    run_id: str | None = None,
    event: str = "manual",
) -> Staged:
    """Stage a run of one flow for each of some records as they are; its trigger is not asked.

    Args:
        session: where it is staged.
        lake: the lake.
        catalog: the definitions.
        flow: the flow.
        ids: the records.
        cause: the change under which the runs are recorded as set off.
        snapshot: as of which related records are read, and the records themselves.
        uncommitted: whether the records are those that the open transaction sees instead.
        run_id: the id that the only run shall have.
        event: as what the runs are recorded.
    """
    now = datetime.now(UTC)
    window, module = Window(snapshot, snapshot, snapshot, now), flow.definition.module
    begin_runs(session)
    count = stage_records(
        session, catalog, module, ids=ids, window=window, event=event, now_there=uncommitted
    )
    stage_runs(session, catalog, module, [flow], window, changes=count, by_hand=True)
    session.execute(f"UPDATE {ident(RUNS)} SET change_id = CAST(? AS UUID)", [cause])
    if run_id is not None:
        session.execute(f"UPDATE {ident(RUNS)} SET id = CAST(? AS UUID)", [run_id])
    return finish_staging(
        session, lake, catalog, [flow], window, changes=count, started_at=now, now_there=uncommitted
    )


def run_flow(
    lake: Lake,
    flow: str,
    *,
    ids: Sequence[str],
    actor: Actor,
    module: str | None = None,
    also: Callable[[Transaction, str], None] | None = None,
    event: str = "manual",
) -> CommandResult:
    """Run an active flow on records, whatever its trigger; its condition counts. All in one transaction.

    Args:
        lake: the lake.
        flow: a slug or id.
        ids: the records.
        actor: on whose behalf: he must see every record, and may not be a viewer.
        module: the flow's module; another is refused.
        also: what else is to be stored with it, given the transaction and the command's id.
        event: as what the runs are recorded.

    Raises:
        UnknownFlow, Conflict: There is no such flow, or it is not active.
        RecordNotFound: A record is not there, or not for the actor.
        Forbidden: The actor may only look.
    """
    catalog = read_catalog(lake)
    wanted = runnable(catalog, flow)
    own = wanted.definition.module
    actor.require_change(f"records of {own}")
    if module is not None and module != own:
        raise CommandInvalid(module, f"the flow {wanted.slug} is for {own}, not for {module}")
    chosen = visible_ids(lake, catalog, own, ids, actor)
    change = Change(actor=actor.user, door="flow:manual", reason=wanted.definition.title)
    with lake.session() as session:
        staged = stage_by_hand(
            session, lake, catalog, wanted, chosen, cause=change.id, snapshot=lake.snapshot(), event=event
        )
        prepared = prepare(session, staged, person=actor.user)

        def work(tx: Transaction) -> Stored:
            if also is not None:
                also(tx, change.id)
            return store(tx, prepared, hold_over=catalog.workspace.hold_messages_over)

        session.commit(work, change)
    return command_result(lake, change.id, actor)


def run_on_values(
    lake: Lake,
    flow: str,
    *,
    values: Mapping[str, Any],
    actor: Actor,
    also: Callable[[Transaction, str], None] | None = None,
    event: str = "manual",
) -> CommandResult:
    """Create a record of the flow's module and run the flow on it, in one transaction.

    Other flows that wait for such a record see it as they see any; this one does not run twice.

    Raises:
        UnknownFlow, Conflict: There is no such flow, or it is not active.
        ValuesInvalid: The values break the rules of their fields.
        Forbidden: The actor may only look.
    """
    wanted = runnable(read_catalog(lake), flow)
    actor.require_change(f"records of {wanted.definition.module}")
    run_id = new_id()
    change = Change(actor=actor.user, door="flow:manual", reason=wanted.definition.title, flow_run_id=run_id)

    def work(tx: Transaction) -> None:
        if also is not None:
            also(tx, change.id)
        catalog = read_catalog_in(tx, lake)
        writer = Writer(catalog, read_directory_in(tx, lake), actor, door="flow")
        ids = create_in(tx, writer, module=wanted.definition.module, values=[values])
        staged = stage_by_hand(
            tx,
            lake,
            catalog,
            wanted,
            ids,
            cause=change.id,
            snapshot=tx.snapshot - 1,
            uncommitted=True,
            run_id=run_id,
            event=event,
        )
        store(tx, prepare(tx, staged, person=actor.user), hold_over=catalog.workspace.hold_messages_over)

    lake.commit(work, change)
    return command_result(lake, change.id, actor)


def command_result(lake: Lake, command_id: str, actor: Actor) -> CommandResult:
    """What became of a command, from its runs."""
    runs = list_runs(lake, actor=actor, change_id=command_id, limit=MOST_RECORDS)
    effects = read_effects(lake, [run.id for run in runs])
    return as_result(runs, command_id, effects)


def as_result(
    runs: Sequence[Run], command_id: str, effects: Mapping[str, Sequence[Effect]] | None = None
) -> CommandResult:
    """Runs as the answer to a command: its state is theirs when they agree."""
    results = tuple(
        RecordResult(str(run.record_id), run.id, run.state, run.error, tuple((effects or {}).get(run.id, ())))
        for run in runs
    )
    return CommandResult(runs[0].id if len(runs) == 1 else command_id, _together(runs), results)


def _together(runs: Sequence[Run]) -> str:
    states = {run.state for run in runs}
    if len(states) == 1:
        return states.pop()
    return "partly_failed" if "failed" in states else "done"


def replay_load(lake: Lake, load_id: str, *, actor: Actor) -> Stored:
    """Let the flows that are active now act on the rows of a load that was silent, or that they did not see.

    A flow that ran for a row already does not run for it again, so a second replay does nothing. Relative dates
    begin now.

    Raises:
        Forbidden: The actor is no administrator.
        UnknownLoad: There is no such load.
        Conflict: Another replay is under way.
    """
    actor.require_admin("loads")
    with lake.lease("replay") as mine:
        if not mine:
            raise Conflict("Another replay is under way; try again when it is done.")
        return _replay(lake, load_id, actor)


def _replay(lake: Lake, load_id: str, actor: Actor) -> Stored:
    span = lake.read(
        f"SELECT min(snapshot) AS first, max(snapshot) AS last FROM {_CHANGES} "
        "WHERE load_id = try_cast(? AS UUID) AND flow_run_id IS NULL",
        [load_id],
    ).row(0)
    if span[0] is None:
        known = f"SELECT count(*) AS n FROM {table('ops', 'loads')} WHERE id = try_cast(? AS UUID)"
        if lake.read(known, [load_id])["n"][0]:
            return Stored()  # It changed nothing.
        raise UnknownLoad(load_id)
    catalog, now = read_catalog(lake), datetime.now(UTC)
    window = Window(int(span[0]) - 1, int(span[1]), lake.snapshot(), now, load_id)
    flows = active_flows(catalog)
    with lake.session() as session:
        staged = stage_again(session, lake, catalog, flows, window)
        if not staged.runs:
            return Stored()
        prepared = prepare(session, staged)
        hold_over = catalog.workspace.hold_messages_over
        change = Change(
            actor=actor.user, door="flow:replay", reason=f"flows of load {load_id}", depth=deepest(session)
        )
        return session.commit(lambda tx: store(tx, prepared, hold_over=hold_over), change).value


def stage_again(
    session: Session, lake: Lake, catalog: Catalog, flows: Sequence[ActiveFlow], window: Window
) -> Staged:
    """Stage what flows do with the changes of a window that was read before; what they did with them is left out."""
    started = datetime.now(UTC)
    begin_runs(session)
    changes, changed = 0, lake.feed.tables_changed(window.after, window.until)
    waiting = [flow for flow in flows if waits_for_changes(flow)]
    for module in sorted({flow.definition.module for flow in waiting}):
        own = [flow for flow in waiting if flow.definition.module == module]
        changes += (found := stage_module(session, lake, catalog, module, own, window, changed=changed))
        if found:
            stage_runs(session, catalog, module, own, window, changes=found)
    _leave_out_known(session)
    return finish_staging(session, lake, catalog, flows, window, changes=changes, started_at=started)


def _leave_out_known(session: Session) -> None:
    session.execute(
        f"DELETE FROM {ident(RUNS)} WHERE (flow_id, record_id, snapshot, event) IN ("
        f"SELECT (flow_id, record_id, snapshot, event) FROM {table('ops', 'flow_runs')})"
    )
